"""Statements that a server is sent one after the other and waited for once: a round trip costs more than they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

Rows: TypeAlias = Callable[[], Sequence[Any]]  # to be called once the block is left

_TOGETHER: Final = "together"  # in the ``info`` of a connection


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Within the block nobody looks at results, and what is asked for with ``later`` is there after it.

    Raises:
        sqlalchemy.exc.DBAPIError: a statement failed; of which kind is known when the next one is sent, or at the end
            of the block, so that the error names none.
    """
    if connection.dialect.name == "sqlite" or is_together(connection):  # within another block it is part of that
        yield
        return
    driver: Any = connection.connection.driver_connection
    base = connection.dialect.loaded_dbapi.Error
    info = connection.info  # cannot be asked for once the connection is lost
    info[_TOGETHER] = True
    try:
        with driver.pipeline():
            yield
    except sa.exc.DBAPIError as error:
        raise _unnamed(error.orig, base, connection.dialect) from error.orig
    except base as error:
        raise _unnamed(error, base, connection.dialect) from error
    finally:
        info.pop(_TOGETHER, None)


def later(connection: Connection, statement: sa.Executable, parameters: Mapping[str, Any]) -> Rows:
    """Send a statement; what it answers may be looked at after the block of ``together``, or at once outside of one.

    Within a block values go to the driver as they are: numbers, texts and lists of them, and no JSON.
    """
    if not is_together(connection):
        rows = connection.execute(statement, parameters).all()
        return lambda: rows
    cursor = connection.connection.cursor()
    text, own = _compiled(statement, connection.dialect)
    cursor.execute(text, {**own, **parameters})
    return cursor.fetchall


def is_together(connection: Connection) -> bool:
    """Whether this is within a block of ``together`` on a server: results are to be had after it."""
    return bool(connection.info.get(_TOGETHER))


@lru_cache(maxsize=64)  # building a text takes longer than running it
def _compiled(statement: sa.Executable, dialect: Dialect) -> tuple[str, Mapping[str, Any]]:
    """Text of a statement and the parameters that it has by itself."""
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    return str(compiled), compiled.params


def _unnamed(error: Any, base: type[Exception], dialect: Dialect) -> Any:
    """The error without a statement: it would be a later one than the one that failed."""
    return sa.exc.DBAPIError.instance(None, None, error, base, dialect=dialect)
