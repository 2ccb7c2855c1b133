"""What runs would change and may not, with what people made of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import MOST, padded, parts
from categoriser.catalog.tables import Record, categories, collections, images, micros, suggestions


def everything(connection: Connection, collection_id: int) -> list[Record]:
    """All that are kept, dismissed ones included, in the order in which they were found."""
    query = sa.select(suggestions).where(suggestions.c.collection_id == collection_id).order_by(suggestions.c.number)
    return [dict(row._mapping) for row in connection.execute(query)]


def open_ones(connection: Connection, collection_id: int) -> int:
    """Number of those that wait for a decision."""
    query = sa.select(sa.func.count()).where(
        suggestions.c.collection_id == collection_id, suggestions.c.dismissed_at.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def get(connection: Connection, collection_id: int, number: int) -> Record | None:
    """One of them."""
    query = sa.select(suggestions).where(suggestions.c.collection_id == collection_id, suggestions.c.number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else dict(row._mapping)


def add(connection: Connection, collection_id: int, found: Sequence[Mapping[str, Any]]) -> list[int]:
    """New suggestions; returns their numbers, which nothing had before."""
    if not found:
        return []
    advance = (
        sa.update(collections)
        .where(collections.c.id == collection_id)
        .values(next_suggestion=collections.c.next_suggestion + len(found))
        .returning(collections.c.next_suggestion)
    )
    first = connection.execute(advance).scalar_one() - len(found)
    numbers = list(range(first, first + len(found)))
    connection.execute(
        sa.insert(suggestions),
        [
            {"collection_id": collection_id, "number": number, "found_at": time.time(), **one}
            for number, one in zip(numbers, found, strict=True)
        ],
    )
    return numbers


def change(connection: Connection, collection_id: int, number: int, values: Mapping[str, Any]) -> None:
    """Set columns of one of them."""
    connection.execute(
        sa.update(suggestions)
        .where(suggestions.c.collection_id == collection_id, suggestions.c.number == number)
        .values(**values)
    )


def drop(connection: Connection, collection_id: int, numbers: Collection[int]) -> None:
    """Forget some of them."""
    if numbers:
        connection.execute(
            sa.delete(suggestions).where(
                suggestions.c.collection_id == collection_id, suggestions.c.number.in_(padded(numbers))
            )
        )


def living(connection: Connection, collection_id: int, numbers: Collection[int]) -> set[int]:
    """Those of the categories that are not retired."""
    query = sa.select(categories.c.number).where(
        categories.c.collection_id == collection_id,
        categories.c.number.in_(padded(numbers)),
        categories.c.retired_at.is_(None),
    )
    return set(connection.execute(query).scalars())


def micros_in(connection: Connection, collection_id: int, category: int) -> dict[int, int]:
    """Micro-clusters of a category with their numbers of images."""
    query = sa.select(micros.c.number, micros.c.images).where(
        micros.c.collection_id == collection_id, micros.c.category == category, micros.c.images > 0
    )
    return {row.number: row.images for row in connection.execute(query)}


def still_in(connection: Connection, collection_id: int, category: int, numbers: Sequence[int]) -> dict[int, int]:
    """Those of the micro-clusters that are in a category, with their numbers of images."""
    wanted = set(numbers)
    return {
        number: count for number, count in micros_in(connection, collection_id, category).items() if number in wanted
    }


def rows_still_in(
    connection: Connection, collection_id: int, category: int, rows: Sequence[int], without: Collection[int]
) -> list[int]:
    """Those of the rows that are in a category, and in none of some micro-clusters."""
    found: list[int] = []
    for some in parts(rows):
        query = (
            sa.select(images.c.row, images.c.micro)
            .join(
                micros,
                sa.and_(micros.c.collection_id == images.c.collection_id, micros.c.number == images.c.micro),
            )
            .where(
                images.c.collection_id == collection_id,
                images.c.row.in_(some),
                micros.c.category == category,
            )
        )
        found += [row for row, micro in connection.execute(query) if micro not in without]
    return found


def examples(
    connection: Connection, collection_id: int, micro_ids: Sequence[int], rows: Sequence[int], limit: int
) -> list[str]:
    """Ids of some images of those micro-clusters and rows."""
    near = sa.or_(images.c.micro.in_(padded(micro_ids[:MOST])), images.c.row.in_(padded(rows[:MOST])))
    query = sa.select(images.c.image_id).where(images.c.collection_id == collection_id, near)
    return list(connection.execute(query.order_by(images.c.row).limit(limit)).scalars())
