"""Copies of the whole catalog: a consistent moment of a database in use into an SQLite file, and such a file back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from categoriser.catalog import tables, tables_uploads
from categoriser.catalog.database import Database, sqlite_url
from categoriser.errors import ConfigurationError

_ROWS: Final = 2000  # in memory at a time
_NOT_COPIED: Final = frozenset({"alembic_version", "outbox"})


def snapshot(database: Database, path: Path) -> None:
    """Copy everything as of one moment into a new SQLite file; nobody who writes has to wait.

    SQLite copies itself page by page; of another database the rows of every table are read in one transaction.
    """
    path.unlink(missing_ok=True)
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as connection, sqlite3.connect(path) as target:
            source: Any = connection.connection.driver_connection
            source.backup(target)  # in one step: in smaller ones it would begin anew after each write
        target.close()
        return
    copy = Database(sqlite_url(path))
    try:
        with database.read() as source, copy.write() as target_connection:
            _copy_rows(source, target_connection, without=frozenset({"alembic_version"}))
    finally:
        copy.close()


def fill(path: Path, database: Database) -> None:
    """Put the rows of such a file into an empty database, without orders to a vector store, which is made anew.

    Raises:
        ConfigurationError: it is not empty.
    """
    copy = Database(sqlite_url(path))  # brings an older file up to date
    try:
        with copy.read() as source, database.write() as target:
            if target.execute(sa.text("SELECT 1 FROM collections LIMIT 1")).first() is not None:
                raise ConfigurationError(
                    f"The database {database.engine.url!r} holds collections already; restore into an empty one."
                )
            _copy_rows(source, target, without=_NOT_COPIED)
            if database.engine.dialect.name == "postgresql":
                _count_on(target)
    finally:
        copy.close()


@contextmanager
def reading(path: Path) -> Iterator[sa.Connection]:
    """A connection to such a file as it is, whatever version made it."""
    engine = sa.create_engine(sqlite_url(path))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def forget_orders(path: Path) -> None:
    """Delete the orders to the vector store from such a file: the store is made from the images."""
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM outbox")
    connection.close()


def _copy_rows(source: sa.Connection, target: sa.Connection, *, without: frozenset[str]) -> None:
    for table in _tables(source):
        if table.name in without:
            continue
        rows = source.execution_options(yield_per=_ROWS).execute(sa.select(table)).mappings()
        for part in rows.partitions(_ROWS):
            target.execute(sa.insert(table), [dict(row) for row in part])
    # of entries that were filed: their numbers may be given out again there
    gone = tables_uploads.upload_items.c.inbox_id.not_in(sa.select(tables.inbox.c.id))
    target.execute(sa.update(tables_uploads.upload_items).where(gone).values(inbox_id=None))


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """Every table there is, those first that others refer to."""
    found = sa.MetaData()
    found.reflect(connection)
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, sa.JSON):
                column.type = sa.JSON(none_as_null=True)  # nothing is NULL, not the text "null"
            elif isinstance(column.type, sa.LargeBinary):
                column.type = sa.LargeBinary()
            elif isinstance(column.type, sa.Float):
                column.type = sa.Double()
    return found.sorted_tables


def _count_on(connection: sa.Connection) -> None:
    """Let ids go on behind those that were copied."""
    for table in _tables(connection):
        for column in table.primary_key.columns:
            name = connection.execute(
                sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))
            ).scalar_one_or_none()
            if name is not None:
                largest = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
                connection.execute(sa.select(sa.func.setval(name, largest, False)))
