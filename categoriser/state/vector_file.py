"""Vectors by row in a memory-mapped file: the system may drop pages from memory, and opening costs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from categoriser.domain import FloatMatrix

_FIRST = 256


class VectorFile:
    """A cache of the store's vectors, float32 [rows, dimension]; implements the engine's ``Rows``."""

    def __init__(self, path: Path, dimension: int, length: int) -> None:
        """Open with the first ``length`` rows valid; a missing or short file is made, its rows zero."""
        self._path = path
        self._dimension = dimension
        self._length = length
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        capacity = path.stat().st_size // (4 * dimension)
        self._map = self._mapped(max(capacity, length, _FIRST))

    @property
    def matrix(self) -> FloatMatrix:
        """View [length, dimension]."""
        return self._map[: self._length]

    def append(self, batch: FloatMatrix) -> None:
        """Add rows at the end."""
        end = self._length + len(batch)
        if end > len(self._map):
            self._map = self._mapped(max(end, 2 * len(self._map)))
        self._map[self._length : end] = batch
        self._length = end

    def flush(self) -> None:
        """Return when all rows are on disk."""
        self._map.flush()

    def _mapped(self, capacity: int) -> np.memmap[tuple[int, int], np.dtype[np.float32]]:
        with self._path.open("r+b") as file:
            file.truncate(capacity * 4 * self._dimension)  # sparse: unused rows take no space on disk
        return np.memmap(self._path, np.float32, "r+", shape=(capacity, self._dimension))
