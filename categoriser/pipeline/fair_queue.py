"""A queue in which collections take turns, so that one user's thousand pictures do not stand before another's one."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_One = TypeVar("_One")


class FairQueue(Generic[_Key, _One]):
    """In order within a key, in turn between keys; for any number of threads."""

    def __init__(self) -> None:
        self._lines: OrderedDict[_Key, deque[_One]] = OrderedDict()
        self._changed = threading.Condition()
        self._length = 0
        self._closed = False
        self._woken = False

    def __len__(self) -> int:
        return self._length

    def length_of(self, key: _Key) -> int:
        """Number of those of one key."""
        with self._changed:
            line = self._lines.get(key)
            return 0 if line is None else len(line)

    @property
    def closed(self) -> bool:
        """Whether nothing more comes."""
        return self._closed

    def put(self, key: _Key, one: _One) -> None:
        """Stand behind those of the same key."""
        with self._changed:
            self._lines.setdefault(key, deque()).append(one)
            self._length += 1
            self._changed.notify()

    def get(self, timeout: float | None = None, among: Callable[[_Key], bool] | None = None) -> _One | None:
        """The next one; None when there is none in time (seconds), or the queue is closed and empty.

        Args:
            timeout: None waits without end.
            among: which keys; None: all.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while (key := next((one for one in self._lines if among is None or among(one)), None)) is None:
                left = None if until is None else until - time.monotonic()
                if self._closed or self._woken or (left is not None and left <= 0):
                    self._woken = False
                    return None
                self._changed.wait(left)
            line = self._lines[key]
            one = line.popleft()
            self._length -= 1
            if line:
                self._lines.move_to_end(key)
            else:
                del self._lines[key]
            return one

    def wake(self) -> None:
        """Whoever waits for the next one is told that there is none yet."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def close(self) -> None:
        """Nothing more comes: whoever waits is told once the queue is empty."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
