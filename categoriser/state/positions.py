"""Where the images of a collection lie in its engine's arrays.

The catalog numbers images in order of arrival and gives no number (row) out twice, so that cursors, histories and other
processes may keep them. The arrays have a position for each image that is there and a few that are not any more: memory
follows the images that stay, not all that ever came. Both are in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from categoriser.domain import IntVector
from categoriser.engine import NOBODY
from categoriser.engine.rows import grown


class Positions:
    """Rows by position, ascending. May be read while another thread adds to them."""

    def __init__(self, rows: IntVector, next_row: int) -> None:
        """``rows`` [n]: of the first n positions; ``next_row``: the first that was never given out."""
        if len(rows) and (not (np.diff(rows) > 0).all() or rows[0] < 0 or rows[-1] >= next_row):
            raise ValueError("rows ascend, and are below the next one")
        self._rows: npt.NDArray[np.int64] = np.array(rows, np.int64)
        self._length = len(rows)
        self.next_row = next_row

    @property
    def rows(self) -> IntVector:
        """The row at each position [n]."""
        return self._rows[: self._length]

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self._rows.nbytes

    def copy(self) -> Positions:
        """The same as they are now."""
        return Positions(self.rows, self.next_row)

    def add(self, number: int) -> None:
        """Give the next rows, of so many images that arrive, the next positions."""
        end = self._length + number
        self._rows = grown(self._rows, end)
        self._rows[self._length : end] = np.arange(self.next_row, self.next_row + number)
        self.next_row += number
        self._length = end  # last: who reads meanwhile sees nothing half done

    def of(self, rows: Iterable[int] | IntVector) -> IntVector:
        """Positions of rows [n]; NOBODY for those that have none."""
        wanted = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), np.int64)
        known = self.rows
        if not len(known):
            return np.full(len(wanted), NOBODY, np.int64)
        found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[found] == wanted, found, NOBODY)

    def at(self, row: int) -> int:
        """Position of one row, or NOBODY."""
        known = self._rows[: self._length]
        found = int(known.searchsorted(row))
        return found if found < len(known) and known[found] == row else NOBODY

    def row(self, position: int) -> int:
        """The row at a position; behind the last one it is the first that was never given out."""
        return int(self._rows[position]) if position < self._length else self.next_row

    def below(self, row: int) -> int:
        """How many positions have a lower row: the first that has not."""
        return int(np.searchsorted(self.rows, row))
