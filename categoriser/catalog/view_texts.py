"""Which pictures of a collection have a description for a question, and which are in a view already."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import descriptions, images


class Undescribed(NamedTuple):
    """A picture that nobody described for the question yet."""

    row: int
    image_id: str
    sha256: str


def count_undescribed(connection: Connection, collection_id: int, question: str) -> int:
    """How many different pictures have no description."""
    query = sa.select(sa.func.count(images.c.sha256.distinct())).where(
        images.c.collection_id == collection_id, images.c.sha256.is_not(None), ~_known(question)
    )
    return int(connection.execute(query).scalar_one())


def undescribed(
    connection: Connection, collection_id: int, question: str, *, after: int, limit: int
) -> list[Undescribed]:
    """Pictures without a description, in order of arrival, those after a row."""
    query = (
        sa.select(images.c.row, images.c.image_id, images.c.sha256)
        .where(
            images.c.collection_id == collection_id,
            images.c.row > after,
            images.c.sha256.is_not(None),
            ~_known(question),
        )
        .order_by(images.c.row)
        .limit(limit)
    )
    return [Undescribed(*row) for row in connection.execute(query)]


def unfiled(connection: Connection, collection_id: int, view_id: int, question: str, *, limit: int) -> dict[str, str]:
    """Image id → text of pictures that have a description and are not in the view."""
    inside = images.alias("inside")
    there = sa.exists(
        sa.select(sa.literal(1)).where(inside.c.collection_id == view_id, inside.c.image_id == images.c.image_id)
    )
    query = (
        sa.select(images.c.image_id, descriptions.c.text)
        .join(
            descriptions,
            sa.and_(
                descriptions.c.collection_id == images.c.collection_id,
                descriptions.c.sha256 == images.c.sha256,
                descriptions.c.question == question,
            ),
        )
        .where(images.c.collection_id == collection_id, ~there)
        .order_by(images.c.row)
        .limit(limit)
    )
    return {row.image_id: row.text for row in connection.execute(query)}


def _known(question: str) -> sa.Exists:
    return sa.exists(
        sa.select(sa.literal(1)).where(
            descriptions.c.collection_id == images.c.collection_id,
            descriptions.c.sha256 == images.c.sha256,
            descriptions.c.question == question,
        )
    )
