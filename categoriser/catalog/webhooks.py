"""Webhooks: who is told of which events, how far each has come, and who sends at the moment.

A sender works under a lease with a token: one that was taken over records nothing any more. What a webhook was told is
a cursor per collection, advanced after the delivery; so after a crash the last few events are sent again, with the
same message ids, and none is left out.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record, collections, summed
from categoriser.catalog.tables_webhooks import webhook_cursors, webhook_deliveries, webhooks

KEPT: Final = 1000  # attempts in the log of a webhook
_LATE: Final = 1000  # collections that are looked at again: on PostgreSQL a lower id may be committed later


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook as stored. It has a collection or a prefix of collections' names."""

    id: int
    key: str
    collection_id: int | None
    prefix: str | None
    url: str
    kinds: Sequence[str]
    secrets: Sequence[Sequence[Any]]
    created_at: float
    disabled_at: float | None
    reason: str | None
    failing_since: float | None
    failures: int
    next_at: float
    seen_collection: int
    token: int
    expires_at: float

    def valid_secrets(self, now: float) -> list[str]:
        """The secrets that deliveries are signed with."""
        return [secret for secret, until in self.secrets if until is None or until > now]


_COLUMNS = [webhooks.c[name] for name in WebhookRow.__dataclass_fields__]


def create(
    connection: Connection,
    *,
    url: str,
    kinds: Sequence[str],
    secret: str,
    now: float,
    collection_id: int | None = None,
    prefix: str | None = None,
) -> WebhookRow:
    """A new webhook, which is told of what happens from now on."""
    key = f"whk_{random.token_hex(10)}"
    newest = sa.select(sa.func.coalesce(sa.func.max(collections.c.id), 0)).scalar_subquery()
    values = {"key": key, "url": url, "kinds": list(kinds), "secrets": [[secret, None]], "created_at": now}
    connection.execute(
        sa.insert(webhooks).values(**values, collection_id=collection_id, prefix=prefix, seen_collection=newest)
    )
    made = by_key(connection, key, collection_id)
    assert made is not None  # noqa: S101 - written above
    which = collections.c.id == collection_id if prefix is None else _begins(prefix)
    present = sa.select(sa.literal(made.id), collections.c.id, collections.c.next_cursor - 1).where(which)
    connection.execute(sa.insert(webhook_cursors).from_select(["webhook_id", "collection_id", "cursor"], present))
    return made


def by_key(connection: Connection, key: str, collection_id: int | None) -> WebhookRow | None:
    """One webhook of a collection, or with None one that has a prefix."""
    row = connection.execute(sa.select(*_COLUMNS).where(webhooks.c.key == key, _owned(collection_id))).one_or_none()
    return None if row is None else WebhookRow(**row._mapping)


def page(connection: Connection, collection_id: int | None, *, after: str = "", limit: int = 100) -> list[WebhookRow]:
    """Webhooks of a collection, or with None those that have a prefix, by key."""
    query = sa.select(*_COLUMNS).where(_owned(collection_id), webhooks.c.key > after)
    rows = connection.execute(query.order_by(webhooks.c.key).limit(limit))
    return [WebhookRow(**row._mapping) for row in rows]


def count(connection: Connection, collection_id: int | None) -> int:
    """Number of webhooks of a collection, or with None of those that have a prefix."""
    return int(connection.execute(sa.select(sa.func.count()).where(_owned(collection_id))).scalar_one())


def update(connection: Connection, webhook_id: int, **values: Any) -> None:
    """Change columns of one webhook; a sender at work on it records nothing any more."""
    connection.execute(
        sa.update(webhooks)
        .where(webhooks.c.id == webhook_id)
        .values(**values, token=webhooks.c.token + 1, expires_at=0.0)
    )


def remove(connection: Connection, webhook_id: int) -> None:
    """Delete a webhook with its log."""
    connection.execute(sa.delete(webhooks).where(webhooks.c.id == webhook_id))


def rewind(connection: Connection, webhook_id: int, cursor: int, collection_id: int | None = None) -> None:
    """Have everything behind a cursor delivered again, of one collection or of all that it is told of."""
    which = webhook_cursors.c.webhook_id == webhook_id
    if collection_id is not None:
        which = sa.and_(which, webhook_cursors.c.collection_id == collection_id)
    connection.execute(sa.update(webhook_cursors).where(which).values(cursor=cursor))


def adopt(connection: Connection, webhook: WebhookRow) -> None:
    """Let a webhook with a prefix follow the collections that were made since, from their first event on."""
    if webhook.prefix is None:
        return
    top = connection.execute(sa.select(sa.func.coalesce(sa.func.max(collections.c.id), 0))).scalar_one()
    if top == webhook.seen_collection:
        return
    followed = sa.exists().where(
        webhook_cursors.c.webhook_id == webhook.id, webhook_cursors.c.collection_id == collections.c.id
    )
    fresh = sa.select(sa.literal(webhook.id), collections.c.id, sa.literal(0)).where(
        _begins(webhook.prefix),
        collections.c.id > webhook.seen_collection - _LATE,
        ~followed,
    )
    connection.execute(sa.insert(webhook_cursors).from_select(["webhook_id", "collection_id", "cursor"], fresh))
    connection.execute(sa.update(webhooks).where(webhooks.c.id == webhook.id).values(seen_collection=top))


def due(connection: Connection, now: float, *, limit: int = 100) -> list[WebhookRow]:
    """Webhooks that have something to be told and that nobody sends to, those first that wait longest."""
    rows = connection.execute(_DUE, {"now": now, "most": limit})
    return [WebhookRow(**row._mapping) for row in rows]


def next_turn(connection: Connection) -> float | None:
    """When the next webhook that waits after a failure, or whose sender may have died, is due; None: there is none."""
    found = connection.execute(_NEXT_TURN).scalar_one()
    return None if found is None else float(found)


def claim(connection: Connection, webhook: WebhookRow, *, now: float, expires_at: float) -> WebhookRow | None:
    """Take the right to send to a webhook; None: somebody else was faster, or it was changed."""
    free = sa.and_(webhooks.c.id == webhook.id, webhooks.c.token == webhook.token, webhooks.c.expires_at <= now)
    taken = sa.update(webhooks).where(free).values(token=webhook.token + 1, expires_at=expires_at)
    row = connection.execute(taken.returning(*_COLUMNS)).one_or_none()
    return None if row is None else WebhookRow(**row._mapping)


def behind(connection: Connection, webhook: WebhookRow, *, limit: int = 100) -> list[tuple[int, int]]:
    """Collections that have events a webhook was not told of, with the cursor it is at."""
    rows = connection.execute(_behind(webhook.id).order_by(webhook_cursors.c.collection_id).limit(limit))
    return [(row.collection_id, row.cursor) for row in rows]


def advance(connection: Connection, webhook: WebhookRow, collection_id: int, cursor: int, **values: Any) -> bool:
    """Note how far a webhook was told, and change its other columns; False: the lease was lost, and nothing is noted.

    Args:
        connection: a transaction.
        webhook: as it was claimed.
        collection_id: whose events these are.
        cursor: everything up to here was delivered.
        values: ``expires_at`` to go on or to let go (0), and what became of its failures.
    """
    mine = sa.and_(webhooks.c.id == webhook.id, webhooks.c.token == webhook.token)
    if not connection.execute(sa.update(webhooks).where(mine).values(**values)).rowcount:
        return False
    place = sa.and_(webhook_cursors.c.webhook_id == webhook.id, webhook_cursors.c.collection_id == collection_id)
    connection.execute(sa.update(webhook_cursors).where(place).values(cursor=cursor))
    return True


def release(connection: Connection, webhook: WebhookRow) -> None:
    """Let the next sender begin at once."""
    mine = sa.and_(webhooks.c.id == webhook.id, webhooks.c.token == webhook.token)
    connection.execute(sa.update(webhooks).where(mine).values(expires_at=0.0))


def record(connection: Connection, webhook_id: int, attempts: Sequence[Mapping[str, Any]]) -> None:
    """Add attempts to the log of a webhook, which keeps the last ones; of one that was removed there is none."""
    there = sa.select(webhooks.c.id).where(webhooks.c.id == webhook_id).with_for_update(read=True, key_share=True)
    if not attempts or connection.execute(there).first() is None:
        return
    connection.execute(sa.insert(webhook_deliveries), [{**one, "webhook_id": webhook_id} for one in attempts])
    mine = webhook_deliveries.c.webhook_id == webhook_id
    newest_first = webhook_deliveries.c.id.desc()
    oldest = sa.select(webhook_deliveries.c.id).where(mine).order_by(newest_first).offset(KEPT - 1).limit(1)
    first = connection.execute(oldest).scalar_one_or_none()
    if first is not None:
        connection.execute(sa.delete(webhook_deliveries).where(mine, webhook_deliveries.c.id < first))


def attempts(
    connection: Connection, webhook_id: int, *, before: int | None = None, limit: int = 100
) -> list[tuple[Record, str | None]]:
    """The log of a webhook, the newest first, each entry with the name of its collection."""
    query = (
        sa.select(webhook_deliveries, collections.c.name.label("collection"))
        .outerjoin(collections, collections.c.id == webhook_deliveries.c.collection_id)
        .where(webhook_deliveries.c.webhook_id == webhook_id)
    )
    if before is not None:
        query = query.where(webhook_deliveries.c.id < before)
    rows = connection.execute(query.order_by(webhook_deliveries.c.id.desc()).limit(limit))
    return [(dict(row._mapping), row.collection) for row in rows]


def waiting(connection: Connection, webhook: WebhookRow) -> int:
    """Number of events behind what a webhook was told, of whatever kind; those of deleted images count as well."""
    query = sa.select(summed(collections.c.next_cursor - 1 - webhook_cursors.c.cursor)).where(
        webhook_cursors.c.webhook_id == webhook.id, webhook_cursors.c.collection_id == collections.c.id
    )
    return connection.execute(query).scalar_one()


def _behind(webhook_id: int | sa.ColumnElement[int]) -> sa.Select[Any]:
    return sa.select(webhook_cursors.c.collection_id, webhook_cursors.c.cursor).where(
        webhook_cursors.c.webhook_id == webhook_id,
        collections.c.id == webhook_cursors.c.collection_id,
        webhook_cursors.c.cursor < collections.c.next_cursor - 1,
    )


def _owned(collection_id: int | None) -> sa.ColumnElement[bool]:
    return webhooks.c.collection_id.is_(None) if collection_id is None else webhooks.c.collection_id == collection_id


def _begins(prefix: str) -> sa.ColumnElement[bool]:
    """Collections whose names begin so; views have no names of their own and are left out."""
    return sa.and_(sa.func.substr(collections.c.name, 1, len(prefix)) == prefix, collections.c.parent_key.is_(None))


# made once: they are asked whenever anything happens, and building a statement takes longer than running it
_MOMENT = sa.case((webhooks.c.next_at > webhooks.c.expires_at, webhooks.c.next_at), else_=webhooks.c.expires_at)
_NEXT_TURN = sa.select(sa.func.min(_MOMENT)).where(webhooks.c.disabled_at.is_(None), _MOMENT > 0)
_DUE = (
    sa.select(*_COLUMNS)
    .where(
        webhooks.c.disabled_at.is_(None),
        webhooks.c.next_at <= sa.bindparam("now"),
        webhooks.c.expires_at <= sa.bindparam("now"),
        sa.or_(
            sa.and_(
                webhooks.c.prefix.is_not(None),
                webhooks.c.seen_collection < sa.select(sa.func.max(collections.c.id)).scalar_subquery(),
            ),
            _behind(webhooks.c.id).exists(),
        ),
    )
    .order_by(webhooks.c.next_at, webhooks.c.id)
    .limit(sa.bindparam("most"))
)
