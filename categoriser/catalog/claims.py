"""Who of several processes files which of the accepted pictures.

An entry of the inbox belongs to the process in ``owner`` as long as that lives. Those of nobody, or of a dead process,
can be claimed; two who claim at the same time get different ones. A claim is given up at the end of orderly work; one
that is not means that its process died over it, and what kills processes is not tried for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.processes import living
from categoriser.catalog.tables import Record, collections, inbox

MOST: Final = 5  # claims of one entry that came to no end
_GIVEN_UP: Final = f"The process that filed this picture ended without a word, {MOST} times; look at the picture."


def claim(connection: Connection, owner: str, collection_id: int, *, limit: int) -> list[Record]:
    """Take over entries of a collection, oldest first, with the collection's name."""
    wanted = (
        sa.select(inbox.c.id)
        .where(inbox.c.collection_id == collection_id, _abandoned(), inbox.c.claims < MOST)
        .order_by(inbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    numbers = list(connection.execute(wanted).scalars())
    if not numbers:
        return []
    mine = sa.update(inbox).where(inbox.c.id.in_(numbers)).values(owner=owner, claims=inbox.c.claims + 1)
    connection.execute(mine)
    query = (
        sa.select(inbox, collections.c.name.label("collection"))
        .join_from(inbox, collections)
        .where(inbox.c.id.in_(numbers))
        .order_by(inbox.c.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def release(connection: Connection, owner: str, numbers: Sequence[int]) -> None:
    """Let anybody have entries that could not be filed now."""
    if numbers:
        mine = sa.and_(inbox.c.id.in_(numbers), inbox.c.owner == owner, inbox.c.reason.is_(None))
        connection.execute(sa.update(inbox).where(mine).values(owner=None, claims=inbox.c.claims - 1))


def give_up(connection: Connection) -> int:
    """Put entries that several processes died over with those that failed; returns their number."""
    hopeless = sa.and_(_abandoned(), inbox.c.claims >= MOST)
    return connection.execute(sa.update(inbox).where(hopeless).values(reason=_GIVEN_UP)).rowcount


def abandoned_collections(connection: Connection, *, after: int = 0, limit: int = 100) -> list[int]:
    """Collections that have entries to claim, by number."""
    query = sa.select(inbox.c.collection_id).where(_abandoned(), inbox.c.collection_id > after).distinct()
    return list(connection.execute(query.order_by(inbox.c.collection_id).limit(limit)).scalars())


def _abandoned() -> sa.ColumnElement[bool]:
    return sa.and_(inbox.c.reason.is_(None), sa.or_(inbox.c.owner.is_(None), inbox.c.owner.not_in(living())))
