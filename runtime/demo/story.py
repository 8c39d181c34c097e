"""The demo's scenes, in order."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from rich.live import Live

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.oracle import Filter, answer, sums
from rankings.sale import Sale
from runtime.demo import checks, others, views
from runtime.demo.answers import MOST, Answer
from runtime.demo.stage import Stage
from stack.shop.simulator import Change, Kind

CHANGES = (Kind.AMOUNT, Kind.CITY, Kind.DELETE)


def tell(stage: Stage, beside: others.Others, count: int) -> bool:
    """Plays all scenes; whether every check passed."""
    began = time.monotonic()
    _load(stage, count)
    _changes(stage)
    others.tell(stage, beside)
    _reconcile(stage)
    _more_changes(stage)
    passed = checks.run(stage, beside.sales())
    views.epilogue(stage, time.monotonic() - began)
    return passed


def _load(stage: Stage, count: int) -> None:
    """Sales are written in one thread while the answers are watched in this one."""
    stage.title(f"{count:,} sales are written to PostgreSQL; the live answers fill up")
    wanted = len(stage.shop.all_sales()) + count
    writer = threading.Thread(target=stage.shop.load, args=(count,), daemon=True)
    began = time.monotonic()
    writer.start()
    with Live(console=stage.console, refresh_per_second=8, transient=False) as live:
        while True:
            answers = [stage.answers.ask(ranking, limit=1 if ranking.within else 5) for ranking in RANKINGS]
            arrived = _arrived(stage)
            live.update(views.tops(answers, arrived, wanted))
            if arrived >= wanted and not writer.is_alive():
                break
            time.sleep(0.1)
    stage.say(f"all there {time.monotonic() - began:.1f} s after the first was written")


def _arrived(stage: Stage) -> int:
    """How many sales the answers hold, over all currencies."""
    return sum(
        entry.sales
        for currency in checks.currencies(stage)
        for entry in stage.answers.ask(TOP_SALES_PER_CITY, limit=MOST, currency=currency).entries
    )


def _changes(stage: Stage) -> None:
    """One of each kind; the delay is from PostgreSQL's confirmation to the API's answer that shows it."""
    stage.title("An update, a move and a delete, one by one")
    for kind in CHANGES:
        change = stage.shop.make(kind)
        _wait_for(stage, change)
        delay = (datetime.now(UTC) - change.committed_at).total_seconds()
        stage.say(f"{views.described(change)}: in the answer [bold]{delay:.2f} s[/bold] after the commit")


def _wait_for(stage: Stage, change: Change) -> None:
    """Until the answer is what the oracle says of the table as it is."""
    sales = stage.shop.all_sales()
    for touched in filter(None, {change.before, change.after}):
        expected = _expected(stage, sales, touched)

        def as_expected(found: Answer, expected: Filter = expected) -> bool:
            return found.entries == answer(TOP_SALES_PER_CITY, sums(TOP_SALES_PER_CITY, sales, stage.zone), expected)

        stage.answers.wait(
            TOP_SALES_PER_CITY, as_expected, currency=touched.currency, country=touched.country, limit=MOST
        )


def _expected(stage: Stage, sales: list[Sale], touched: Sale) -> Filter:
    return Filter(currency=touched.currency, country=touched.country, limit=MOST)


def _reconcile(stage: Stage) -> None:
    """The nightly run, by day: the live share falls to what has come since its boundary."""
    from batch import progress
    from batch.boundary import boundary
    from batch.reconcile import Published, reconcile

    stage.title("The whole history is recomputed from the lake and published as one version")
    before = stage.answers.ask(TOP_SALES_PER_CITY).live_share
    through = boundary("now", datetime.now(UTC), stage.zone)
    with progress.shown(stage.console) as view:
        outcome = reconcile(through, stage.chosen, progress=view)
    after = stage.answers.wait(TOP_SALES_PER_CITY, lambda found: found.evidence["publication"] is not None)
    if isinstance(outcome, Published):
        stage.say(f"version {outcome.version}: history before {through:%H:%M:%S} UTC, live from then on")
    stage.say(f"live share of the answer: [bold]{before:.2%}[/bold] before, [bold]{after.live_share:.2%}[/bold] after")


def _more_changes(stage: Stage) -> None:
    stage.title("The shop goes on: history and live are one answer")
    counts = stage.shop.run(rate=100, seconds=4)
    stage.say(", ".join(f"{number} {kind.value}" for kind, number in sorted(counts.items())))
