"""Accepted but not yet filed pictures, and those that failed for good."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record, collections, inbox


def accept(connection: Connection, collection_id: int, entries: Sequence[Mapping[str, Any]]) -> list[int]:
    """Note pictures that have to be filed; returns their numbers in the same order. Keys: columns of ``inbox``."""
    now = time.time()
    values = [{**entry, "collection_id": collection_id, "accepted_at": now} for entry in entries]
    return list(connection.execute(_ACCEPT, values).scalars())


def has_failed(connection: Connection, collection_id: int) -> bool:
    """Whether any entry of the collection failed."""
    return connection.execute(_HAS_FAILED, {"of": collection_id}).first() is not None


def refuse(connection: Connection, collection_id: int, entry: Mapping[str, Any], reason: str) -> None:
    """Note an input that could not even be accepted, so that it can be looked up and tried again."""
    values = {**entry, "collection_id": collection_id, "accepted_at": time.time(), "reason": reason}
    connection.execute(sa.insert(inbox).values(**values))


def get(connection: Connection, number: int) -> Record | None:
    """One entry."""
    row = connection.execute(sa.select(inbox).where(inbox.c.id == number)).one_or_none()
    return None if row is None else dict(row._mapping)


def settle(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete entries that were filed, in the transaction that files them."""
    if numbers:
        connection.execute(_SETTLE, [{"n": n} for n in numbers])


def fail(connection: Connection, number: int, reason: str) -> None:
    """Keep an entry as failed, with its reason."""
    connection.execute(sa.update(inbox).where(inbox.c.id == number).values(reason=reason))


def pending(connection: Connection, *, after: int = 0, limit: int = 500) -> list[Record]:
    """Entries of all collections that wait to be filed, in order of arrival, with the collection's name."""
    query = (
        sa.select(inbox, collections.c.name.label("collection"))
        .join_from(inbox, collections)
        .where(inbox.c.id > after, inbox.c.reason.is_(None))
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def failed(connection: Connection, collection_id: int, *, after: int = 0, limit: int = 100) -> list[Record]:
    """Failed entries of one collection with their reasons, in order of arrival."""
    query = (
        sa.select(inbox)
        .where(inbox.c.collection_id == collection_id, inbox.c.id > after, inbox.c.reason.is_not(None))
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def waiting(connection: Connection, collection_id: int) -> int:
    """Number of entries of a collection that wait to be filed."""
    query = (
        sa.select(sa.func.count())
        .select_from(inbox)
        .where(inbox.c.collection_id == collection_id, inbox.c.reason.is_(None))
    )
    return int(connection.execute(query).scalar_one())


def digests(connection: Connection, collection_id: int) -> set[str]:
    """SHA-256 digests of all entries of a collection, failed ones too."""
    query = sa.select(inbox.c.sha256).where(inbox.c.collection_id == collection_id, inbox.c.sha256.is_not(None))
    return set(connection.execute(query).scalars())


def clear_failed(connection: Connection, collection_id: int, *, sha256: str | None, source: str | None) -> list[str]:
    """Forget earlier failures of the same file or URL, or of the same bytes sent without either: it is tried again.

    Returns the SHA-256 digests of what was forgotten.
    """
    if source is not None:
        return _forget(connection, collection_id, inbox.c.source == source)
    return _forget(connection, collection_id, sa.and_(inbox.c.sha256 == sha256, inbox.c.source.is_(None)))


def forget_failed(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> list[str]:
    """Delete failed entries that name these images; returns the SHA-256 digests they had."""
    digests: list[str] = []
    for start in range(0, len(image_ids), 500):
        digests += _forget(connection, collection_id, inbox.c.image_id.in_(image_ids[start : start + 500]))
    return digests


def _forget(connection: Connection, collection_id: int, which: sa.ColumnElement[bool]) -> list[str]:
    query = (
        sa.delete(inbox)
        .where(inbox.c.collection_id == collection_id, which, inbox.c.reason.is_not(None))
        .returning(inbox.c.sha256)
    )
    return [digest for digest in connection.execute(query).scalars() if digest is not None]


# made once: building a statement takes longer than running it
_HAS_FAILED = (
    sa.select(inbox.c.id).where(inbox.c.collection_id == sa.bindparam("of"), inbox.c.reason.is_not(None)).limit(1)
)
_SETTLE = sa.delete(inbox).where(inbox.c.id == sa.bindparam("n"))
_ACCEPT = sa.insert(inbox).returning(inbox.c.id, sort_by_parameter_order=True)
