"""One reading in a process of its own: `python -m bench.soap_reading WSDL NAME WAY`; tells rate and memory as JSON.

The ways: `log` is the connector itself, from the service into the log; `read` ends before the mapping; `zeep` makes
zeep's own values of the same answers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from bench.memory import peak_mib
from runtime.settings import settings
from streaming.sources.soap.definition import SoapSource

PAGE = 1000

FIELDS = {
    "sale_id": "number",
    "occurred_at": "soldAt",
    "country": "place.country",
    "city": "place.city",
    "salesman_id": "seller",
    "salesman": "sellerName",
    "amount": "total",
}


def definition(wsdl: str, name: str) -> SoapSource:
    """The definition of the service that is measured."""
    return SoapSource.model_validate(
        {
            "kind": "soap",
            "name": name,
            "wsdl": wsdl,
            "operation": "ListSales",
            "request": {"size": PAGE},
            "rows": "Sale",
            "more": "more",
            "poll": {"by": "sequence", "argument": "after", "field": "number"},
            "fields": FIELDS,
        }
    )


def into_the_log(source: SoapSource) -> int:
    """By the runner, as in production: mapped, and published page by page with the position."""
    from streaming.sources.runner import Runner, reader_of

    noted: list[Any] = []
    runner = Runner(settings(), source, reader_of(source, settings()), noted.append)
    runner.read()
    runner.close()
    accepted: int = noted[-1].counts["accepted"]
    return accepted


def read(source: SoapSource) -> int:
    """By the reader alone."""
    from streaming.sources.soap.reader import SoapReader

    with closing(SoapReader(source)) as reader:
        return sum(len(batch.rows) for batch in reader.read({}))


def by_zeep(source: SoapSource) -> int:
    """By zeep alone, with its own transport and values."""
    return sum(map(len, _pages(source)))


def _pages(source: SoapSource) -> Iterator[list[Any]]:
    import zeep

    service, after = zeep.Client(source.wsdl).service, 0
    while True:
        answer = service.ListSales(after, PAGE)
        yield answer.Sale
        if not answer.more:
            return
        after = answer.Sale[-1].number


WAYS: dict[str, Callable[[SoapSource], int]] = {"log": into_the_log, "read": read, "zeep": by_zeep}


def main(wsdl: str, name: str, way: str) -> None:
    """Reads once."""
    began, used = time.perf_counter(), time.process_time()
    rows = WAYS[way](definition(wsdl, name))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
    peak = peak_mib()
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
