"""How the demo looks."""

from __future__ import annotations

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.ranking import Ranking
from rankings.sale import Sale
from runtime.demo.answers import Answer
from runtime.demo.stage import Stage
from stack import control
from stack.shop.simulator import Change, Kind

GIB = 1024**3


def tops(answers: list[Answer], arrived: int, wanted: int) -> RenderableType:
    """The head of each ranking, and how many sales have arrived."""
    tables = [_top(ranking, answer) for ranking, answer in zip(RANKINGS, answers, strict=True)]
    bar = ProgressBar(total=wanted, completed=arrived, width=60)
    return Group(Columns(tables), Columns([bar, f"{arrived:,} of {wanted:,} sales"]))


def _top(ranking: Ranking, answer: Answer) -> Table:
    table = Table(title=ranking.title, title_justify="left", min_width=44)
    for heading in ("#", *ranking.subject):
        table.add_column(heading)
    table.add_column("EUR", justify="right")
    for entry, name in list(zip(answer.entries, answer.names, strict=True))[:5]:
        *lead, last = entry.subject
        table.add_row(str(entry.rank), *lead, f"{last} {name}" if name else last, f"{entry.amount:,.2f}")
    return table


def described(change: Change) -> str:
    """A change in words."""
    before, after = change.before, change.after
    if change.kind is Kind.DELETE and before:
        return f"delete of {_sale(before)}"
    if change.kind is Kind.AMOUNT and before and after:
        return f"update of {_sale(before)} to {after.amount}"
    if before and after:
        return f"move of {_sale(before)} to {after.city}"
    return f"{change.kind.value} of {_sale(after) if after else 'a sale'}"


def _sale(sale: Sale) -> str:
    return f"{sale.sale_id} ({sale.city}, {sale.amount} {sale.currency})"


def epilogue(stage: Stage, seconds: float) -> None:
    """How to go on: the API by curl, the dashboards, the commands."""
    chosen = stage.chosen
    memory = sum(control.status().memory.values())
    stage.title("Go on from here")
    stage.say(f"the demo took {seconds:.0f} s after the start; the stack holds {memory / GIB:.1f} GiB resident")
    call = f"{chosen.api}/v1/rankings/{TOP_SALES_PER_CITY.name}?country=Germany&limit=3"
    stage.say("\nask the API:")
    stage.console.print(
        f"  curl -H \"Authorization: Bearer $(cat '{chosen.api_key_file}')\" '{call}'", soft_wrap=True, markup=False
    )
    stage.say("\nlook around:")
    stage.say(f"  Flink's Dashboard   {chosen.flink}")
    stage.say("  the stack           tidelake status, tidelake logs taskmanager -f")
    stage.say("  the sources         tidelake sources, tidelake quarantine list")
    stage.say(f"  an answer's sources tidelake lineage {TOP_SALES_PER_CITY.name}")
    stage.say("  all addresses       tidelake env")
