"""How fast somebody may ask: a token bucket each (Turner 1986), in the memory of this process.

A library such as limits was tried: its in-memory storage starts a thread that walks all counters with each request.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST: Final = 100_000  # buckets; those unused for longest go first, and come back full


class Buckets:
    """A bucket for each of many askers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # who → level, as of when
        self._turn = threading.Lock()

    def take(self, who: str, *, per_second: float, size: float) -> float:
        """Take one out; returns 0, or the seconds after which there will be one.

        Args:
            who: whose bucket.
            per_second: how fast it fills, more than 0.
            size: how much it holds, at least 1.
        """
        with self._turn:
            level = self._level(who, per_second, size)
            taken = level >= 1
            self._levels[who] = (level - 1 if taken else level), self._clock()
            self._levels.move_to_end(who)
            while len(self._levels) > _MOST:
                self._levels.popitem(last=False)
            return 0.0 if taken else (1 - level) / per_second

    def wait(self, who: str, *, per_second: float, size: float) -> float:
        """Like `take`, and takes nothing."""
        with self._turn:
            level = self._level(who, per_second, size)
            return 0.0 if level >= 1 else (1 - level) / per_second

    def _level(self, who: str, per_second: float, size: float) -> float:
        level, since = self._levels.get(who, (size, 0.0))
        return min(size, level + max(self._clock() - since, 0) * per_second) if who in self._levels else size
