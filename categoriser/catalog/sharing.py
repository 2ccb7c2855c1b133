"""Several processes write one collection, one at a time: a lock to take turns, and a revision that proves whose it is.

The lock alone cannot be trusted: it ends with its connection, and its holder may not notice. So each transaction raises
the revision, provided that nobody else did since the writer looked; the lock only saves everybody from trying in vain.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.round_trips import later, together
from categoriser.catalog.tables import collections
from categoriser.errors import CategoriserError, NotFoundError, OvertakenError

_PATIENCE: Final = "20s"  # after which it is logged that a turn is long in coming
_LOCK_NOT_AVAILABLE: Final = "55P03"  # as PostgreSQL names what ends when the patience does
_ATTEMPTS: Final = 2  # a connection of the pool may be gone; a new one is not
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Revision:
    """How often a collection was written, and when more than arrivals was, and when vectors were."""

    revision: int
    reshaped: int
    rewritten: int


def revision_of(connection: Connection, collection_id: int) -> Revision | None:
    """The revision of a collection, or None when it was deleted."""
    row = connection.execute(_REVISION, {"of": collection_id}).one_or_none()
    return None if row is None else Revision(*row)


def note_rewritten(connection: Connection, collection_id: int) -> None:
    """Note that vectors of images that were there already are others now."""
    following = collections.c.revision + 1
    connection.execute(
        sa.update(collections)
        .where(collections.c.id == collection_id)
        .values(revision=following, reshaped=following, rewritten=following)
    )


class Turn:
    """The right to write a collection, as seen by the thread that has it. ``revision``: None when there is none."""

    def __init__(self, collection_id: int, revision: int | None) -> None:
        self.collection_id = collection_id
        self.revision = revision

    def advance(self, connection: Connection, *, reshapes: bool) -> None:
        """Raise the revision, first of all in a transaction.

        Raises:
            OvertakenError: another process has written the collection since this turn began.
            NotFoundError: the collection was deleted.
        """
        if self.revision is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        statement = _RESHAPE if reshapes else _GROW
        with together(connection):  # with the BEGIN before it
            raised = later(connection, statement, {"of": self.collection_id, "seen": self.revision})
        if not raised():
            raise OvertakenError(
                "Another process changed the collection meanwhile, and nothing was changed here: try again."
            )

    def advanced(self) -> None:
        """Note that a transaction that began with ``advance`` was committed."""
        if self.revision is not None:
            self.revision += 1


class Turns(threading.local):
    """The turns that a thread has."""

    def __init__(self) -> None:
        self.held: dict[int, Turn] = {}


class Locks:
    """Advisory locks on collections, by their keys, on connections of their own."""

    def __init__(self, engine: sa.Engine) -> None:
        """Connect to the same server; nothing is asked of it before the first lock."""
        self._engine = sa.create_engine(
            engine.url,
            isolation_level="AUTOCOMMIT",
            pool_size=4,  # as many as collections that one process writes side by side
            max_overflow=8,
            pool_timeout=300,  # a run may take its time
            pool_reset_on_return=None,
        )
        sa.event.listen(self._engine, "connect", _set_patience)

    @contextmanager
    def waited_for(self, key: str) -> Iterator[Connection]:
        """Hold the lock on a collection; hands out the connection that it belongs to, outside of any transaction.

        Raises:
            CategoriserError: the database does not answer.
        """
        connection = self._locked(key)
        try:
            yield connection
        finally:
            _unlock(connection, key)

    @contextmanager
    def at_once(self, key: str) -> Iterator[bool]:
        """Hold the lock on a collection if nobody has it; says whether."""
        with self._engine.connect() as connection:
            got = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(_number(key)))).scalar_one())
            try:
                yield got
            finally:
                if got:
                    _unlock(connection, key)

    def close(self) -> None:
        """Close the connections; those in use are closed when they are let go of."""
        self._engine.dispose()

    def _locked(self, key: str) -> Connection:
        for attempt in range(_ATTEMPTS):
            connection = self._engine.connect()
            try:
                _wait(connection, key)
            except sa.exc.DBAPIError as error:
                connection.invalidate()
                connection.close()
                if attempt + 1 == _ATTEMPTS:
                    raise CategoriserError(
                        f"The database could not lock a collection ({error.orig}), and nothing was changed. Try again."
                    ) from error
            except BaseException:
                connection.invalidate()  # who knows whether it has the lock
                connection.close()
                raise
            else:
                return connection
        raise AssertionError


def _set_patience(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{_PATIENCE}'")
    cursor.close()


def _wait(connection: Connection, key: str) -> None:
    while True:
        try:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_number(key)))).all()
        except sa.exc.DBAPIError as error:
            if connection.invalidated or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            _log.warning("still waiting for another process to finish with collection %s", key)
        else:
            return


def _unlock(connection: Connection, key: str) -> None:
    """Let go; a connection that cannot say so is closed, and the lock ends with it."""
    try:
        if not connection.invalidated:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_number(key)))).all()
    except sa.exc.DBAPIError:
        connection.invalidate()
    finally:
        connection.close()


def _number(key: str) -> int:
    """A collection's key, eight letters, as the number of a lock; that of the database itself has seven."""
    return int.from_bytes(key.encode("ascii"), "big")


_REVISION = sa.select(collections.c.revision, collections.c.reshaped, collections.c.rewritten).where(
    collections.c.id == sa.bindparam("of")
)
_HERE = sa.and_(collections.c.id == sa.bindparam("of"), collections.c.revision == sa.bindparam("seen"))
_NEXT = collections.c.revision + 1
_GROW = sa.update(collections).where(_HERE).values(revision=_NEXT).returning(collections.c.id)
_RESHAPE = sa.update(collections).where(_HERE).values(revision=_NEXT, reshaped=_NEXT).returning(collections.c.id)
