"""Where the images of a collection are, as far as one only looks: rows, micro-clusters, categories, neighbours."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.calibrate import UNCALIBRATED, Calibration
from categoriser.engine.cells import Cells
from categoriser.engine.micros import UNSORTED, MicroClusters
from categoriser.engine.neighbours import NOBODY, NeighbourLists, best_of, largest, similarities
from categoriser.engine.parameters import Parameters
from categoriser.engine.proposing import Proposal, propose
from categoriser.engine.rows import MemoryRows, RowsSeen, StillRows
from categoriser.engine.rules import NO_RULES


class Grouped:
    """Images by row in order of arrival, micro-clusters, and the category number each of those points to."""

    def __init__(
        self, dimension: int, *, dial: float = 0.0, rows: RowsSeen | None = None, parameters: Parameters | None = None
    ) -> None:
        self.parameters = parameters or Parameters()
        self.dial = dial
        self.rows: RowsSeen = rows if rows is not None else MemoryRows(dimension)
        self.lists = NeighbourLists(self.parameters.neighbours)
        self.micros = MicroClusters(dimension)
        self.calibration: Calibration = UNCALIBRATED
        self.rules = NO_RULES
        self.next_category = 0
        self.checked: dict[int, int] = {}  # category → first row that came after it was last looked at as a whole
        self.edition = 0  # grows before anything changes, so that who finds it as it was knows that nothing did
        self.length = 0  # rows, deleted ones included
        self.first_active = 0  # no row before this one weighs: where the oldest images go, nobody looks any more
        self.removals = 0  # times that images were taken out
        self.weighing = 0  # images that count: neither deleted nor stacked
        self._micro_of: npt.NDArray[np.int32] = np.full(1024, NOBODY, np.int32)
        self._head_of: npt.NDArray[np.int32] = np.full(1024, NOBODY, np.int32)
        self._cells: Cells | None = None

    def copy(self) -> Grouped:
        """As it is now, to look at while this goes on changing. Vectors are shared: none is ever another one."""
        made = Grouped(
            self.micros.dimension,
            dial=self.dial,
            rows=StillRows(self.rows.matrix[: self.length]),
            parameters=self.parameters,
        )
        made.lists, made.micros = self.lists.copy(self.length), self.micros.copy()
        made.calibration, made.rules, made.checked = self.calibration, self.rules, dict(self.checked)
        made.next_category, made.edition, made.removals = self.next_category, self.edition, self.removals
        made.length, made.first_active, made.weighing = self.length, self.first_active, self.weighing
        made._micro_of = self._micro_of[: self.length].copy()
        made._head_of = self._head_of[: self.length].copy()
        return made

    def propose(self) -> Proposal:
        """What a run would do; nothing is changed."""
        return propose(self)

    @property
    def micro_of(self) -> npt.NDArray[np.int32]:
        """Micro-cluster of each row [length]; that of the head for stacked images; NOBODY for deleted rows."""
        own = self._micro_of[: self.length]
        head = self._head_of[: self.length]
        return np.where(head >= 0, self._micro_of[head], own)

    @property
    def head_of(self) -> npt.NDArray[np.int32]:
        """The row each row is stacked on as a near-duplicate, NOBODY for most."""
        return self._head_of[: self.length]

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Rows that weigh: neither deleted nor stacked."""
        return self._active(0, self.length)

    def _active(self, start: int, end: int) -> npt.NDArray[np.bool_]:
        return (self._micro_of[start:end] >= 0) & (self._head_of[start:end] < 0)

    def present(self) -> IntVector:
        """Rows that are not deleted, stacked ones included; may be asked while the collection is being written."""
        length = self.length
        rows: IntVector = np.flatnonzero((self._micro_of[:length] >= 0) | (self._head_of[:length] >= 0))
        return rows

    @property
    def labels(self) -> IntVector:
        """Category number of each row [length]; UNSORTED where there is none, also for deleted rows."""
        micro = self.micro_of
        if not self.micros.length:
            return np.full(self.length, UNSORTED, np.int64)
        return np.where(micro >= 0, self.micros.categories[np.maximum(micro, 0)], UNSORTED)

    def is_tentative(self, row: int) -> bool:
        """Whether the category of one row is only a guess, about which the next run decides anew."""
        head = int(self._head_of[row])
        micro = int(self._micro_of[head if head >= 0 else row])
        return micro >= 0 and bool(self.micros.tentative[micro])

    def label(self, row: int) -> int:
        """Category number of one row, or UNSORTED."""
        head = int(self._head_of[row])
        micro = int(self._micro_of[head if head >= 0 else row])
        return int(self.micros.categories[micro]) if micro >= 0 else UNSORTED

    @property
    def used(self) -> int:
        """Length of the neighbour lists in use: in a small collection the 15th neighbour is a random picture."""
        return min(max(round(math.sqrt(self.weighing) / 2), 5), self.parameters.neighbours)

    def lists_around(self, query: FloatVector, wanted: int) -> IntVector:
        """Micro-clusters that hold the ``wanted`` nearest images of a query [d], nearest first, to search inside."""
        rows = self.neighbours(query[None], wanted)[0][0]
        micro_ids = self._micro_of[rows[rows >= 0]].astype(np.int64)
        _, first = np.unique(micro_ids, return_index=True)
        numbers: IntVector = micro_ids[np.sort(first)]
        return numbers

    def neighbours(self, queries: FloatMatrix, k: int | None = None) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """Rows and cosines of the k nearest weighing images of each query, both [B, k], best first."""
        k = k or self.parameters.neighbours
        if self._cells is not None:
            return self._cells.search(queries, k)
        if not self.weighing:
            return np.full((len(queries), k), NOBODY, np.int32), np.full((len(queries), k), -9.0, np.float32)
        first, length = self.first_active, self.length
        cosines = similarities(queries, self.rows.matrix[first:length])
        if self.weighing < length - first:
            cosines[:, ~self._active(first, length)] = -9.0
        best = largest(cosines, min(k, length - first)).astype(np.int32)
        return best_of(best + np.int32(first), np.take_along_axis(cosines, best, axis=1), k)

    def bond(self, some: IntVector, others: IntVector) -> float:
        """Share of the links of the smaller of two sets of micro-clusters that lie between the two."""
        side = np.zeros(self.length + 1, np.int8)  # the last entry answers for NOBODY
        own = self._micro_of[: self.length]
        rows = [np.flatnonzero(np.isin(own, which)) for which in (some, others)]
        for number, which in enumerate(rows, start=1):
            side[which] = number
        lists = [side[self.lists.ids[which, : self.used]] for which in rows]
        between = np.count_nonzero(lists[0] == 2) + np.count_nonzero(lists[1] == 1)
        return between / max(1, 2 * min(one.size for one in lists))
