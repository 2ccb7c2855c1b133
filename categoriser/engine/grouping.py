"""The engine of one collection: images arrive one after the other and are grouped; a run repairs the grouping.

The idea, its mathematics and its numbers: ``docs/engine.md``. No files, no database, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.calibrate import Calibration
from categoriser.engine.cells import Cells
from categoriser.engine.grouped import Grouped
from categoriser.engine.micros import UNSORTED
from categoriser.engine.neighbours import NOBODY, best_of, largest
from categoriser.engine.proposing import Proposal
from categoriser.engine.rows import Rows, grown

EXACT_UP_TO = 8192  # images; a larger collection is searched through its cells
_LEAST_VOTES = 2  # for a guess: one neighbour is an accident
_REGROW = 1.5  # cells are trained anew when the collection has grown so much

Twin = Callable[[int, npt.NDArray[np.int32], FloatVector], int]
Filer = Callable[[int, FloatVector, npt.NDArray[np.int32], FloatVector], None]  # row, vector, nearest rows, cosines


@dataclass(frozen=True, slots=True)
class Seen:
    """Nearest rows and cosines [B, k] of a batch, and the state of the collection they were looked up in."""

    ids: npt.NDArray[np.int32]
    cosines: FloatMatrix
    state: tuple[int, int]

    def __getitem__(self, places: Sequence[int]) -> Seen:
        """The same of some of the batch."""
        return Seen(self.ids[places], self.cosines[places], self.state)


class Grouping(Grouped):
    """What changes where images are: they arrive, leave, and are regrouped by runs and by people."""

    rows: Rows

    # ---- arriving ------------------------------------------------------------------------------------------------

    def look(self, batch: FloatMatrix) -> Seen:
        """What ``add`` will need to know of the images that are here, for a batch [B, d] that comes next.

        Changes nothing that another thread may not read meanwhile, and takes no part in the decision: when the
        collection changes before ``add``, that looks again.
        """
        state = (self.length, self.removals)
        return Seen(*self.neighbours(batch), state)

    def add(self, batch: FloatMatrix, twin: Twin | None = None, seen: Seen | None = None) -> IntVector:
        """File a batch [B, d] of unit vectors in order, each seeing all before it; returns their micro-clusters [B].

        Args:
            batch: unit vectors.
            twin: asked for every image with its place in the batch and its nearest rows and cosines, answers the row it
                is a near-duplicate of, or -1. A near-duplicate is stacked on that row and weighs nothing.
            seen: what ``look`` found for this batch.
        """
        return self._arrive(batch, twin, seen, self._file)

    def adopt(
        self,
        batch: FloatMatrix,
        micro_of: Sequence[int],
        head_of: Sequence[int],
        categories: Mapping[int, int],
        tentative: AbstractSet[int] = frozenset(),
    ) -> None:
        """Take over a batch [B, d] that came after what is here and was filed elsewhere, as was decided there.

        Args:
            batch: unit vectors, in order of arrival.
            micro_of: [B] micro-clusters; those of stacked images do not count.
            head_of: [B] rows they are stacked on, or NOBODY.
            categories: of the micro-clusters that are new; these are numbered in the order in which images opened them.
            tentative: those of them whose category is only a guess.
        """
        first = self.length

        def file(row: int, vector: FloatVector, _near: npt.NDArray[np.int32], _alike: FloatVector) -> None:
            self.weighing += 1
            micro = int(micro_of[row - first])
            if micro < self.micros.length:
                self.micros.join(micro, vector)
            else:
                micro = self.micros.open(vector, categories[micro], tentative=micro in tentative)
            self._micro_of[row] = micro

        self._arrive(batch, lambda place, _near, _alike: int(head_of[place]), None, file)

    def _arrive(self, batch: FloatMatrix, twin: Twin | None, seen: Seen | None, file: Filer) -> IntVector:
        self.edition += 1
        first, size = self.length, len(batch)
        self._prepare_cells()
        if seen is None or seen.state != (self.length, self.removals):
            seen = self.look(batch)
        if size > 1:
            ids, cosines = self._with_earlier(batch, seen.ids, seen.cosines)
        else:
            ids, cosines = seen.ids.copy(), seen.cosines.copy()  # written to below
        self.rows.append(batch)
        self._reserve(first + size)
        self.length = first + size
        stacked: list[int] = []  # places in the batch
        found = np.count_nonzero(ids >= 0, axis=1).tolist()
        for i in range(size):
            near, alike = ids[i, : found[i]], cosines[i, : found[i]]
            if twin is not None and found[i]:
                if stacked:  # one of this very batch may have turned out to be a near-duplicate
                    solo = self._head_of[near] < 0
                    near, alike = near[solo], alike[solo]
                    ids[i], cosines[i] = NOBODY, -9.0
                    ids[i, : len(near)], cosines[i, : len(near)] = near, alike
                head = twin(i, near, alike)
                if head >= 0:
                    stacked.append(i)
                    self._head_of[first + i] = head
                    ids[i], cosines[i] = NOBODY, -9.0
                    continue
            file(first + i, batch[i], near, alike)
        rows = np.arange(first, first + size)
        weighing = np.delete(rows, stacked)
        if self._cells is not None:
            self._cells.add(weighing, self.rows.matrix)
        self.lists.write(rows, ids, cosines)
        self.lists.offer(weighing)
        heads = self._head_of[rows]
        return np.where(heads >= 0, self._micro_of[heads], self._micro_of[rows]).astype(np.int64)

    def _with_earlier(
        self, batch: FloatMatrix, ids: npt.NDArray[np.int32], cosines: FloatMatrix
    ) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """Nearest rows and cosines of a batch [B, k], those included that come before each in the batch itself."""
        size, k = len(batch), self.parameters.neighbours
        inner = np.where(np.tri(size, k=-1, dtype=np.bool_), batch @ batch.T, np.float32(-9.0))
        inner_ids = largest(inner, min(k, size)).astype(np.int32)
        inner_cosines = np.take_along_axis(inner, inner_ids, axis=1)
        return best_of(
            np.concatenate([ids, inner_ids + np.int32(self.length)], axis=1),
            np.concatenate([cosines, inner_cosines], axis=1),
            k,
        )

    def _file(self, row: int, vector: FloatVector, near: npt.NDArray[np.int32], alike: FloatVector) -> None:
        self.weighing += 1
        used = self.used
        micro_ids: list[int] = self._micro_of[near[:used]].tolist()
        micro, dot = -1, 0.0
        if micro_ids:
            micro, dot = self.micros.closest(sorted(set(micro_ids)), vector, self.calibration.micro)
        if micro >= 0:
            self.micros.join(micro, vector, dot)
        else:
            category, guessed = self._vote(micro_ids, alike[:used].tolist())
            micro = self.micros.open(vector, category, tentative=guessed)
        self._micro_of[row] = micro

    def _vote(self, micro_ids: list[int], alike: list[float]) -> tuple[int, bool]:
        """Category of a newcomer by its neighbours' votes, or UNSORTED; and whether that is only a guess.

        It is none where at least half of the informative neighbours agree. Neighbours in Unsorted know nothing, nor do
        tentative ones; and nothing is guessed into a category that a person locked or named.
        """
        veto, spread, strict = self.calibration.veto, self.calibration.spread, self.rules.strictness
        informed = [
            category
            for category, cosine in zip(self.micros.settled_of(micro_ids), alike, strict=True)
            if cosine >= veto + strict.get(category, 0.0) * spread
        ]
        votes = Counter(category for category in informed if category != UNSORTED)
        if not votes:
            return UNSORTED, False
        category, most = max(votes.items(), key=lambda item: (item[1], item[0]))
        used = self.used
        if used > 5 and most < 0.2 * used:
            return UNSORTED, False
        if most >= 0.5 * len(informed):
            return category, False
        return (UNSORTED, False) if most < _LEAST_VOTES or category in self.rules.held else (category, True)

    # ---- leaving -------------------------------------------------------------------------------------------------

    def remove(self, rows: IntVector) -> IntVector:
        """Take images out. Returns the rows that became heads because the image they were stacked on left."""
        self.edition += 1
        rows = np.unique(rows)
        self.removals += 1
        promoted: list[int] = []
        leaving = set(rows.tolist())
        stacked = self.first_active + np.flatnonzero(self.head_of[self.first_active :] >= 0)
        for row in rows.tolist():
            if self._head_of[row] >= 0:
                self._head_of[row] = NOBODY
                continue
            micro = int(self._micro_of[row])
            if micro < 0:
                continue
            self.micros.leave(micro, self.rows.matrix[row])
            if self._cells is not None:
                self._cells.remove(row)
            self._micro_of[row] = NOBODY
            self.weighing -= 1
            orphans = [r for r in stacked[self._head_of[stacked] == row].tolist() if r not in leaving]
            if orphans:
                heir = orphans[0]
                self._head_of[heir] = NOBODY
                self._head_of[orphans[1:]] = heir
                self._micro_of[heir] = micro
                vector = self.rows.matrix[heir]
                self.micros.join(micro, vector)
                self.weighing += 1
                if self._cells is not None:
                    self._cells.add(np.array([heir]), self.rows.matrix)
                promoted.append(heir)
        self.first_active = self._first_active_from(self.first_active)
        self.lists.forget(rows, self.length)
        heirs = np.array(promoted, np.int64)
        if len(heirs):
            self._link(heirs)
        return heirs

    def _first_active_from(self, row: int) -> int:
        """The first row that weighs, from one on; an heir comes after the image it was stacked on."""
        weighing = np.flatnonzero(self.active[row:])
        return row + int(weighing[0]) if len(weighing) else self.length

    def _link(self, rows: IntVector) -> None:
        """Give rows without a neighbour list one, and offer them to their neighbours."""
        k = self.parameters.neighbours
        ids, cosines = self.neighbours(self.rows.matrix[rows], k + 1)
        itself = ids == rows[:, None]
        ids, cosines = best_of(np.where(itself, NOBODY, ids), np.where(itself, np.float32(-9), cosines), k)
        self.lists.write(rows, ids, cosines)
        self.lists.offer(rows)

    # ---- repairing -----------------------------------------------------------------------------------------------

    def run(self) -> Proposal:
        """Do all that ``propose`` proposes."""
        proposal = self.propose()
        changed = np.flatnonzero(proposal.before != proposal.after)
        self.change(
            dict(zip(changed.tolist(), proposal.after[changed].tolist(), strict=True)),
            proposal.moves,
            calibration=proposal.calibration,
            next_category=proposal.next_category,
        )
        self.micros.settle(proposal.tentative)
        self.checked |= proposal.checked
        return proposal

    def change(
        self,
        categories: Mapping[int, int],
        moves: Mapping[int, int],
        *,
        calibration: Calibration | None = None,
        next_category: int | None = None,
    ) -> None:
        """Point micro-clusters (key) to categories, and put images (row) into other micro-clusters."""
        self.edition += 1
        everything = self.micros.categories.copy()
        everything[list(categories)] = list(categories.values())
        self.micros.assign(everything)
        for row, micro in moves.items():
            vector = self.rows.matrix[row]
            self.micros.leave(int(self._micro_of[row]), vector)
            self.micros.join(micro, vector)
            self._micro_of[row] = micro
        self.calibration = calibration or self.calibration
        self.next_category = next_category if next_category is not None else self.next_category

    def open_micro(self, category: int) -> int:
        """A new micro-cluster without images."""
        self.edition += 1
        number = self.micros.length
        self.micros.resize(number + 1)
        self.micros.categories[number] = category
        return number

    # ---- keeping -------------------------------------------------------------------------------------------------

    def restore(
        self,
        micro_of: npt.NDArray[np.int32],
        head_of: npt.NDArray[np.int32],
        categories: IntVector,
        *,
        tentative: npt.NDArray[np.bool_],
        calibration: Calibration,
        next_category: int,
        lists: tuple[npt.NDArray[np.int32], FloatMatrix] | None,
    ) -> None:
        """Take over a stored grouping whose vectors are already in ``rows``.

        Args:
            micro_of: [length] own micro-cluster, NOBODY for deleted and stacked rows.
            head_of: [length].
            categories: [micro-clusters].
            tentative: [micro-clusters] whose category is only a guess.
            calibration: of the last run.
            next_category: first number never given out.
            lists: neighbour ids and cosines of the first rows, possibly fewer than ``length``; the others are searched.
        """
        self.edition += 1
        self.length = len(micro_of)
        self._reserve(self.length)
        self._micro_of[: self.length], self._head_of[: self.length] = micro_of, head_of
        self.calibration, self.next_category = calibration, next_category
        active = np.flatnonzero(self.active)
        self.first_active, self.weighing = self._first_active_from(0), len(active)
        matrix = self.rows.matrix
        order = active[np.argsort(micro_of[active], kind="stable")]
        counts = np.bincount(micro_of[active], minlength=len(categories))
        present = np.flatnonzero(counts)
        sums = np.zeros((len(present), matrix.shape[1]), np.float32)
        if len(present):
            starts = np.concatenate([[0], np.cumsum(counts[present])[:-1]])
            for low in range(0, len(present), 4096):  # bounded memory: not all vectors at once
                some = present[low : low + 4096]
                begin = starts[low]
                end = begin + counts[some].sum()
                sums[low : low + 4096] = np.add.reduceat(
                    matrix[order[begin:end]], starts[low : low + 4096] - begin, axis=0
                )
        self.micros.rebuild(present, sums, counts, categories, tentative)
        self._cells = None
        self._prepare_cells()
        stored = 0
        if lists is not None:
            stored = min(len(lists[0]), self.length)
            self.lists.write(np.arange(stored), lists[0][:stored], lists[1][:stored])
            gone = np.flatnonzero(~self.active[:stored])
            listed = gone[np.isin(gone, lists[0][:stored])]
            self.lists.forget(listed, stored)
        # also those that became heads since the lists were kept
        missing = active[(active >= stored) | (self.lists.ids[active, 0] == NOBODY)]
        for low in range(0, len(missing), 1024):
            self._link(missing[low : low + 1024])

    def _reserve(self, length: int) -> None:
        self._micro_of = grown(self._micro_of, length, NOBODY)
        self._head_of = grown(self._head_of, length, NOBODY)
        self.lists.reserve(length)

    def _prepare_cells(self) -> None:
        if self.weighing <= EXACT_UP_TO:
            return
        if self._cells is None or self.weighing > _REGROW * self._cells.trained_on:
            self._cells = Cells(np.flatnonzero(self.active), self.rows.matrix)
