"""How fast the jobs take the log in, beside a plain read of it and a loop in Python; and whether they are right."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from typing import Any

from bench import log, loop, records
from bench.figures import Aim, Part, ratios
from bench.jobs import PAID, Jobs, Took, cpu_seconds
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from runtime.settings import Settings
from streaming.clickhouse import connect
from streaming.jobs import lake, live

Tell = Callable[[str], None]

JOBS = ("plain", "live", "lake")
CHECKED_RECORDS = 200_000
IDLE_SECONDS = 10.0


def measure(chosen: Settings, count: int, rounds: int, tell: Tell) -> Part:
    """Fills the log, waits until the running jobs have it, and runs each bounded job and the loop in turn."""
    fill(chosen, count, tell)
    payloads = log.payloads(chosen.kafka, loop.TOPIC)
    part = Part("throughput", f"Throughput over {len(payloads):,} records and the marks among them")
    idle = _idle()
    took, speeds = _rounds(chosen, payloads, rounds, tell)
    _report(part, took, speeds)
    part.add("CPU of the idle jobs and gateway beside them", "s/s", [idle])
    part.add("loop with the whole contract", "records/s", [_speed(loop.checked, payloads[:CHECKED_RECORDS])])
    part.remarks.append(_compared(loop.plain(payloads)))
    return part


def fill(chosen: Settings, count: int, tell: Tell) -> None:
    """Writes the records, and waits until both running jobs have committed them."""
    tell(f"writing {count:,} records into {loop.TOPIC}")
    log.produce(chosen.kafka, loop.TOPIC, records.records(count, seed=1))
    upto = log.ends(chosen.kafka)
    for group in (lake.NAME, live.NAME):
        tell(f"waiting for {group}")
        log.wait_until_read(chosen.kafka, group, upto)


def _idle() -> float:
    before = sum(cpu_seconds().values())
    time.sleep(IDLE_SECONDS)
    return (sum(cpu_seconds().values()) - before) / IDLE_SECONDS


def _rounds(
    chosen: Settings, payloads: list[bytes], rounds: int, tell: Tell
) -> tuple[dict[str, list[Took]], dict[str, list[float]]]:
    """What each job took, and the records per second of each job and of the loop, by round."""
    took: dict[str, list[Took]] = defaultdict(list)
    speeds: dict[str, list[float]] = defaultdict(list)
    with Jobs() as jobs:
        for number in range(1, rounds + 1):
            for name in JOBS:
                tell(f"round {number} of {rounds}: {name}")
                count = sum(log.ends(chosen.kafka).values())
                took[name].append(jobs.run(name))
                speeds[name].append(count / took[name][-1].seconds)
            tell(f"round {number} of {rounds}: loop")
            speeds["loop"].append(_speed(loop.plain, payloads))
    return took, speeds


def _speed(work: Callable[[list[bytes]], object], payloads: list[bytes]) -> float:
    began = time.perf_counter()
    work(payloads)
    return len(payloads) / (time.perf_counter() - began)


def _report(part: Part, took: dict[str, list[Took]], speeds: dict[str, list[float]]) -> None:
    part.add("live / plain read", "", ratios(speeds["live"], speeds["plain"]), Aim(at_least=0.5))
    part.add("lake / plain read", "", ratios(speeds["lake"], speeds["plain"]), Aim(at_least=0.7))
    part.add("live / loop on one core", "", ratios(speeds["live"], speeds["loop"]), Aim(at_least=1.0))
    for name in (*JOBS, "loop"):
        part.add(name, "records/s", speeds[name])
    for name in JOBS:
        part.add(f"{name}: start-up", "s", [each.start_up for each in took[name]])
    for name in JOBS:
        for who in PAID:
            # Records are what the job read: its speed times its seconds.
            millions = [speed * each.seconds / 1e6 for speed, each in zip(speeds[name], took[name], strict=True)]
            used = [each.cpu[who] for each in took[name]]
            part.add(f"{name}: CPU of the {who} for a million records", "s", ratios(used, millions))


def _compared(sold: loop.Sold) -> str:
    """Whether the live tables hold what the loop has computed."""
    with closing(connect()) as client:
        wrong = [ranking.name for ranking in RANKINGS if _live(client, ranking) != sold.totals()[ranking.name]]
    if wrong:
        return f"WRONG: the live sums are not those of the loop: {', '.join(wrong)}"
    return "the live sums of both rankings are those of the loop, to the cent"


def _live(client: Any, ranking: Ranking) -> loop.Sums:
    subject = ", ".join(ranking.subject)
    rows = client.query(
        f"SELECT toString(business_day), toString(currency), {subject}, toInt64(sum(amount) * 100), sum(sales) "
        f"FROM {ranking.live_table} FINAL WHERE startsWith(country, 'Country ') GROUP BY ALL"
    ).result_rows
    found = {tuple(key): [int(cents), int(sales)] for *key, cents, sales in rows}
    return {key: total for key, total in found.items() if any(total)}
