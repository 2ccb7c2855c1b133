"""Everything that SQL knows of a collection, from one database to another, whatever kinds they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record, collections, inbox, metadata

_CHUNK: Final = 500
_ASIDE: Final = "moving"  # in ``parent_key``: like a view it is in no list, and nobody can write such a name
# what belongs to the installation, or is forgotten after days anyway
_LEFT: Final = {"uploads", "idempotency_keys", "webhooks", "webhook_cursors", "webhook_deliveries"}
_RENAMED: Final = {"id", "name", "parent_key", "schedule"}


def aside_name(key: str) -> str:
    """Name of a collection that is being copied, by its key."""
    return f"\x1f{_ASIDE}\x1f{key}"


def stored(connection: Connection, collection_id: int) -> Record:
    """All columns of a collection; it must exist."""
    query = sa.select(collections).where(collections.c.id == collection_id)
    return dict(connection.execute(query).mappings().one())


def find_aside(connection: Connection, key: str) -> Record | None:
    """The copy that was begun of the collection with that key."""
    here = sa.and_(collections.c.key == key, collections.c.name == aside_name(key))
    row = connection.execute(sa.select(collections).where(here)).mappings().one_or_none()
    return None if row is None else dict(row)


def is_copy(source: Record, copy: Record) -> bool:
    """Whether a copy that was begun is of the collection as it is now."""
    return all(copy[name] == value for name, value in source.items() if name not in _RENAMED)


def insert_aside(connection: Connection, source: Record) -> int:
    """A collection with the same key that nobody sees yet and no schedule runs; returns its number."""
    values = {name: value for name, value in source.items() if name != "id"}
    values |= {"name": aside_name(source["key"]), "parent_key": _ASIDE, "schedule": ""}
    return int(connection.execute(sa.insert(collections).values(**values).returning(collections.c.id)).scalar_one())


def reveal(connection: Connection, collection_id: int, source: Record, name: str) -> None:
    """Let a copy be a collection like any other."""
    values = {"name": name, "parent_key": source["parent_key"], "schedule": source["schedule"]}
    connection.execute(sa.update(collections).where(collections.c.id == collection_id).values(**values))


def copy_rows(source: Connection, target: Connection, source_id: int, target_id: int) -> None:
    """Copy what belongs to a collection, table by table."""
    for table in _tables():
        for rows in _pages(source, table, source_id):
            target.execute(sa.insert(table), [{**row, "collection_id": target_id} for row in rows])


def counts(connection: Connection, collection_id: int) -> dict[str, int]:
    """Rows of a collection by table."""
    return {
        table.name: int(
            connection.execute(
                sa.select(sa.func.count()).select_from(table).where(table.c.collection_id == collection_id)
            ).scalar_one()
        )
        for table in _tables()
    }


def views_of(connection: Connection, key: str) -> list[int]:
    """Numbers of the views of a collection."""
    query = sa.select(collections.c.id).where(collections.c.parent_key == key).order_by(collections.c.id)
    return list(connection.execute(query).scalars())


def _tables() -> list[sa.Table]:
    return [table for table in metadata.sorted_tables if "collection_id" in table.c and table.name not in _LEFT]


def _pages(connection: Connection, table: sa.Table, collection_id: int) -> Iterator[list[Mapping[str, Any]]]:
    query = sa.select(table).where(table.c.collection_id == collection_id).order_by(*table.primary_key.columns)
    # a number of its own that counts in the whole database is given anew
    dropped = {"id"} if "id" in table.c else set()
    if table is inbox:
        dropped |= {"owner", "claims"}
    result = connection.execution_options(yield_per=_CHUNK).execute(query)
    for page in result.mappings().partitions(_CHUNK):
        yield [{name: value for name, value in row.items() if name not in dropped} for row in page]
