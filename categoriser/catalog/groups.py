"""Broad groups over categories. A group lives exactly as long as one of its categories does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import padded
from categoriser.catalog.tables import Record, categories, events, groups

_TELLING = ("group-spawn", "group-join", "group-revive", "spawn", "split", "revive", "retire", "merge")


@dataclass(frozen=True, slots=True)
class Settled:
    """Numbers of groups that began, came back, or ended, as their categories did."""

    created: tuple[int, ...] = ()
    revived: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()


def of_categories(connection: Connection, collection_id: int) -> dict[int, int]:
    """Category → group, of retired categories the one that they were in last."""
    query = sa.select(categories.c.number, categories.c.group_number).where(
        categories.c.collection_id == collection_id, categories.c.group_number.is_not(None)
    )
    return {row.number: row.group_number for row in connection.execute(query)}


def assign(connection: Connection, collection_id: int, changes: Mapping[int, int]) -> None:
    """Put categories (key) into groups; ``settle`` has to follow."""
    if changes:
        connection.execute(
            sa.update(categories)
            .where(categories.c.collection_id == sa.bindparam("of"), categories.c.number == sa.bindparam("which"))
            .values(group_number=sa.bindparam("to")),
            [{"of": collection_id, "which": number, "to": group} for number, group in changes.items()],
        )


def settle(connection: Connection, collection_id: int) -> Settled:
    """Begin, bring back and end groups so that exactly those live that have a living category."""
    wanted = set(
        connection.execute(
            sa.select(categories.c.group_number)
            .where(categories.c.collection_id == collection_id, categories.c.retired_at.is_(None))
            .distinct()
        ).scalars()
    )
    stored = connection.execute(
        sa.select(groups.c.number, groups.c.retired_at).where(groups.c.collection_id == collection_id)
    ).all()
    known, living = {row.number for row in stored}, {row.number for row in stored if row.retired_at is None}
    settled = Settled(
        tuple(sorted(wanted - known)), tuple(sorted(wanted & known - living)), tuple(sorted(living - wanted))
    )
    now = time.time()
    if settled.created:
        rows = [{"collection_id": collection_id, "number": one, "created_at": now} for one in settled.created]
        connection.execute(sa.insert(groups), rows)
    for numbers, ended_at in ((settled.revived, None), (settled.ended, now)):
        if numbers:
            connection.execute(
                sa.update(groups)
                .where(groups.c.collection_id == collection_id, groups.c.number.in_(padded(numbers)))
                .values(retired_at=ended_at, merged_into=None)
            )
    return settled


def lead(connection: Connection, collection_id: int, ended: Mapping[int, int]) -> None:
    """Let the ids of ended groups (key) lead to others."""
    for number, group in ended.items():
        connection.execute(
            sa.update(groups)
            .where(groups.c.collection_id == collection_id, groups.c.number == number)
            .values(merged_into=group)
        )


def living(connection: Connection, collection_id: int) -> dict[int, float]:
    """Living groups by number, with when each was created."""
    query = (
        sa.select(groups.c.number, groups.c.created_at)
        .where(groups.c.collection_id == collection_id, groups.c.retired_at.is_(None))
        .order_by(groups.c.number)
    )
    return {row.number: row.created_at for row in connection.execute(query)}


def find(connection: Connection, collection_id: int, number: int) -> Record | None:
    """A group by number, ended ones included."""
    row = connection.execute(
        sa.select(groups).where(groups.c.collection_id == collection_id, groups.c.number == number)
    ).one_or_none()
    return None if row is None else dict(row._mapping)


def as_of(connection: Connection, collection_id: int, last_cursor: int) -> dict[int, int]:
    """Category → group after the event ``last_cursor``, of the categories that lived then."""
    query = (
        sa.select(events.c.kind, events.c.category, events.c.detail)
        .where(events.c.collection_id == collection_id, events.c.cursor <= last_cursor, events.c.kind.in_(_TELLING))
        .order_by(events.c.cursor)
    )
    last: dict[int, int] = {}
    alive: set[int] = set()
    for kind, category, detail in connection.execute(query):
        if kind.startswith("group-"):
            last |= dict.fromkeys(detail["categories"], detail["group"])
        elif kind == "merge":
            alive.difference_update(detail["losers"])
        elif kind == "retire":
            alive.discard(category)
        else:
            alive.add(category)
    # what is older than groups became a group of its own, under its own number
    return {category: last.get(category, category) for category in sorted(alive)}
