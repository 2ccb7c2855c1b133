"""Numbers over all collections together, for those who run the service: no name, id or content is among them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import categories, collections, inbox, micros, outbox, summed


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits."""

    accepted: int  # pictures that are not filed yet
    oldest: float | None  # when the one that waits longest was accepted, in Unix seconds
    failed: int  # pictures that cannot be filed
    undelivered: int  # orders that the vector store does not have on its disk


@dataclass(frozen=True, slots=True)
class Holdings:
    """What there is. Reads every micro-cluster: seconds in a large database."""

    collections: int
    images: int
    unsorted: int
    categories: int


def queues(connection: Connection) -> Queues:
    """What waits now."""
    waiting = inbox.c.reason.is_(None)
    accepted, oldest, failed = connection.execute(
        sa.select(
            sa.func.count().filter(waiting),
            sa.func.min(inbox.c.accepted_at).filter(waiting),
            sa.func.count().filter(~waiting),
        )
    ).one()
    undelivered = connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one()
    return Queues(accepted, oldest, failed, undelivered)


def holdings(connection: Connection) -> Holdings:
    """What there is now."""
    images, unsorted = connection.execute(
        sa.select(
            summed(micros.c.images),
            summed(sa.case((micros.c.category.is_(None), micros.c.images), else_=0)),
        )
    ).one()
    living = sa.select(sa.func.count()).select_from(categories).where(categories.c.retired_at.is_(None))
    known = sa.select(sa.func.count()).select_from(collections)
    return Holdings(
        collections=connection.execute(known).scalar_one(),
        images=images,
        unsorted=unsorted,
        categories=connection.execute(living).scalar_one(),
    )
