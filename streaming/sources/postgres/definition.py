"""What a source in PostgreSQL is defined by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from streaming.sources.definition import Secret, Source
from streaming.sources.fields import FieldMapping, Part

_WORD = r"[a-z_][a-z0-9_]*"

TableName = Annotated[str, Field(pattern=rf"^{_WORD}\.{_WORD}$")]
"""Schema and name, in small letters."""

Column = Annotated[str, Field(pattern=rf"^{_WORD}$")]

DELETED_COLUMN = "__deleted"
"""The field by which a record of the raw topic says that its row is gone."""

OWN_DATABASE = "shop"
"""The source that comes with the platform: it reads the database of the settings."""


class Join(Part):
    """A table that tells more about each row of the source's own table.

    Attributes:
        table: schema and name.
        name: what its columns are called by: column `city` of the join `order` is the field `order_city`.
        on: each of its columns (together unique in it) by what it equals: a column of the source's table, or
            `name.column` of a join before it.
        optional: whether a row without a match is a sale all the same.
    """

    table: TableName
    name: Column
    on: dict[Column, Annotated[str, Field(pattern=rf"^({_WORD}\.)?{_WORD}$")]] = Field(min_length=1)
    optional: bool = False


class PostgresSource(Source):
    """A table whose rows are sales, alone or together with rows of other tables.

    Attributes:
        table: schema and name.
        joins: further tables, where a sale is spread over several.
        key: the columns of the table that the sale's id is made of; as the mapping tells them, or else the primary key.
        dsn: the database, as a role that may replicate and read the tables; without it, the database of the settings.
        slot: the replication slot.
        publication: the publication, which the database's owner makes.
        snapshot: how the rows that are there already are read: `whole` in one transaction, which begins anew after a
            crash, or in `chunks`, beside the stream of changes, which goes on where it was.
        chunk_rows: rows of a chunk.
        exclude: columns that are never read.
    """

    kind: Literal["postgres"]
    table: TableName
    joins: tuple[Join, ...] = ()
    key: tuple[Column, ...] = ()
    dsn: Secret | None = None
    slot: str = Field("", pattern=r"^[a-z0-9_]{0,63}$")
    publication: str = Field("", pattern=rf"^({_WORD})?$")
    snapshot: Literal["whole", "chunks"] = "whole"
    chunk_rows: int = Field(4096, ge=1, le=100_000)
    exclude: tuple[Column, ...] = ()
    every_seconds: float = Field(5.0, gt=0)

    reader: ClassVar[str] = "kafka-connect"

    @model_validator(mode="after")
    def _consistent(self) -> PostgresSource:
        known = {""}
        for join in self.joins:
            heads = {target.rpartition(".")[0] for target in join.on.values()}
            if join.name in known or not heads <= known:
                raise ValueError(f"joins.{join.name}: valid: a name of its own, and columns of the tables before it")
            known.add(join.name)
        if len(set(self.tables)) < len(self.tables):
            raise ValueError("joins: received a table twice, valid: each table once")
        if set(self.exclude) & set(self.key_columns):
            raise ValueError("exclude: received a column of the key, valid: other columns")
        return self

    @model_validator(mode="after")
    def _row_deletions(self) -> PostgresSource:
        """Where records are mapped, a row that is gone is a deletion, beside what the definition says of `deleted`."""
        if self.is_mapped:
            fields = self.fields.model_copy(update={"deleted": _or_gone(self.fields.deleted)})
            object.__setattr__(self, "fields", fields)
        return self

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that is read, its own first."""
        return self.table, *(join.table for join in self.joins)

    @property
    def is_mapped(self) -> bool:
        """Whether records pass the mapping of this platform; else Debezium's are sales already, but for names."""
        fields = self.fields
        told = fields.mapped().values()
        columns = [each.field for each in told if each.field is not None]
        plain = all(each.sql is None and each.cast is None and "." not in (each.field or "") for each in told)
        own_deleted = fields.deleted is not None
        return bool(self.joins) or not plain or own_deleted or not fields.sale_id.field or _repeated(columns)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that name a sale, where the definition tells them; else the table's primary key does."""
        field = self.fields.sale_id.field
        return self.key or ((field,) if field else ())

    @property
    def columns(self) -> dict[str, str]:
        """Where nothing is mapped: the sale's field by the table's column."""
        return {each.field: name for name, each in self.fields.mapped().items() if each.field is not None}

    @property
    def constants(self) -> dict[str, str]:
        """Where nothing is mapped: the constant by the sale's field."""
        return {name: each.constant for name, each in self.fields.mapped().items() if each.constant is not None}

    @property
    def slot_name(self) -> str:
        """The replication slot."""
        return self.slot or f"tidelake_{self.name.replace('-', '_')}"

    @property
    def publication_name(self) -> str:
        """The publication."""
        return self.publication or f"tidelake_{self.name.replace('-', '_')}"

    @property
    def has_runner(self) -> bool:
        """Kafka Connect reads it; a process maps its records where they are no sales yet."""
        return self.is_mapped

    @property
    def into(self) -> str:
        """A topic of its own, as a table's order holds only within one."""
        return self.topic or f"cdc.{self.name}.{self.table}"

    @property
    def prefix(self) -> str:
        """What the names of the topics that Debezium writes begin with; never changed, as its offsets hold it."""
        if self.is_mapped:
            return f"raw.{self.name}"
        return self.into.removesuffix(f".{self.table}") if self.into.endswith(f".{self.table}") else f"cdc.{self.name}"

    @property
    def written(self) -> tuple[str, ...]:
        """The topics that Debezium writes, in the order of the tables."""
        return tuple(f"{self.prefix}.{table}" for table in self.tables) if self.is_mapped else (self.into,)

    @property
    def origin(self) -> tuple[str, str]:
        """The table, in the database that the source is named after."""
        return "postgres", f"{self.name}.{self.table}"

    def of_table(self, table: str) -> Iterator[str]:
        """The columns of a table by which a change of one of its rows is told: the key, or what it is joined on."""
        if table == self.table:
            yield from self.key_columns
        for join in self.joins:
            if join.table == table:
                yield from join.on


def _repeated(columns: list[str]) -> bool:
    return len(set(columns)) < len(columns)


def _or_gone(told: FieldMapping | None) -> FieldMapping:
    if told is None or DELETED_COLUMN in (told.sql or told.field or ""):
        return told or FieldMapping(field=DELETED_COLUMN)
    own = told.sql or (f'"{told.field}"' if told.field else f"'{told.constant}'")
    return FieldMapping(sql=f"{DELETED_COLUMN} = 'true' OR TRY_CAST({own} AS BOOLEAN)")
