"""The Iceberg catalogue of the lake and the place of its files, as each engine wants to be told of them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from runtime.settings import Settings

CATALOG = "lake"
JDBC = "org.apache.iceberg.jdbc.JdbcCatalog"
REST = "org.apache.iceberg.rest.RESTCatalog"
S3 = "org.apache.iceberg.aws.s3.S3FileIO"


def java_properties(chosen: Settings) -> dict[str, str]:
    """The properties of the catalogue for Flink and Spark (without their own prefixes)."""
    known = _rest(chosen, REST) if chosen.iceberg_rest else _jdbc(chosen)
    return {**known, "warehouse": chosen.warehouse, **({"io-impl": S3, **_s3(chosen)} if on_s3(chosen) else {})}


def python_properties(chosen: Settings) -> dict[str, str]:
    """The properties of pyiceberg's catalogue, which reads and writes the same tables; `type` says of which kind."""
    if chosen.iceberg_rest:
        known = {"type": "rest", **_rest(chosen)}
    else:
        address = chosen.platform_dsn.get_secret_value().partition("://")[2]
        known = {"type": "sql", "uri": f"postgresql+psycopg2://{address}"}
    return {**known, "warehouse": chosen.warehouse, **(_s3(chosen) if on_s3(chosen) else {})}


def on_s3(chosen: Settings) -> bool:
    """Whether the lake's files lie in an object store."""
    return urlsplit(chosen.warehouse).scheme == "s3"


def _jdbc(chosen: Settings) -> dict[str, str]:
    dsn = urlsplit(chosen.platform_dsn.get_secret_value())
    return {
        "catalog-impl": JDBC,
        "uri": f"jdbc:postgresql://{dsn.hostname}:{dsn.port or 5432}{dsn.path}",
        "jdbc.user": unquote(dsn.username or ""),
        "jdbc.password": unquote(dsn.password or ""),
        "jdbc.schema-version": "V1",
    }


def _rest(chosen: Settings, implementation: str | None = None) -> dict[str, str]:
    credential = chosen.iceberg_rest_credential.get_secret_value() if chosen.iceberg_rest_credential else None
    told = {"catalog-impl": implementation, "uri": chosen.iceberg_rest, "credential": credential}
    return {name: value for name, value in told.items() if value}


def _s3(chosen: Settings) -> dict[str, str]:
    """Without keys the engines ask their surroundings, as on AWS; without an address they ask AWS."""
    secret = chosen.s3_secret_key.get_secret_value() if chosen.s3_secret_key else None
    told = {
        "s3.endpoint": chosen.s3_endpoint,
        "s3.access-key-id": chosen.s3_access_key,
        "s3.secret-access-key": secret,
        "s3.region": chosen.s3_region,
        "client.region": chosen.s3_region,
        "s3.path-style-access": "true" if chosen.s3_endpoint else None,
    }
    return {name: value for name, value in told.items() if value}
