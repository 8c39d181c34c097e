"""A definition is written from a WSDL: proposed by likeness of names, asked where a person answers, and it works."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from runtime.errors import Permanent
from streaming.sources.catalogue import definition
from streaming.sources.mapping import Mapper
from streaming.sources.soap.commands import scaffold as command
from streaming.sources.soap.definition import SoapSource
from streaming.sources.soap.scaffold import Wanted, scaffold, written
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import ORDER, Peer, Said, envelope
from tests.sources.soap.till import Till

app = typer.Typer()
app.command()(command)


@app.callback()
def main() -> None:
    """Has one command alone be called by its name."""


def first(what: str, choices: Sequence[str], proposal: str) -> str:
    return proposal


def proposed(what: str, proposal: str) -> str:
    return proposal


def test_the_proposal_for_a_real_service_reads_its_sales(till: Till, read: Read) -> None:
    till.sell(5)
    found = scaffold(Wanted("till", till.url, "list_sales"), first, proposed)
    assert found == {
        "name": "till",
        "kind": "soap",
        "wsdl": till.url,
        "operation": "list_sales",
        "rows": "list_salesResult.sales.Sale",
        "request": {"size": "1000"},
        "poll": {"by": "sequence", "argument": "after", "field": "number"},
        "message_id": "message_id",
        "fields": {
            "sale_id": "receipt",
            "occurred_at": "sold_at",
            "country": "place.country",
            "city": "place.city",
            "salesman_id": "seller_id",
            "salesman": "seller_name",
            "amount": "total",
            "currency": "currency",
            "deleted": "cancelled",
        },
    }
    source = SoapSource.model_validate({**found, "request": {"size": 2}})
    outcome = Mapper(source).map(read(source))
    assert not outcome.refused
    assert [json.loads(each.payload)["sale_id"] for each in outcome.accepted] == [f"R-{n:06}" for n in range(1, 6)]


def test_names_in_another_style_and_attributes(ledger: Peer, read: Read) -> None:
    told = {"salesman_id": "Seller@no", "deleted": ""}
    found = scaffold(Wanted("ledger", f"{ledger.root}/ledger.wsdl", fields=told), first, lambda what, proposal: (
        "" if what.startswith("The argument") else proposal))  # fmt: skip
    assert found["operation"] == "ListSales"
    assert found["rows"] == "Order"
    assert found["fields"] == {
        "sale_id": "@id",
        "occurred_at": "SoldAt",
        "country": "Place.Country",
        "city": "Place.City",
        "salesman_id": "Seller@no",
        "salesman": "Seller.Name",
        "amount": "Total",
        "currency": "Total@currency",
    }
    ledger.say = lambda _: Said(envelope(ORDER.format(id=1)))
    source = SoapSource.model_validate(found)
    assert len(Mapper(source).map(read(source)).accepted) == 1


def test_answers_go_before_proposals(till: Till) -> None:
    answers = {"city (": "=Berlin", "deleted (": "", "The argument": ""}

    def answered(what: str, proposal: str) -> str:
        return next((value for begin, value in answers.items() if what.startswith(begin)), proposal)

    def chosen(what: str, choices: Sequence[str], proposal: str) -> str:
        return "list_all" if "list_all" in choices else proposal

    found = scaffold(Wanted("till", till.url), chosen, answered)
    assert found["operation"] == "list_all"
    assert found["fields"]["city"] == {"constant": "Berlin"}
    assert "deleted" not in found["fields"]
    assert "poll" not in found


def test_what_is_not_in_the_wsdl_is_refused(till: Till) -> None:
    with pytest.raises(Permanent, match=r"valid: number, message_id, receipt"):
        scaffold(Wanted("till", till.url, "list_sales", fields={"city": "town"}), first, proposed)
    with pytest.raises(Permanent, match=r"valid: list_salesResult\.sales\.Sale"):
        scaffold(Wanted("till", till.url, "list_sales", rows="nowhere"), first, proposed)
    with pytest.raises(Permanent, match="no such argument"):
        scaffold(Wanted("till", till.url, "list_sales", request={"most": "3"}), first, proposed)
    with pytest.raises(Permanent, match="name: String should match"):
        scaffold(Wanted("Till!", till.url, "list_sales"), first, proposed)
    with pytest.raises(Permanent, match="no such operation"):
        scaffold(Wanted("till", till.url, "list_nothing"), first, proposed)


def test_a_definition_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    written({"name": "a"}, tmp_path / "a.yaml")
    with pytest.raises(Permanent, match="there is a definition already"):
        written({"name": "b"}, tmp_path / "a.yaml")
    assert (tmp_path / "a.yaml").read_text() == "name: a\n"


def test_the_command_without_questions(till: Till, tmp_path: Path) -> None:
    path = tmp_path / "sources" / "till.yaml"
    options = ["--wsdl", till.url, "--name", "till", "--operation", "list_sales", "--no-ask", "--output", str(path)]
    ran = CliRunner().invoke(app, ["scaffold", *options, "--field", "currency==USD", "--argument", "size=5"])
    assert ran.exit_code == 0, ran.output
    found = definition(path)
    assert isinstance(found, SoapSource)
    assert found.fields.currency.constant == "USD"
    assert found.request == {"size": "5"}
    assert "tidelake sources check till" in ran.output


def test_the_command_asks(till: Till) -> None:
    answers = ["list_sales", "list_salesResult.sales.Sale", *[""] * 9, "", "", "7"]
    options = ["--wsdl", till.url, "--name", "till", "--ask", "--output", "-"]
    ran = CliRunner().invoke(app, ["scaffold", *options], input="\n".join(answers) + "\n")
    assert ran.exit_code == 0, ran.output
    assert "Which operation tells sales" in ran.output
    told: dict[str, Any] = yaml.safe_load(ran.output[ran.output.rindex("name: till") :])
    assert told["fields"]["amount"] == "total"
    assert told["poll"]["argument"] == "after"
    assert told["request"] == {"size": "7"}


def test_the_command_refuses_fields_that_a_sale_does_not_have(till: Till) -> None:
    options = ["--wsdl", till.url, "--name", "till", "--no-ask", "--field", "colour=x"]
    ran = CliRunner().invoke(app, ["scaffold", *options])
    assert ran.exit_code == 2
    assert "colour" in ran.output
