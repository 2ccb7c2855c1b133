"""Stacks: images with the near-duplicates that lie on them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import parts
from categoriser.catalog.tables import Record, images


def stacks(connection: Connection, collection_id: int, *, after: int, limit: int) -> list[tuple[int, int]]:
    """Row of the image that others lie on, and how many do; by row, those after a row."""
    query = (
        sa.select(images.c.head_row, sa.func.count().label("stacked"))
        .where(images.c.collection_id == collection_id, images.c.head_row.is_not(None), images.c.head_row > after)
        .group_by(images.c.head_row)
        .order_by(images.c.head_row)
        .limit(limit)
    )
    return [(int(row.head_row), int(row.stacked)) for row in connection.execute(query)]


def totals(connection: Connection, collection_id: int) -> tuple[int, int]:
    """How many stacks there are, and how many images lie on others."""
    query = sa.select(sa.func.count(images.c.head_row.distinct()), sa.func.count(images.c.head_row)).where(
        images.c.collection_id == collection_id, images.c.head_row.is_not(None)
    )
    found = connection.execute(query).one()
    return int(found[0]), int(found[1])


def members(connection: Connection, collection_id: int, heads: Sequence[int]) -> dict[int, list[Record]]:
    """Head row → itself and what lies on it, in order of arrival: row, image_id, name, sha256, width, height."""
    found: dict[int, list[Record]] = {head: [] for head in heads}
    columns = [images.c[name] for name in ("row", "image_id", "head_row", "name", "sha256", "width", "height")]
    for some in parts(heads):
        query = (
            sa.select(*columns)
            .where(images.c.collection_id == collection_id, sa.or_(images.c.row.in_(some), images.c.head_row.in_(some)))
            .order_by(images.c.row)
        )
        for row in connection.execute(query):
            head = row.row if row.head_row is None else row.head_row
            if head in found:
                found[head].append(dict(row._mapping))
    return found
