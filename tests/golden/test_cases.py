"""The golden cases are what they claim to be: the oracle gives their answers, and the contract their refusals."""

from __future__ import annotations

import pytest

from rankings import oracle
from rankings.contract import Rejected
from rankings.ranking import Ranking
from tests.golden import cases, deltas
from tests.golden.cases import Case

ALL = pytest.mark.parametrize("case", cases.load(), ids=str)


def test_there_is_a_case_of_every_kind() -> None:
    assert len(cases.load()) >= 25
    assert all(case.title for case in cases.load())


@ALL
def test_the_oracle_gives_the_answer(case: Case) -> None:
    present = oracle.state(change for _, change in case.changes()).values()
    for answer in case.answers:
        found = oracle.answer(answer.ranking, oracle.sums(answer.ranking, present, case.zone), answer.asked)
        assert found == answer.entries


@ALL
def test_the_contract_refuses_those_records_alone(case: Case) -> None:
    refused = {place: said for place, said in enumerate(record.parsed for record in case.records)}
    refused = {place: said for place, said in refused.items() if isinstance(said, Rejected)}
    assert list(refused) == [refusal.record for refusal in case.refused]
    for refusal in case.refused:
        said = refused[refusal.record]
        assert isinstance(said, Rejected)
        assert said.field == refusal.field
        assert said.reason.startswith(refusal.reason)


@ALL
def test_history_before_a_boundary_and_deltas_from_it_on_are_the_whole(case: Case) -> None:
    rankings: set[Ranking] = {answer.ranking for answer in case.answers}
    for ranking in rankings:
        whole = deltas.history(ranking, case.changes(), case.zone, case.boundaries()[-1])
        live = deltas.live(ranking, case.changes(), case.zone)
        for boundary in case.boundaries():
            found = deltas.history(ranking, case.changes(), case.zone, boundary)
            for (second, key), delta in live.items():
                if second >= boundary:
                    found[key] = found.get(key, oracle.NOTHING).plus(delta.amount, delta.sales)
            assert {key: total for key, total in found.items() if total != oracle.NOTHING} == whole
