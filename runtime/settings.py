"""Every setting of the platform, its default and its meaning.

A value comes from the first of: an environment variable (`TIDELAKE_` and the field's name in capitals), the file
`addresses.json` that a running one-machine stack leaves in `TIDELAKE_HOME`, the default below.
"""

from __future__ import annotations

import os
from functools import cache, partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from runtime.errors import Permanent

Port = Annotated[int, Field(ge=0, le=65535)]


def home() -> Path:
    """The one folder that everything of a deployment on one machine is written to."""
    return Path(os.environ.get("TIDELAKE_HOME", ".tidelake")).expanduser().absolute()


def _under_home(*names: str) -> str:
    """A place of the one folder, as a URI."""
    return home().joinpath(*names).as_uri()


def addresses_file() -> Path:
    """Where a running stack leaves the addresses it chose (mode 600: they hold passwords)."""
    return home() / "addresses.json"


class Settings(BaseSettings):
    """The settings of one process, read once and never changed."""

    model_config = SettingsConfigDict(env_prefix="TIDELAKE_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=home, description="The folder that everything a run writes lies under.")
    business_time_zone: str = Field(
        "UTC", description="IANA name of the time zone whose days are business days; decision 6 tells how to change it."
    )
    log_level: str = Field("INFO", description="The least severe level that is logged.")
    debug: bool = Field(False, description="Whether an expected error shows its traceback, and a command its log.")

    kafka: str = Field("127.0.0.1:9092", description="Bootstrap servers of the log.")
    connect: str = Field("http://127.0.0.1:8083", description="Kafka Connect's REST address.")
    flink: str = Field("http://127.0.0.1:8081", description="Flink's REST address and Dashboard.")
    clickhouse: SecretStr = Field(
        SecretStr("http://default:@127.0.0.1:8123/tidelake"), description="ClickHouse, with user, password, database."
    )
    clickhouse_analyst: SecretStr = Field(
        SecretStr(""), description="ClickHouse for analysts: a user who may only read, within limits; empty: none."
    )
    clickhouse_cluster: str = Field(
        "",
        pattern="^[A-Za-z0-9_]*$",
        description="A ClickHouse cluster: tables are made replicated and distributed on it; empty: on one server.",
    )
    redis: SecretStr = Field(SecretStr("redis://127.0.0.1:6379/0"), description="The cache of answers.")
    source_dsn: SecretStr = Field(
        SecretStr("postgresql://shop@127.0.0.1:5432/shop"), description="The operational database that sales come from."
    )
    replication_dsn: SecretStr = Field(
        SecretStr("postgresql://replicator@127.0.0.1:5432/shop"),
        description="The same database for Debezium: as a role that may replicate and read the sales.",
    )
    platform_dsn: SecretStr = Field(
        SecretStr("postgresql://tidelake@127.0.0.1:5432/tidelake"),
        description="Ledger, totals, API keys and the Iceberg catalogue.",
    )
    api: str = Field("http://127.0.0.1:8000", description="The address that callers of the API use.")
    warehouse: str = Field(
        default_factory=partial(_under_home, "lake"), description="Where the Iceberg tables' files lie."
    )
    iceberg_rest: str | None = Field(
        None, description="Address of an Iceberg REST catalogue; without it the catalogue lies in `platform_dsn`."
    )
    iceberg_rest_credential: SecretStr | None = Field(
        None, description="That catalogue's client id and secret, as id:secret."
    )
    s3_endpoint: str | None = Field(None, description="Address of the object store of an s3:// warehouse; none is AWS.")
    s3_region: str = Field("us-east-1", description="Its region.")
    s3_access_key: str | None = Field(
        None, description="Its access key; without it the engines ask their surroundings."
    )
    s3_secret_key: SecretStr | None = Field(None, description="Its secret key.")
    checkpoints: str = Field(
        default_factory=partial(_under_home, "flink", "checkpoints"),
        description="Where Flink keeps checkpoints.",
    )

    flink_jars: str = Field(
        "", description="URIs of the jars that the Flink jobs need, joined by semicolons; `tidelake up` fills it in."
    )

    sources_dir: Path = Field(
        default_factory=lambda: home() / "sources", description="The folder of the user's own definitions of sources."
    )

    topic_partitions: int = Field(2, ge=1, description="Partitions of a topic when it is created.")
    compaction_lag_days: int = Field(7, ge=1, description="Days for which a topic keeps every record of a key.")
    mark_interval_seconds: float = Field(1.0, gt=0, description="Seconds between two marks in a partition.")

    live_parallelism: int = Field(2, ge=1, description="Parallel subtasks of the live job.")
    live_checkpoint_seconds: float = Field(2.0, gt=0, description="Seconds between the live job's checkpoints.")
    live_mini_batch_ms: int = Field(200, ge=0, description="Longest wait of a delta for others of its group, in ms.")
    live_bundle_ms: int = Field(100, ge=1, description="Longest wait of sums for a full batch in the sink, in ms.")
    live_bundle_rows: int = Field(50_000, ge=1, description="Most rows of one insert into ClickHouse.")
    live_sums_ttl_hours: int = Field(
        24, ge=1, description="Hours after which Flink forgets an unchanged second's sums."
    )
    lake_checkpoint_seconds: float = Field(5.0, gt=0, description="Seconds between two commits of the lake job.")

    mark_wait_seconds: float = Field(120.0, gt=0, description="Longest wait of a reconciliation for the lake's marks.")
    spark_master: str = Field("local[*]", description="Where the reconciliation runs.")
    spark_memory: str = Field(
        "1g",
        description="Heap of the Spark driver. Under `spark-submit`, its `--driver-memory` counts.",
    )
    spark_options: str = Field(
        "",
        description="Further options of Spark as name=value, joined by semicolons; they win over the platform's own.",
    )
    spark_jars: str = Field(
        "",
        description="Jars for Spark, joined by commas: Iceberg's, PostgreSQL's, the contract's parser; empty takes "
        "those of the stack.",
    )
    live_wait_seconds: float = Field(
        5.0, ge=0, description="Longest wait of a reconciliation for the live job to pass its boundary."
    )

    nightly_at: str = Field(
        "00:10",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="When a stack does the night's work, in the business time zone.",
    )
    drift_limit: float = Field(
        0.001,
        ge=0,
        description="Greatest share of a currency's amounts or sales that live and history may differ by unexplained.",
    )
    keep_versions: int = Field(
        30, ge=2, description="Published versions that can be gone back to, compared and asked for as of."
    )
    bronze_keep_days: int = Field(
        0, ge=0, description="Days for which the lake keeps records of the log that later ones supersede; 0 for ever."
    )
    longest_chain: int = Field(
        31, ge=1, description="Versions that a history may be a sum of; the next one then holds all sums itself."
    )

    cache_tick_ms: int = Field(250, ge=1, description="Longest time an answer with a live part is served again, in ms.")
    reconciled_cache_seconds: float = Field(
        60.0, gt=0, description="Longest time the figures of a published version are kept in the cache, in seconds."
    )
    default_currency: str = Field(
        "EUR",
        pattern="^([A-Z]{3})?$",
        description="Currency of an answer whose caller names none; empty makes callers name one.",
    )
    store_timeout_seconds: float = Field(
        5.0, gt=0, description="Longest wait of the API for an answer of ClickHouse or PostgreSQL."
    )
    api_key_recheck_seconds: float = Field(
        5.0, ge=0, description="Seconds for which the API trusts a key without looking it up again."
    )
    api_key_grace_seconds: float = Field(
        300.0, ge=0, description="Seconds for which it trusts a key that it cannot look up, PostgreSQL being away."
    )
    freshness_limit_seconds: float = Field(
        30.0, gt=0, description="A source read no further than this many seconds ago makes an answer partial."
    )
    clickhouse_slots: int = Field(8, ge=1, description="Queries that a process of the API has ClickHouse run at once.")
    clickhouse_queue: int = Field(64, ge=0, description="Queries that may wait for a turn; more are refused with 503.")
    clickhouse_queue_seconds: float = Field(2.0, gt=0, description="Longest wait of a query for its turn.")
    position_wait_seconds: float = Field(
        5.0, ge=0, description="Longest wait of the API for the live job to reach a caller's `min_position`."
    )
    stream_limit: int = Field(16, ge=0, description="Event streams that one process of the API serves at one time.")
    stream_seconds: float = Field(300.0, gt=0, description="Seconds after which a stream ends and is resumed.")
    api_threads: int = Field(48, ge=2, description="Requests and streams that one process of the API serves at once.")
    api_workers: int = Field(1, ge=1, description="Processes of the API.")
    rate_limit: str = Field(
        "6000/minute", description="Requests that each key has, as a count per second, minute or hour; empty: no limit."
    )
    operation_seconds: float = Field(120.0, gt=0, description="Longest time of an operator's command by the API.")
    secure_cookies: bool = Field(False, description="Whether the page's cookie is sent over HTTPS alone.")
    oidc_issuer: str = Field("", description="The OpenID Connect issuer whose bearer tokens count too; empty: none.")
    oidc_audience: str = Field("tidelake", description="The audience that such a token has to name.")
    oidc_jwks: str = Field("", description="Address of the issuer's keys; empty asks the issuer's discovery document.")
    oidc_scopes: str = Field("scope", description="The claim of such a token that holds its scopes.")
    datahub_gms: str | None = Field(None, description="DataHub's server; without it lineage goes to DataHub Lite.")
    datahub_token: SecretStr | None = Field(None, description="The access token for DataHub's server.")

    postgres_port: Port = Field(0, description="PostgreSQL's port on one machine; 0 takes a free one.")
    redis_port: Port = Field(0, description="Redis's port on one machine; 0 takes a free one.")
    kafka_port: Port = Field(0, description="Kafka's port on one machine; 0 takes a free one.")
    connect_port: Port = Field(0, description="Kafka Connect's port on one machine; 0 takes a free one.")
    clickhouse_port: Port = Field(0, description="The ClickHouse gateway's port on one machine; 0 takes a free one.")
    clickhouse_memory_mb: int = Field(1500, ge=256, description="Most memory of the gateway's queries together, in MB.")
    clickhouse_queries: int = Field(24, ge=1, description="Queries that the ClickHouse gateway runs at one time.")
    flink_port: Port = Field(0, description="Flink's REST port on one machine; 0 takes a free one.")
    api_port: Port = Field(0, description="The API's port on one machine; 0 takes a free one.")
    jar_cache: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "tidelake" / "jars",
        description="Where downloaded jars are kept; outside the checkout, so that a new one finds them.",
    )
    maven: str = Field("https://repo1.maven.org/maven2", description="The Maven repository that jars come from.")

    @field_validator("business_time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        ZoneInfo(name)
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which a value is looked for."""
        addresses = JsonConfigSettingsSource(settings_cls, json_file=addresses_file())
        return init_settings, env_settings, addresses

    @property
    def api_key_file(self) -> Path:
        """The operator's copy of the first API key (mode 600)."""
        return self.home / "api.key"

    @property
    def temporary_dir(self) -> Path:
        """Where the servers keep what they need only while they run."""
        return self.home / "tmp"

    @property
    def spark_event_dir(self) -> Path:
        """What Spark's runs leave for the History Server."""
        return self.home / "spark-events"

    @property
    def log_dir(self) -> Path:
        """Where every process of a stack writes its log."""
        return self.home / "logs"


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        Permanent: a value is not valid; the message names the setting.
    """
    try:
        return Settings()
    except (ValidationError, ValueError, KeyError) as error:
        raise Permanent("a setting is not valid", received=str(error), todo="see docs/settings.md") from error
