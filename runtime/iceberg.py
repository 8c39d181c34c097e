"""The Iceberg catalogue of the lake, as each engine wants to be told of it."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from runtime.settings import Settings

CATALOG = "lake"
JDBC = "org.apache.iceberg.jdbc.JdbcCatalog"


def java_properties(chosen: Settings) -> dict[str, str]:
    """The properties of Iceberg's JDBC catalogue for Flink and Spark (without their own prefixes)."""
    dsn = urlsplit(chosen.platform_dsn.get_secret_value())
    return {
        "catalog-impl": JDBC,
        "uri": f"jdbc:postgresql://{dsn.hostname}:{dsn.port or 5432}{dsn.path}",
        "jdbc.user": unquote(dsn.username or ""),
        "jdbc.password": unquote(dsn.password or ""),
        "jdbc.schema-version": "V1",
        "warehouse": chosen.warehouse,
    }


def python_properties(chosen: Settings) -> dict[str, str]:
    """The properties of pyiceberg's SQL catalogue, which reads and writes the same tables."""
    address = chosen.platform_dsn.get_secret_value().partition("://")[2]
    return {"uri": f"postgresql+psycopg2://{address}", "warehouse": chosen.warehouse}
