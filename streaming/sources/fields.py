"""How the fields of a source's record become those of a sale: renamed, cast, constant, or computed in SQL."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rankings.contract import DELETED_FIELD, KEY_RULES, SALE_RULES

_RULES = tuple(rule for rule in (*KEY_RULES, *SALE_RULES) if rule.field != "source")

SALE_FIELDS: tuple[str, ...] = (*(rule.field for rule in _RULES), DELETED_FIELD)
"""What a definition may say of a sale; the source's name is always the definition's."""

CASTS = ("varchar", "bigint", "decimal(18,2)", "date", "timestamp", "timestamptz", "boolean")
"""The types that a definition may cast to, in DuckDB's words."""


class Part(BaseModel):
    """A part of a definition: never changed, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldMapping(Part):
    """What one field of a sale is: exactly one of `field`, `constant` and `sql`.

    Attributes:
        field: the name of the source's field; dots lead into nested objects.
        constant: the same text for every record.
        sql: an expression in DuckDB's SQL over the source's fields.
        cast: the type that the value is brought to before it is written as the contract wants it.
    """

    field: str | None = None
    constant: str | None = None
    sql: str | None = None
    cast: str | None = Field(None, description=f"One of {', '.join(CASTS)}.")

    @model_validator(mode="after")
    def _one_way(self) -> FieldMapping:
        told = [name for name in ("field", "constant", "sql") if getattr(self, name) is not None]
        if len(told) != 1:
            raise ValueError(f"received {', '.join(told) or 'nothing'}, valid: exactly one of field, constant and sql")
        if self.cast is not None and self.cast not in CASTS:
            raise ValueError(f"cast: received {self.cast!r}, valid: one of {', '.join(CASTS)}")
        return self


def _short(value: Any) -> Any:
    """A text alone is the name of the source's field."""
    return {"field": value} if isinstance(value, str) else value


Mapped = Annotated[FieldMapping, BeforeValidator(_short)]


class Fields(Part):
    """How each field of a sale is found; a field that is not named here has the same name in the source."""

    sale_id: Mapped = FieldMapping(field="sale_id")
    occurred_at: Mapped = FieldMapping(field="occurred_at")
    country: Mapped = FieldMapping(field="country")
    city: Mapped = FieldMapping(field="city")
    salesman_id: Mapped = FieldMapping(field="salesman_id")
    salesman: Mapped | None = None
    amount: Mapped = FieldMapping(field="amount")
    currency: Mapped = FieldMapping(field="currency")
    deleted: Mapped | None = None

    def mapped(self) -> dict[str, FieldMapping]:
        """The mapping of each field that the source tells, by the sale's field, in the contract's order."""
        found = {name: getattr(self, name) for name in SALE_FIELDS}
        return {name: mapping for name, mapping in found.items() if mapping is not None}
