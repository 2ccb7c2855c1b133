"""Work on collections that nobody waits for: each collection waits once, however often there is something to do."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)


_SHARE: Final = 0.05  # of a thread's time that one collection may take, unless somebody waits for it


class CollectionQueue:
    """Some threads; no two of them work on the same collection at a time.

    A collection that always wants something rests after each time, nineteen times as long as that took.
    """

    def __init__(self, work: Callable[[int], None], name: str, *, threads: int = 1) -> None:
        """``work`` is done on one collection; what it raises is logged. ``name``: of the threads."""
        self._work = work
        self._name = name
        self._most = threads
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._under_way: set[int] = set()
        self._rests: dict[int, float] = {}  # collection → moment until which it rests
        self._hurried: list[int] = []  # somebody waits for it
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def put(self, collection_id: int) -> None:
        """Do it soon, and once more if it is just being done."""
        with self._changed:
            if self._closed:
                return
            self._waiting[collection_id] = None
            if len(self._threads) < min(self._most, len(self._waiting) + len(self._under_way)):
                thread = threading.Thread(target=self._go_on, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits or is being done."""
        with self._changed:
            return not self._waiting and not self._under_way

    def holds(self, collection_id: int) -> bool:
        """Whether a collection waits or is being worked on."""
        with self._changed:
            return self._has(collection_id)

    def settle(self, collection_id: int) -> None:
        """Wait until a collection neither waits nor is being worked on."""
        with self._changed:
            self._hurried.append(collection_id)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._has(collection_id))
            self._hurried.remove(collection_id)

    def wait_empty(self, seconds: float | None = None) -> bool:
        """Wait until nothing waits or is being done, at most so long if told; returns whether that came."""
        with self._changed:
            waiting = list(self._waiting)
            self._hurried += waiting
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._waiting and not self._under_way, seconds)
            finally:
                for number in waiting:
                    self._hurried.remove(number)

    def forget(self) -> None:
        """Give up what waits."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Come to the end of what waits, and take no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _has(self, collection_id: int) -> bool:
        return collection_id in self._waiting or collection_id in self._under_way

    def _next(self) -> int | None:
        """The first that waits, is not being worked on, and does not rest."""
        now = time.monotonic()
        self._rests = {number: end for number, end in self._rests.items() if end > now}
        rested = (n for n in self._waiting if n not in self._rests or n in self._hurried or self._closed)
        return next((number for number in rested if number not in self._under_way), None)

    def _rest(self) -> float | None:
        """Seconds until the first of those that wait has rested."""
        ends = [self._rests[number] for number in self._waiting if number in self._rests]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _go_on(self) -> None:
        while True:
            with self._changed:
                while (collection_id := self._next()) is None:
                    if self._closed and not self._waiting:
                        return
                    self._changed.wait(self._rest())
                del self._waiting[collection_id]
                self._under_way.add(collection_id)
            begun = time.monotonic()
            try:
                self._work(collection_id)
            except Exception:
                _log.exception("work on collection %d failed", collection_id)
            finally:
                with self._changed:
                    now = time.monotonic()
                    self._rests[collection_id] = now + (now - begun) * (1 / _SHARE - 1)
                    self._under_way.discard(collection_id)
                    self._changed.notify_all()
