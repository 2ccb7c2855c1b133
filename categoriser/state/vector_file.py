"""Vectors by position in a memory-mapped file: the system may drop pages from memory, and opening costs nothing."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix

_FIRST = 256
_AT_ONCE = 1 << 20  # bytes


class VectorFile:
    """A cache of the store's vectors, float32 [rows, dimension]; implements the engine's ``Rows``.

    Read through the map and written through the file: a full disk is then an error, not a signal that ends the process.
    """

    def __init__(self, path: Path, dimension: int, length: int) -> None:
        """Open with the first ``length`` rows valid; a missing or short file is made, its rows zero."""
        self._dimension = dimension
        self._length = length
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._file = path.open("r+b", buffering=0)
        capacity = path.stat().st_size // (4 * dimension)
        self._map = self._mapped(max(capacity, length, _FIRST))

    @property
    def matrix(self) -> FloatMatrix:
        """View [length, dimension], read-only."""
        return self._map[: self._length]

    def append(self, batch: FloatMatrix) -> None:
        """Add rows at the end.

        Raises:
            OSError: the disk is full.
        """
        end = self._length + len(batch)
        if end > len(self._map):
            self._map = self._mapped(max(end, 2 * len(self._map)))
        self._write(self._length, np.ascontiguousarray(batch, np.float32).tobytes())
        self._length = end

    def clear(self, rows: npt.NDArray[np.int64]) -> None:
        """Overwrite rows with zeros."""
        for row in rows.tolist():
            if self._map[row].any():
                self._write(row, bytes(4 * self._dimension))

    def flush(self) -> None:
        """Return when all rows are on disk."""
        os.fsync(self._file.fileno())

    def release(self) -> None:
        """Let go of the pages read so far: the system's file cache has them, and they come back when they are read."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on every system
            self._map._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]

    def _write(self, row: int, data: bytes) -> None:
        self._file.seek(row * 4 * self._dimension)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _mapped(self, capacity: int) -> np.memmap[tuple[int, int], np.dtype[np.float32]]:
        self._file.truncate(capacity * 4 * self._dimension)  # sparse: unused rows take no space on disk
        return np.memmap(self._file, np.float32, "r", shape=(capacity, self._dimension))


def is_empty_from(path: Path, offset: int) -> bool:
    """Whether a file has nothing but zeros from a byte on."""
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while block := file.read(_AT_ONCE):
            if np.frombuffer(block, np.uint8).any():
                return False
    return True
