"""Processes that share the database: each says again and again that it lives, by the database's clock."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import processes

_NOW = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Double)


def say(connection: Connection, process: str, lease_seconds: float) -> None:
    """This process lives, and will say so again within so many seconds."""
    lives = {"expires_at": _NOW + lease_seconds}
    known = connection.execute(sa.update(processes).where(processes.c.id == process).values(**lives)).rowcount
    if not known:
        connection.execute(sa.insert(processes).values(id=process, started_at=_NOW, **lives))


def leave(connection: Connection, process: str) -> None:
    """This process is done; what it has not finished is anybody's."""
    connection.execute(sa.delete(processes).where(processes.c.id == process))


def forget_dead(connection: Connection) -> None:
    """Delete processes that were silent for a day."""
    connection.execute(sa.delete(processes).where(processes.c.expires_at < _NOW - 86400))


def living() -> sa.Select[tuple[str]]:
    """A query of the processes that live."""
    return sa.select(processes.c.id).where(processes.c.expires_at > _NOW)
