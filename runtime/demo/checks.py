"""The demo's checks: the API's answer against the oracle over the source table and PostgreSQL's own GROUP BY."""

from __future__ import annotations

from rankings.catalogue import RANKINGS
from rankings.oracle import Entry, Filter, Total, answer, sums
from rankings.oracle import SumKey as Key
from rankings.ranking import Ranking
from rankings.sale import Sale
from runtime.demo.answers import MOST
from runtime.demo.stage import Stage
from runtime.errors import Retryable


def run(stage: Stage, others: list[Sale]) -> bool:
    """Checks every ranking in every currency; whether all passed.

    Args:
        stage: the running stack.
        others: the sales of the other sources.
    """
    stage.title("Checks: merged answer = oracle over all sources; oracle over the table = SELECT ... GROUP BY")
    shop = stage.shop.all_sales()
    return all([_check(stage, ranking, shop, others) for ranking in RANKINGS])


def currencies(stage: Stage) -> list[str]:
    """Every currency that the shop sells in."""
    return sorted({sale.currency for sale in stage.shop.all_sales()})


def _check(stage: Stage, ranking: Ranking, shop: list[Sale], others: list[Sale]) -> bool:
    table, database = sums(ranking, shop, stage.zone), stage.shop.totals(ranking, stage.zone)
    sales = [*shop, *others]
    oracle = sums(ranking, sales, stage.zone)
    merged = all(_same_answer(stage, ranking, oracle, currency) for currency in sorted({s.currency for s in sales}))
    amount = sum(sale.amount for sale in sales)
    _tell(stage, table == database, f"{ranking.title}: oracle = GROUP BY, {len(table):,} sums of days and subjects")
    _tell(
        stage,
        merged,
        f"{ranking.title}: merged answer = oracle, {len(sales):,} sales, {amount:,.2f} over all currencies",
    )
    return table == database and merged


def _same_answer(stage: Stage, ranking: Ranking, oracle: dict[Key, Total], currency: str) -> bool:
    """What is still under way is waited for; what stays different is shown."""
    expected = answer(ranking, oracle, Filter(currency=currency, limit=MOST))
    try:
        stage.answers.wait(ranking, lambda found: found.entries == expected, currency=currency, limit=MOST)
    except Retryable:
        _show_difference(stage, expected, stage.answers.ask(ranking, currency=currency, limit=MOST).entries)
        return False
    return True


def _show_difference(stage: Stage, expected: list[Entry], found: list[Entry]) -> None:
    for entry in sorted(set(expected) ^ set(found), key=lambda each: (each.subject, each.rank))[:10]:
        stage.say(f"  {'expected' if entry in expected else 'received'}: {entry}")


def _tell(stage: Stage, good: bool, text: str) -> None:
    stage.say(f"[green]✓[/green] {text}" if good else f"[bold red]✗ {text}[/bold red]")
