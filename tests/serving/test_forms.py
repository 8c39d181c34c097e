"""An answer comes as JSON, CSV or Arrow, compressed, and not at all to those who have it already."""

from __future__ import annotations

import csv
import gzip
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from rankings.catalogue import TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from tests.serving.test_http import problem
from tests.serving.test_routes import fill
from tests.serving.world import Caller, Change, Clock, Doubles, history, publication, standing

ADDRESS = f"/v1/rankings/{TOP_SALES_PER_CITY.name}"
SALESMEN = f"/v1/rankings/{TOP_SALESMAN_IN_COUNTRY.name}"
COMPARE = {"from": "2026-03-30", "to": "2026-03-31", "against_from": "2026-03-01", "against_to": "2026-03-29"}
TABLES: tuple[tuple[str, dict[str, str]], ...] = (
    (ADDRESS, {}),
    (SALESMEN, {}),
    (f"{ADDRESS}/over-time", {"step": "week"}),
    (f"{ADDRESS}/compare", COMPARE),
    (f"{ADDRESS}/subject", {"country": "Germany", "city": "Berlin"}),
)


@pytest.fixture(autouse=True)
def changes(doubles: Doubles) -> list[Change]:
    doubles.deltas.labels["s1"] = "Ana"
    return fill(doubles, history(7))


def ask(caller: Caller, path: str, parameters: dict[str, str], **headers: str) -> Any:
    caller.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.get(path, **parameters)


@pytest.mark.parametrize(("path", "parameters"), TABLES)
def test_csv_and_arrow_hold_the_lines_of_the_document(caller: Caller, path: str, parameters: dict[str, str]) -> None:
    document = ask(caller, path, parameters).json
    as_csv = ask(caller, path, parameters, Accept="text/csv")
    assert as_csv.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(as_csv.text)))
    arrow = ask(caller, path, parameters, Accept="application/vnd.apache.arrow.stream")
    table = pa.ipc.open_stream(arrow.data).read_all()
    assert table.schema.field("amount").type == pa.decimal128(38, 2)
    assert json.loads(table.schema.metadata[b"evidence"])["boundary"] == document["evidence"]["boundary"]
    for line, row, cells in zip(document["data"], rows, table.to_pylist(), strict=True):
        assert (row["amount"], row["sales"]) == (line["amount"], str(line["sales"]))
        assert (cells["amount"], cells["sales"]) == (Decimal(line["amount"]), line["sales"])
        assert cells["country"] == row["country"] == line["country"]
        assert cells.get("salesman") == line.get("salesman")


def test_what_no_form_satisfies_is_refused_and_told(caller: Caller) -> None:
    document = problem(ask(caller, ADDRESS, {}, Accept="application/xml"), 406)
    assert "text/csv" in document["valid"]
    assert ask(caller, ADDRESS, {}, Accept="application/xml, */*;q=0.1").status_code == 200


def test_other_forms_lead_to_their_evidence_too(caller: Caller) -> None:
    response = ask(caller, ADDRESS, {"limit": "2"}, Accept="text/csv")
    link = response.headers["Link"].partition(">")[0].strip("<")
    assert ask(caller, link, {}).json["same"] is True
    assert response.headers["Tidelake-Partial"] == "false"
    again = ask(caller, ADDRESS, {"limit": "2", "cursor": response.headers["Tidelake-Next"]}, Accept="text/csv")
    assert again.status_code == 200


def test_who_has_the_answer_gets_304_until_it_says_something_else(
    doubles: Doubles, caller: Caller, clock: Clock
) -> None:
    first = ask(caller, ADDRESS, {})
    etag = first.headers["ETag"]
    clock.forward(seconds=1)
    same = ask(caller, ADDRESS, {}, If_None_Match=etag)
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", etag)
    assert ask(caller, ADDRESS, {"limit": "2"}, If_None_Match=etag).status_code == 200
    assert ask(caller, ADDRESS, {}, If_None_Match=etag, Accept="text/csv").status_code == 200
    doubles.deltas.standings = standing(publication(1, doubles.records.published[0].publication.boundary))
    clock.forward(seconds=1)
    rolled_back = ask(caller, ADDRESS, {}, If_None_Match=etag)
    assert rolled_back.status_code == 200
    assert rolled_back.headers["ETag"] != etag


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("zstd", "zstd"), ("gzip, zstd", "zstd"), ("zstd;q=0.5, gzip", "gzip"), ("br", None), ("", None),
     ("identity", None), ("gzip;q=0", None)],
)  # fmt: skip
def test_answers_are_compressed_as_the_caller_accepts(caller: Caller, accepted: str, coding: str | None) -> None:
    plain = ask(caller, SALESMEN, {}).json["data"]
    response = ask(caller, SALESMEN, {}, Accept_Encoding=accepted)
    assert response.headers.get("Content-Encoding") == coding
    assert "Accept-Encoding" in response.headers["Vary"]
    assert json.loads(unpacked(coding, response.data))["data"] == plain


def unpacked(coding: str | None, raw: bytes) -> bytes:
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    return gzip.decompress(raw) if coding else raw
