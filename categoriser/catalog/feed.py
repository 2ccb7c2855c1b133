"""Wakes who waits for events, in this process; other processes that share the database have to look now and then."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from sqlalchemy.engine import Connection

Wake: TypeAlias = Callable[[], None]  # called by whoever committed: must be quick and must not raise

_APPENDED: Final = "appended"  # in the ``info`` of a connection


class Feed:
    """Who is to be woken by which collection; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int | None, set[Wake]] = defaultdict(set)

    @contextmanager
    def listening(self, collection_id: int | None, wake: Wake) -> Iterator[None]:
        """Within the block ``wake`` is called after every commit of events of a collection; None: of any."""
        with self._lock:
            self._waiting[collection_id].add(wake)
        try:
            yield
        finally:
            with self._lock:
                self._waiting[collection_id].discard(wake)
                if not self._waiting[collection_id]:
                    del self._waiting[collection_id]

    def tell(self, collection_ids: Iterable[int]) -> None:
        """Wake who waits for any of the collections."""
        wanted = list(collection_ids)
        if not wanted:
            return
        with self._lock:
            woken = [wake for one in (*wanted, None) for wake in self._waiting.get(one, ())]
        for wake in woken:
            wake()


def note(connection: Connection, collection_id: int) -> None:
    """Remember that the transaction under way appends events of a collection."""
    connection.info.setdefault(_APPENDED, set()).add(collection_id)


def noted(connection: Connection) -> set[int]:
    """What was remembered, once: the connection is used again for other transactions."""
    found: set[int] = connection.info.pop(_APPENDED, set())
    return found
