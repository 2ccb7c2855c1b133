"""Who may write a collection now: always this process, or whoever of several has the turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from categoriser.catalog import Database, collections, outbox
from categoriser.catalog.sharing import Locks, Turn, revision_of

Settle = Callable[[str], None]  # collection key: deliver what another process left over


class Turns(Protocol):
    """How the processes that have a library open take turns. ``shared``: whether there may be more than one."""

    shared: bool

    @contextmanager
    def taken(self, collection_id: int) -> Iterator[Turn | None]:
        """Have the turn of a collection; None: there is nobody to take turns with."""
        ...

    def revision(self, collection_id: int) -> int | None:
        """What a state must be at to be up to date; None: any is, or the collection is gone."""
        ...


class Alone:
    """One process has the library to itself."""

    shared = False

    @contextmanager
    def taken(self, collection_id: int) -> Iterator[Turn | None]:
        """See Turns."""
        yield None

    def revision(self, collection_id: int) -> int | None:
        """See Turns."""
        return None


class Among:
    """Several processes share a database."""

    shared = True

    def __init__(self, database: Database, locks: Locks, settle: Settle) -> None:
        self._database = database
        self._locks = locks
        self._settle = settle
        self._keys: dict[int, str] = {}  # a collection's key never changes

    @contextmanager
    def taken(self, collection_id: int) -> Iterator[Turn | None]:
        """See Turns. On entry all earlier orders to the vector store are delivered."""
        held = self._database.turns.held
        if collection_id in held:  # of this very thread
            yield held[collection_id]
            return
        key = self._key(collection_id)
        if key is None:
            yield Turn(collection_id, None)
            return
        with self._locks.waited_for(key) as connection:
            seen = revision_of(connection, collection_id)
            if outbox.has_any(connection, key):
                self._settle(key)
            turn = Turn(collection_id, None if seen is None else seen.revision)
            if seen is None:  # whoever has it finds that it is gone
                yield turn
                return
            held[collection_id] = turn
            try:
                yield turn
            finally:
                del held[collection_id]

    def revision(self, collection_id: int) -> int | None:
        """See Turns."""
        with self._database.read() as connection:
            seen = revision_of(connection, collection_id)
        return None if seen is None else seen.revision

    def _key(self, collection_id: int) -> str | None:
        if collection_id not in self._keys:
            with self._database.read() as connection:
                row = collections.get(connection, collection_id)
            if row is None:
                return None
            self._keys[collection_id] = row.key
        return self._keys[collection_id]
