"""Gives back what deleted points keep: the living ones are copied to a second shard, which takes the first one's place.

The engine never gives out the place of a deleted point again, and its own way to tidy up stops the process meanwhile.
"""

from __future__ import annotations

import ctypes
import errno
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import EdgeShard, Point, ScrollRequest, UpdateOperation

from categoriser.errors import CategoriserError

WORTH_IT = 4096  # deleted points: some 2 MB of memory and, at 512 dimensions, 8 MB of disk
_SLICE = 32  # points copied at a time: the engine holds the GIL for about 2 ms
_REST = 4.0  # times as long as a slice took
_FLUSH_EVERY = 64  # slices
_OF_A_POINT = 1024  # bytes on disk besides the vector, generously
_OF_A_SHARD = 256 << 20  # bytes on disk at least, twice over
Room = Callable[[], None]  # raises OSError where the disk has none


def look_for_room(folder: Path, points: int, dimension: int) -> None:
    """Ask whether the disk has room for a copy of so many points, twice over.

    A full disk would end the process at a mapped page.

    Raises:
        OSError: it has not.
    """
    needed = _OF_A_SHARD + 2 * points * (4 * dimension + _OF_A_POINT)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed >> 20} MB are needed for a copy and {free >> 20} MB are free")


class Copying:
    """A copy of a shard that is being made while the shard is read and written.

    Whoever writes has the lock ``writing`` and lets the copy ``follow``, so that the end of the copying is in sight
    however much is written.
    """

    def __init__(self, source: EdgeShard, target: EdgeShard, writing: threading.Lock, has_room: Room) -> None:
        self._source = source
        self._target = target
        self._writing = writing
        self._has_room = has_room
        self._failure: BaseException | None = None

    def copy(self, stop: threading.Event) -> bool:
        """Copy everything, in slices and with rests between them; False if ``stop`` was set before the end.

        Raises:
            OSError: the disk has no room for what is left.
        """
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
                self._has_room()
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
        except BaseException as error:
            self._failure = error
            if not isinstance(error, Exception):
                raise

    def finish(self) -> None:
        """Bring the copy to the disk; the caller has the lock. From here on the copy is the same as the shard.

        Raises:
            CategoriserError: something could not be copied.
            OSError: the disk has hardly any room left.
        """
        if self._failure is not None:
            raise CategoriserError(f"a point could not be copied: {self._failure}")
        self._has_room()
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
