"""What a definition of a source in PostgreSQL may say, and what Debezium is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runtime.settings import Settings
from streaming.sources.catalogue import DEFINITION
from streaming.sources.postgres.connector import connector_settings
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.joined import hidden
from streaming.sources.postgres.script import script

DSN = "postgresql://reader:pw@db.example:5433/shop?sslmode=verify-full&sslrootcert=/ca.pem"


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BRANCH_DSN", DSN)
    return Settings()


def defined(**told: Any) -> PostgresSource:
    found = DEFINITION.validate_python(
        {"kind": "postgres", "name": "branch", "table": "public.deals", "dsn": {"env": "BRANCH_DSN"}, **told}
    )
    assert isinstance(found, PostgresSource)
    return found


def told(source: PostgresSource, chosen: Settings) -> dict[str, str]:
    return connector_settings(source, chosen, {"cleanup.policy": "compact"})


def test_names_and_constants_need_no_mapping(chosen: Settings) -> None:
    source = defined(fields={"city": "town", "currency": {"constant": "EUR"}})
    settings = told(source, chosen)
    assert (source.is_mapped, source.has_runner, source.into) == (False, False, "cdc.branch.public.deals")
    assert settings["topic.prefix"] == "cdc.branch"
    assert settings["transforms.contract.renames"] == "__deleted:deleted,town:city"
    assert settings["transforms.currency.static.value"] == "EUR"
    assert settings["transforms.source.static.value"] == "branch"
    assert settings["column.include.list"].split(",")[3] == r"public\.deals\.town"


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": {"field": "cents", "cast": "decimal(18,2)"}},
        {"city": {"sql": "trim(town)"}},
        {"deleted": "void"},
        {"salesman_id": "seller", "salesman": "seller"},
    ],
)
def test_whatever_is_more_than_a_name_is_mapped_from_a_topic_that_no_job_reads(
    fields: dict[str, Any], chosen: Settings
) -> None:
    source = defined(fields=fields)
    assert (source.is_mapped, source.has_runner, source.written) == (True, True, ("raw.branch.public.deals",))
    assert told(source, chosen)["transforms"] == "flat"
    assert source.fields.deleted is not None


def test_a_topic_of_another_name_is_routed_to(chosen: Settings) -> None:
    settings = told(defined(topic="cdc.sales"), chosen)
    assert settings["transforms.topic.replacement"] == "cdc.sales"
    assert settings["transforms.topic.predicate"] == "row"


def test_the_database_is_told_by_its_secret(chosen: Settings) -> None:
    settings = told(defined(), chosen)
    assert (settings["database.hostname"], settings["database.port"], settings["database.user"]) == (
        *("db.example", "5433", "reader"),
    )
    assert (settings["database.sslmode"], settings["database.sslrootcert"]) == ("verify-full", "/ca.pem")
    assert "pw" not in defined().model_dump_json()


def test_only_keys_of_joined_tables_are_written(chosen: Settings) -> None:
    source = defined(
        key=["order_id", "line_no"],
        joins=[{"table": "public.orders", "name": "order", "on": {"id": "order_id"}}],
        fields={"sale_id": {"sql": "order_id || '-' || line_no"}},
    )
    settings = told(source, chosen)
    assert settings["message.key.columns"] == r"public\.deals:order_id,line_no;public\.orders:id"
    assert settings["column.include.list"] == (r"public\.deals\.order_id,public\.deals\.line_no,public\.orders\.id")
    assert settings["snapshot.include.collection.list"] == r"public\.deals"


@pytest.mark.parametrize(
    "wrong",
    [
        {"table": "deals; DROP TABLE x"},
        {"joins": [{"table": "public.deals", "name": "own", "on": {"id": "id"}}]},
        {"joins": [{"table": "public.orders", "name": "order", "on": {"id": "later.id"}}]},
        {"joins": [{"table": "public.orders", "name": "order", "on": {"id": 'x" = 1 --'}}]},
        {"exclude": ["sale_id"]},
        {"slot": "no-dashes"},
    ],
)
def test_what_could_not_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        defined(**wrong)


def test_the_owners_script_names_what_the_platform_needs_and_no_password(chosen: Settings) -> None:
    text = script(defined(), chosen, {})
    assert 'GRANT SELECT ON public.deals TO "reader";' in text
    assert "ALTER PUBLICATION tidelake_branch SET TABLE public.deals;" in text
    assert "pw" not in text.replace("password", "")


def test_a_transaction_of_another_epoch_is_told_by_its_last_32_bits() -> None:
    assert not hidden("8589934600:8589934600:", 7)
    assert hidden("8589934600:8589934600:", 9)
