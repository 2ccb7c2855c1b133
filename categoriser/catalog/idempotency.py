"""Requests that must not be done twice: a key of the caller's, and the answer that was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables_uploads import idempotency_keys as keys


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request under a key, answered by one process."""

    collection_id: int
    caller: str
    key: str
    fingerprint: str
    owner: str
    at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an earlier request under the same key. ``status`` is None while it is in progress."""

    fingerprint: str
    owner: str
    at: float
    status: int | None
    headers: Mapping[str, str]
    body: bytes


def begin(connection: Connection, attempt: Attempt) -> Earlier | None:
    """Take a key; None: it was free. The answer is of whoever has it."""
    taken = find(connection, attempt)
    if taken is None:
        connection.execute(
            sa.insert(keys).values(
                collection_id=attempt.collection_id,
                caller=attempt.caller,
                key=attempt.key,
                fingerprint=attempt.fingerprint,
                owner=attempt.owner,
                created_at=attempt.at,
            )
        )
    return taken


def find(connection: Connection, attempt: Attempt) -> Earlier | None:
    """Whoever has the key."""
    row = connection.execute(sa.select(keys).where(_of(attempt))).one_or_none()
    if row is None:
        return None
    return Earlier(row.fingerprint, row.owner, row.created_at, row.status, row.headers or {}, row.body or b"")


def finish(connection: Connection, attempt: Attempt, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep the answer."""
    values: dict[str, Any] = {"status": status, "headers": dict(headers), "body": body}
    connection.execute(sa.update(keys).where(_of(attempt), keys.c.owner == attempt.owner).values(**values))


def release(connection: Connection, attempt: Attempt, owner: str) -> bool:
    """Give up a key whose request was not answered; False: it was, or somebody else has it by now."""
    mine = sa.and_(_of(attempt), keys.c.owner == owner, keys.c.status.is_(None))
    return bool(connection.execute(sa.delete(keys).where(mine)).rowcount)


def forget(connection: Connection, attempt: Attempt) -> None:
    """Make a key free, whatever was answered."""
    connection.execute(sa.delete(keys).where(_of(attempt)))


def expire(connection: Connection, before: float) -> int:
    """Forget keys that were first used before then; returns how many there were."""
    return int(connection.execute(sa.delete(keys).where(keys.c.created_at < before)).rowcount)


def _of(attempt: Attempt) -> sa.ColumnElement[bool]:
    return sa.and_(
        keys.c.collection_id == attempt.collection_id, keys.c.caller == attempt.caller, keys.c.key == attempt.key
    )
