"""Values for IN: in parts that every database takes, and of few lengths, so that drivers keep few statements."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.round_trips import Rows, later

MOST: Final = 500  # values in one part
_T = TypeVar("_T")


def padded(values: Iterable[_T]) -> list[_T]:
    """``values``, the last of them again until there are 1, 2, 4, 8, …

    Drivers keep each statement that they have met, with memory of its own, and each length makes another one.
    """
    given = list(values)
    if given:
        given += given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given))
    return given


def parts(values: Sequence[_T]) -> Iterator[list[_T]]:
    """All of ``values``, in padded parts."""
    for start in range(0, len(values), MOST):
        yield padded(values[start : start + MOST])


class Among:
    """A query about some values of a column of numbers, built once: PostgreSQL takes an array, SQLite several lists."""

    def __init__(self, column: sa.Column[int], build: Callable[[sa.ColumnElement[bool]], sa.Select[Any]]) -> None:
        """``build``: the query, of the condition that the column has one of the values."""
        self._of_list = build(column.in_(sa.bindparam("which", expanding=True)))
        self._of_array = build(column == sa.any_(sa.bindparam("which", type_=sa.ARRAY(sa.BigInteger))))

    def ask(self, connection: Connection, values: Collection[int], parameters: Mapping[str, Any] | None = None) -> Rows:
        """Send it; see ``later``."""
        given = [int(one) for one in values]
        if not given:
            return list
        if connection.dialect.name == "postgresql":
            return later(connection, self._of_array, {**(parameters or {}), "which": given})
        asked = [later(connection, self._of_list, {**(parameters or {}), "which": part}) for part in parts(given)]
        return lambda: [row for rows in asked for row in rows()]
