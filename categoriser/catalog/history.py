"""Versions of a collection's taxonomy, each with what is needed to undo it; and what people decided."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record, categories, collections, constraints, versions

ConstraintKind = Literal["pin", "reject", "apart", "whole"]


class Constraint(NamedTuple):
    """One decision of a person; see the table. ``category`` is -1 where there is none."""

    kind: ConstraintKind
    subject: int
    category: int = -1


def put(
    connection: Connection,
    collection_id: int,
    version: int,
    *,
    kind: str,
    seconds: float,
    summary: Mapping[str, Any],
    change: Mapping[str, Any],
) -> None:
    """Note a version; its events must be written already."""
    last = connection.execute(
        sa.select(collections.c.next_cursor).where(collections.c.id == collection_id)
    ).scalar_one()
    connection.execute(
        sa.insert(versions).values(
            collection_id=collection_id,
            version=version,
            kind=kind,
            at=time.time(),
            last_cursor=last - 1,
            seconds=seconds,
            summary=summary,
            change=change,
        )
    )


def get(connection: Connection, collection_id: int, version: int) -> Record | None:
    """One version."""
    query = sa.select(versions).where(versions.c.collection_id == collection_id, versions.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else dict(row._mapping)


def of_event(connection: Connection, collection_id: int, cursor: int) -> Record | None:
    """The first version that was published with or after an event."""
    query = (
        sa.select(versions)
        .where(versions.c.collection_id == collection_id, versions.c.last_cursor >= cursor)
        .order_by(versions.c.version)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else dict(row._mapping)


def page(connection: Connection, collection_id: int, *, before: int | None = None, limit: int = 100) -> list[Record]:
    """Versions without their changes, the newest first; those before one."""
    columns = [column for column in versions.c if column.name != "change"]
    query = sa.select(*columns).where(versions.c.collection_id == collection_id)
    if before is not None:
        query = query.where(versions.c.version < before)
    query = query.order_by(versions.c.version.desc()).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def not_undone(
    connection: Connection, collection_id: int, *, but: Iterable[str], before: int | None = None, limit: int = 100
) -> list[int]:
    """Numbers of the versions that nothing undid, the newest first, but for those of some kinds; those before one."""
    query = sa.select(versions.c.version).where(
        versions.c.collection_id == collection_id, versions.c.undone_by.is_(None), versions.c.kind.not_in(but)
    )
    if before is not None:
        query = query.where(versions.c.version < before)
    return list(connection.execute(query.order_by(versions.c.version.desc()).limit(limit)).scalars())


def mark_undone(connection: Connection, collection_id: int, version: int, by: int) -> None:
    """Note that a later version undid this one."""
    connection.execute(
        sa.update(versions)
        .where(versions.c.collection_id == collection_id, versions.c.version == version)
        .values(undone_by=by)
    )


def decided(connection: Connection, collection_id: int) -> list[Constraint]:
    """All decisions of people."""
    query = sa.select(constraints.c.kind, constraints.c.subject, constraints.c.category).where(
        constraints.c.collection_id == collection_id
    )
    return [
        Constraint(cast("ConstraintKind", row.kind), row.subject, row.category) for row in connection.execute(query)
    ]


def decide(connection: Connection, collection_id: int, added: Iterable[Constraint]) -> None:
    """Note decisions that are not there yet."""
    values = [{"collection_id": collection_id, **one._asdict()} for one in added]
    if values:
        connection.execute(sa.insert(constraints), values)


def take_back(connection: Connection, collection_id: int, removed: Iterable[Constraint]) -> None:
    """Delete decisions."""
    for one in removed:
        connection.execute(
            sa.delete(constraints).where(
                constraints.c.collection_id == collection_id,
                constraints.c.kind == one.kind,
                constraints.c.subject == one.subject,
                constraints.c.category == one.category,
            )
        )


def held(connection: Connection, collection_id: int) -> tuple[set[int], dict[int, float]]:
    """Living categories that are locked or named by a person, and how strict each category is, where it is."""
    query = sa.select(categories.c.number, categories.c.locked, categories.c.named_by, categories.c.strictness).where(
        categories.c.collection_id == collection_id,
        categories.c.retired_at.is_(None),
        sa.or_(categories.c.locked, categories.c.named_by == "person", categories.c.strictness != 0),
    )
    rows = connection.execute(query).all()
    return (
        {row.number for row in rows if row.locked or row.named_by == "person"},
        {row.number: row.strictness for row in rows if row.strictness},
    )
