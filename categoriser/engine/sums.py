"""Vector sums by number, of which only those that are not empty take place: numbers only ever grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.rows import grown

_NOWHERE = -1


class Sums:
    """Sum [d] of each number's vectors, zero where there are none. May be read while another thread writes."""

    def __init__(self, dimension: int) -> None:
        self._block: FloatMatrix = np.zeros((256, dimension), np.float32)
        self._place: npt.NDArray[np.int32] = np.full(256, _NOWHERE, np.int32)  # row of the block, by number
        self._free: list[int] = []  # rows that were given back
        self._used = 0  # rows, those included

    def copy(self) -> Sums:
        """The same as they are now."""
        made = Sums(0)
        made._block, made._place = self._block[: self._used].copy(), self._place.copy()
        made._free, made._used = self._free.copy(), self._used
        return made

    def __getitem__(self, numbers: IntVector | Sequence[int]) -> FloatMatrix:
        """Those of ``numbers`` [n]: a copy, [n, d]."""
        places = self._place[numbers]
        found: FloatMatrix = self._block[places]
        if len(places) and places.min() < 0:
            found[places < 0] = 0
        return found

    def totals(self, numbers: IntVector, groups: npt.NDArray[np.integer[Any]], count: int) -> FloatMatrix:
        """Sums of ``numbers`` [n] by ``groups`` [n] below ``count``: [count, d]; no vector is copied."""
        places = self._place[numbers]
        here = places >= 0
        ones = np.ones(np.count_nonzero(here), np.float32)
        gather = sparse.csr_matrix((ones, (groups[here], places[here])), shape=(count, len(self._block)))
        found: FloatMatrix = gather @ self._block
        return found

    def of(self, number: int) -> FloatVector:
        """That of one [d]; not to be written to."""
        place = int(self._place[number])
        return self._block[place] if place >= 0 else np.zeros(self._block.shape[1], np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self._block.nbytes + self._place.nbytes

    def reserve(self, length: int) -> None:
        """Make room for numbers below ``length``; new ones are empty."""
        self._place = grown(self._place, length, _NOWHERE)

    def add(self, number: int, vector: FloatVector) -> None:
        """Add a vector to one."""
        place = int(self._place[number])
        if place >= 0:
            self._block[place] += vector
            return
        if self._free:
            place = self._free.pop()
        else:
            place, self._used = self._used, self._used + 1
            self._block = grown(self._block, self._used, 0)
        self._block[place] = vector
        self._place[number] = place

    def subtract(self, number: int, vector: FloatVector) -> None:
        """Take a vector from one."""
        self._block[int(self._place[number])] -= vector

    def clear(self, number: int) -> None:
        """Make one empty: another one takes its place."""
        place = int(self._place[number])
        if place >= 0:
            self._place[number] = _NOWHERE
            self._free.append(place)

    def rebuild(self, numbers: IntVector, sums: FloatMatrix, length: int) -> None:
        """Replace everything: ``sums`` [n, d] of ``numbers`` [n], all others below ``length`` are empty."""
        self._block, self._used, self._free = np.array(sums, np.float32), len(numbers), []
        self._place[:] = _NOWHERE
        self.reserve(length)
        self._place[numbers] = np.arange(len(numbers), dtype=np.int32)
