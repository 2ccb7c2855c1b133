"""Statements that a server is sent one after the other and waited for once: a round trip costs more than they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

Rows: TypeAlias = Callable[[], Sequence[Any]]  # to be called once the block is left

_PIPELINED: Final = "pipelined"  # in the ``info`` of a connection


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Within the block nobody looks at results, and what is asked for with ``later`` is there after it.

    Raises:
        sqlalchemy.exc.DBAPIError: a statement failed; of which kind is known at the end of the block.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    base = connection.dialect.loaded_dbapi.Error
    connection.info[_PIPELINED] = True
    try:
        with driver.pipeline():
            yield
    except base as error:
        raise sa.exc.DBAPIError.instance(None, None, error, base, dialect=connection.dialect) from error
    finally:
        connection.info.pop(_PIPELINED, None)


def later(connection: Connection, statement: sa.Executable, parameters: Mapping[str, Any]) -> Rows:
    """Send a statement; what it answers may be looked at after the block of ``together``, or at once outside of one.

    Within a block values go to the driver as they are: numbers, texts and lists of them, and no JSON.
    """
    if not connection.info.get(_PIPELINED):
        rows = connection.execute(statement, parameters).all()
        return lambda: rows
    cursor = connection.connection.cursor()
    cursor.execute(_text(statement, connection.dialect), parameters)
    return cursor.fetchall


def is_pipelined(connection: Connection) -> bool:
    """Whether results have to be waited for, as this is a block of a server."""
    return bool(connection.info.get(_PIPELINED))


@lru_cache(maxsize=64)  # building a text takes longer than running it
def _text(statement: sa.Executable, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))  # type: ignore[attr-defined]
