"""Who of several processes files which of the accepted pictures.

An entry of the inbox belongs to the process in ``owner`` as long as that lives. Those of nobody, or of a dead process,
can be claimed; two who claim at the same time get different ones. A process that ends in order gives back what it has
not filed; one that does not died over it, and what kills processes is not tried for ever.
"""

from __future__ import annotations

import time
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import padded
from categoriser.catalog.processes import living
from categoriser.catalog.tables import inbox

MOST: Final = 5  # claims of one entry that came to no end
_GIVEN_UP: Final = f"The process that filed this picture ended without a word, {MOST} times; look at the picture."


def claim(connection: Connection, owner: str, collection_id: int, *, limit: int) -> list[int]:
    """Take over entries of a collection, oldest first; returns their numbers."""
    wanted = (
        sa.select(inbox.c.id)
        .where(inbox.c.collection_id == collection_id, _abandoned(), inbox.c.claims < MOST)
        .order_by(inbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    numbers = list(connection.execute(wanted).scalars())
    if numbers:
        mine = sa.update(inbox).where(inbox.c.id.in_(padded(numbers)))
        connection.execute(mine.values(owner=owner, claims=inbox.c.claims + 1))
    return numbers


def release_all(connection: Connection, owner: str) -> None:
    """Let anybody have what a process that ends in order has not filed; that it had it does not count."""
    fewer = sa.case((inbox.c.claims > 0, inbox.c.claims - 1), else_=0)
    mine = sa.and_(inbox.c.owner == owner, inbox.c.reason.is_(None))
    connection.execute(sa.update(inbox).where(mine).values(owner=None, claims=fewer))


def give_up(connection: Connection) -> int:
    """Put entries that several processes died over with those that failed; returns their number."""
    hopeless = sa.and_(_abandoned(), inbox.c.claims >= MOST)
    return connection.execute(sa.update(inbox).where(hopeless).values(reason=_GIVEN_UP)).rowcount


def abandoned_collections(connection: Connection, *, after: int = 0, limit: int = 100) -> list[int]:
    """Collections that have entries to claim, by number."""
    query = sa.select(inbox.c.collection_id).where(_abandoned(), inbox.c.collection_id > after).distinct()
    return list(connection.execute(query.order_by(inbox.c.collection_id).limit(limit)).scalars())


def _abandoned() -> sa.ColumnElement[bool]:
    due = sa.or_(inbox.c.next_at.is_(None), inbox.c.next_at <= time.time())
    return sa.and_(inbox.c.reason.is_(None), due, sa.or_(inbox.c.owner.is_(None), inbox.c.owner.not_in(living())))
