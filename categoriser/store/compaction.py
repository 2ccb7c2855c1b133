"""Gives back what deleted points keep: the living ones are copied to a second shard, which takes the first one's place.

The engine never gives out the place of a deleted point again, and its own way to tidy up stops the process meanwhile.
"""

from __future__ import annotations

import ctypes
import logging
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import EdgeShard, Point, ScrollRequest, UpdateOperation

WORTH_IT = 4096  # deleted points: some 2 MB of memory and, at 512 dimensions, 8 MB of disk
_SLICE = 32  # points copied at a time: the engine holds the GIL for about 2 ms
_REST = 4.0  # times as long as a slice took
_FLUSH_EVERY = 64  # slices
_OF_A_POINT = 1024  # bytes on disk besides the vector, generously
_OF_A_SHARD = 256 << 20  # bytes on disk at least
_log = logging.getLogger(__name__)


def room(folder: Path, points: int, dimension: int) -> bool:
    """Whether the disk has room for a copy, twice over: a full disk would end the process at a mapped page."""
    return shutil.disk_usage(folder).free > _OF_A_SHARD + 2 * points * (4 * dimension + _OF_A_POINT)


class Copying:
    """A copy of a shard that is being made while the shard is read and written.

    Whoever writes has the lock ``writing`` and lets the copy ``follow``, so that the end of the copying is in sight
    however much is written.
    """

    def __init__(self, source: EdgeShard, target: EdgeShard, writing: threading.Lock) -> None:
        self._source = source
        self._target = target
        self._writing = writing
        self._failure: Exception | None = None

    def copy(self, stop: threading.Event) -> bool:
        """Copy everything, in slices and with rests between them; False if ``stop`` was set before the end."""
        cursor: Any = None
        for number in count(1):
            with self._writing:
                begun = time.perf_counter()
                request = ScrollRequest(offset=cursor, limit=_SLICE, with_payload=True, with_vector=True)
                records, cursor = self._source.scroll(request)
                self._put(records)
                rest = _REST * (time.perf_counter() - begun)
            if cursor is None:
                break
            if number % _FLUSH_EVERY == 0:
                self._target.flush()
            if stop.wait(rest):
                return False
        self._target.flush()
        return True

    def follow(self, ids: Sequence[Any]) -> None:
        """Take over points that were written or deleted just now; the caller has the lock.

        A failure is that of the copy, not of the caller, and ``finish`` says it.
        """
        try:
            for start in range(0, len(ids), _SLICE):
                part = ids[start : start + _SLICE]
                found = self._source.retrieve([*part], True, True)
                self._put(found)
                gone = set(part) - {record.id for record in found}
                if gone:
                    self._target.update(UpdateOperation.delete_points([*gone]))
        except Exception as error:  # the engine raises nothing finer
            self._failure = error

    def finish(self) -> None:
        """Bring the copy to the disk; the caller has the lock. From here on the copy is the same as the shard.

        Raises:
            Exception: something could not be copied.
        """
        if self._failure is not None:
            raise self._failure
        self._target.flush()

    def _put(self, records: Sequence[Any]) -> None:
        if records:
            points = [Point(one.id, handed_over(one.vector), one.payload) for one in records]
            self._target.update(UpdateOperation.upsert_points(points))


def handed_over(vector: Any) -> Any:
    """A vector as the engine takes it more than twice as fast as a list of floats; its stubs do not know of it."""
    return memoryview(np.asarray(vector, np.float32))  # type: ignore[arg-type]


def give_back() -> None:
    """Return freed memory to the system, where the allocator keeps it for itself."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
