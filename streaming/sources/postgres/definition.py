"""What a source in PostgreSQL is defined by."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from streaming.sources.definition import Source


class PostgresSource(Source):
    """A table whose rows are sales.

    Attributes:
        table: schema and name.
    """

    kind: Literal["postgres"]
    table: str = Field(pattern=r"^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$")

    reader: ClassVar[str] = "kafka-connect"

    @property
    def has_runner(self) -> bool:
        """Kafka Connect reads it."""
        return False

    @property
    def into(self) -> str:
        """A topic of its own, as a table's order holds only within one."""
        return self.topic or f"cdc.{self.name}.{self.table}"

    @property
    def origin(self) -> tuple[str, str]:
        """The table, in the database that the source is named after."""
        return "postgres", f"{self.name}.{self.table}"
