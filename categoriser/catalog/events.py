"""The append-only log of a collection."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog import feed
from categoriser.catalog.in_lists import parts
from categoriser.catalog.tables import Record, collections, events


def append(connection: Connection, collection_id: int, entries: Sequence[Mapping[str, Any]], **columns: Any) -> None:
    """Add events in order; each mapping holds ``kind`` and, where they apply, image_id, category and detail.

    ``columns`` of the collection change with them, in the statement that counts its events.

    Raises:
        sqlalchemy.exc.IntegrityError: the collection was deleted.
    """
    if not entries:
        return
    # the update is also the lock that keeps cursors in order of commit
    connection.execute(_advance(*columns), {"of": collection_id, "by": len(entries), **columns})
    feed.note(connection, collection_id)
    now = time.time()
    connection.execute(
        _INSERT,
        [
            {
                "collection_id": collection_id,
                "of": collection_id,
                "back": len(entries) - i,
                "kind": entry["kind"],
                "at": now,
                "image_id": entry.get("image_id"),
                "category": entry.get("category"),
                "detail": entry.get("detail"),
            }
            for i, entry in enumerate(entries)
        ],
    )


def page(
    connection: Connection, collection_id: int, *, after: int = 0, kinds: Collection[str] = (), limit: int = 100
) -> list[Record]:
    """Events after a cursor, oldest first; only those of some kinds, where any are given."""
    query = sa.select(events).where(events.c.collection_id == collection_id, events.c.cursor > after)
    if kinds:
        query = query.where(events.c.kind.in_(sorted(kinds)))
    query = query.order_by(events.c.cursor).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def get(connection: Connection, collection_id: int, cursor: int) -> Record | None:
    """One event; None when there never was one, or it went with its image."""
    query = sa.select(events).where(events.c.collection_id == collection_id, events.c.cursor == cursor)
    row = connection.execute(query).one_or_none()
    return None if row is None else dict(row._mapping)


def last_of(connection: Connection, collection_id: int, kind: str, until: int) -> int | None:
    """Cursor of the last event of a kind, up to a cursor."""
    query = sa.select(sa.func.max(events.c.cursor)).where(
        events.c.collection_id == collection_id, events.c.kind == kind, events.c.cursor <= until
    )
    found = connection.execute(query).scalar_one()
    return None if found is None else int(found)


def last(connection: Connection, collection_id: int) -> int:
    """Cursor of the last event there was, whether or not it went with its image."""
    query = sa.select(collections.c.next_cursor).where(collections.c.id == collection_id)
    return int(connection.execute(query).scalar_one()) - 1


def forget_images(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> None:
    """Delete the events that name these images: what a user deletes leaves no trace."""
    for some in parts(image_ids):
        connection.execute(
            sa.delete(events).where(events.c.collection_id == collection_id, events.c.image_id.in_(some))
        )


# the cursor is not read back: that would be a round trip
_INSERT = (
    sa.insert(events)
    .values(
        cursor=sa.select(collections.c.next_cursor - sa.bindparam("back"))
        .where(collections.c.id == sa.bindparam("of"))
        .scalar_subquery()
    )
    .inline()
)


@cache  # building a statement takes longer than running it
def _advance(*names: str) -> sa.UpdateBase:
    return (
        sa.update(collections)
        .where(collections.c.id == sa.bindparam("of"))
        .values(next_cursor=collections.c.next_cursor + sa.bindparam("by"), **{n: sa.bindparam(n) for n in names})
    )
