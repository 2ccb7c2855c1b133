"""Conditions on the JSON that was given with an image, on SQLite and PostgreSQL alike.

Values are compared by their type: 5 is the number and never the text "5", true is never 1. Where the metadata holds a
list, one of its entries has to fit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

Scalar: TypeAlias = str | int | float | bool | None
_LARGEST_INTEGER: Final = 2**63  # that SQLite takes as one
_COMPARED: Final = {
    "gte": lambda left, right: left >= right,
    "gt": lambda left, right: left > right,
    "lte": lambda left, right: left <= right,
    "lt": lambda left, right: left < right,
}


@dataclass(frozen=True, slots=True)
class MetadataCondition:
    """What the value under nested keys must be; all that is given holds.

    Attributes:
        path: keys from the outside in; none holds a double quote.
        exists: there is a value and it is not null, or there is none.
        any_of: it equals one of these; None among them is JSON's null.
        bounds: of "gte", "gt", "lte", "lt", with numbers or with texts (by code points).
    """

    path: tuple[str, ...]
    exists: bool | None = None
    any_of: tuple[Scalar, ...] | None = None
    bounds: tuple[tuple[str, str | int | float], ...] = ()


def met(dialect: str, metadata: sa.ColumnElement[Any], wanted: MetadataCondition) -> sa.ColumnElement[bool]:
    """An SQL condition over the column ``metadata``."""
    values = _SqliteValues(metadata, wanted.path) if dialect == "sqlite" else _PostgresValues(metadata, wanted.path)
    clauses: list[sa.ColumnElement[bool]] = []
    if wanted.exists is not None:
        clauses.append(values.exists() if wanted.exists else sa.not_(values.exists()))
    fits: list[sa.ColumnElement[bool]] = []
    if wanted.any_of is not None:
        fits.append(sa.or_(sa.false(), *(values.equal(one) for one in wanted.any_of)))
    fits += [_COMPARED[operator](values.comparable(bound), values.bound(bound)) for operator, bound in wanted.bounds]
    if fits:
        clauses.append(values.some(sa.and_(*fits)))
    return sa.and_(sa.true(), *clauses)


class _SqliteValues:
    """The value at a path, or the entries of the list there, by the JSON functions of SQLite."""

    def __init__(self, metadata: sa.ColumnElement[Any], path: Sequence[str]) -> None:
        # written with escapes, as the column is: SQLite compares keys as they are written
        self._path = "$" + "".join(f".{json.dumps(key)}" for key in path)
        self._type = sa.func.json_type(metadata, self._path)
        self._each = sa.func.json_each(metadata, self._path).table_valued("value", "type")

    def exists(self) -> sa.ColumnElement[bool]:
        return sa.func.coalesce(self._type, "null") != "null"

    def some(self, fits: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        found = sa.exists(sa.select(sa.literal(1)).select_from(self._each).where(fits))
        return sa.and_(sa.func.coalesce(self._type, "object") != "object", found)  # of objects it lists the members

    def equal(self, value: Scalar) -> sa.ColumnElement[bool]:
        kind = self._each.c.type
        if value is None or isinstance(value, bool):
            return kind == json.dumps(value)
        return sa.and_(self.comparable(value).is_not(None), self.comparable(value) == self.bound(value))

    def comparable(self, like: str | float) -> sa.ColumnElement[Any]:
        kinds = ["text"] if isinstance(like, str) else ["integer", "real"]
        return sa.case((self._each.c.type.in_(kinds), self._each.c.value), else_=sa.null())

    def bound(self, value: str | float) -> sa.ColumnElement[Any]:
        if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
            value = float(value)
        return sa.literal(value)


class _PostgresValues:
    """The same by the JSON functions of PostgreSQL."""

    def __init__(self, metadata: sa.ColumnElement[Any], path: Sequence[str]) -> None:
        value: sa.ColumnElement[Any] = metadata
        for key in path:  # by text, so that a number is a key and no place in a list
            value = value.op("->", return_type=postgresql.JSON())(sa.cast(sa.literal(key, sa.Text), sa.Text))
        self._kind = sa.func.json_typeof(value)
        several = sa.case(
            (self._kind == "array", value),
            (self._kind.is_(None), sa.cast(sa.literal_column("'[]'"), postgresql.JSON())),
            else_=sa.func.json_build_array(value),
        )
        self._each = sa.func.json_array_elements(several).table_valued(sa.column("value", postgresql.JSON()))
        self._one = self._each.c.value

    def exists(self) -> sa.ColumnElement[bool]:
        return sa.func.coalesce(self._kind, "null") != "null"

    def some(self, fits: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.exists(sa.select(sa.literal(1)).select_from(self._each).where(fits))

    def equal(self, value: Scalar) -> sa.ColumnElement[bool]:
        if value is None:
            return sa.func.json_typeof(self._one) == "null"
        if isinstance(value, bool):
            return sa.and_(sa.func.json_typeof(self._one) == "boolean", self._text() == json.dumps(value))
        return self.comparable(value) == self.bound(value)

    def comparable(self, like: str | float) -> sa.ColumnElement[Any]:
        # a case and no "and": a text that is no number must never be read as one
        if isinstance(like, str):
            return sa.case((sa.func.json_typeof(self._one) == "string", self._text()), else_=sa.null()).collate("C")
        return sa.case((sa.func.json_typeof(self._one) == "number", sa.cast(self._text(), sa.Numeric)), else_=sa.null())

    def bound(self, value: str | float) -> sa.ColumnElement[Any]:
        if isinstance(value, str):
            return sa.cast(sa.literal(value, sa.Text), sa.Text)
        return sa.cast(sa.literal(Decimal(repr(value)), sa.Numeric), sa.Numeric)

    def _text(self) -> sa.ColumnElement[str]:
        return self._one.op("#>>", return_type=sa.Text())(sa.literal_column("'{}'"))
