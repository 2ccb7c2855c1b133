"""Who changed what and who was refused: rows are added, and listed the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record
from categoriser.catalog.tables_access import audit


def append(connection: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Add entries in order."""
    if entries:
        connection.execute(sa.insert(audit), [dict(entry) for entry in entries])


def page(
    connection: Connection,
    *,
    before: int | None = None,
    who: str | None = None,
    collection: str | None = None,
    denied: bool | None = None,
    limit: int = 100,
) -> list[Record]:
    """Entries before a cursor, the newest first."""
    conditions = [
        *([] if before is None else [audit.c.cursor < before]),
        *([] if who is None else [audit.c.who == who]),
        *([] if collection is None else [audit.c.collection == collection]),
        *([] if denied is None else [audit.c.denied == denied]),
    ]
    query = sa.select(audit).where(*conditions).order_by(audit.c.cursor.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def rename(connection: Connection, collection: str, key: str) -> int:
    """Put a deleted collection's random key in the place of its name; returns the number of entries."""
    return connection.execute(sa.update(audit).where(audit.c.collection == collection).values(collection=key)).rowcount


def naming(connection: Connection, collection: str) -> int:
    """Number of entries with that name."""
    query = sa.select(sa.func.count()).select_from(audit).where(audit.c.collection == collection)
    return int(connection.execute(query).scalar_one())
