"""Inverted lists: coarse cells over the images, so that a neighbour search reads a small part of a collection.

An image belongs to the cell whose centroid is nearest. A search reads the nearest cells completely and is exact inside.
Each cell's vectors lie side by side in memory: reading them in order is several times faster than picking them one by
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.neighbours import NOBODY, best_of, largest, similarities
from categoriser.engine.rows import grown

PROBES = 24  # cells read by a search
_TRAINING_PER_CELL = 8
_ROUNDS = 2
_FIRST = 3  # of those: the cells whose best are selected; of the others only what beats these is looked at
_UNSETTLED = 0.25  # share of images that came later than the lists were laid out, above which they are laid out anew


class Cells:
    """Spherical k-means over a sample of the images; about 2·√(images) cells."""

    def __init__(self, rows: IntVector, vectors: FloatMatrix) -> None:
        """Train on, and take in, the ``rows`` of ``vectors`` [length, d]."""
        self.trained_on = len(rows)
        self._centroids = _train(rows, vectors, max(16, int(2 * np.sqrt(len(rows)))))
        self._cell_of: npt.NDArray[np.int32] = np.full(len(vectors), NOBODY, np.int32)
        for start in range(0, len(rows), 8192):  # bounded memory
            part = rows[start : start + 8192]
            self._cell_of[part] = self._nearest(vectors[part])
        self._lay_out(rows, vectors)

    def __len__(self) -> int:
        return len(self._centroids)

    def add(self, rows: IntVector, vectors: FloatMatrix) -> None:
        """Take in further ``rows`` of ``vectors`` [length, d]."""
        if not len(rows):
            return
        self._cell_of = grown(self._cell_of, len(vectors), NOBODY)
        cells = self._cell_of[rows] = self._nearest(vectors[rows])
        for row, cell in zip(rows.tolist(), cells.tolist(), strict=True):
            self._lists.append(cell, row, vectors[row])
        if self._lists.later > _UNSETTLED * self._lists.settled:
            self._lay_out(np.flatnonzero(self._cell_of >= 0), vectors)

    def remove(self, row: int) -> None:
        """Take an image out."""
        self._lists.remove(int(self._cell_of[row]), row)
        self._cell_of[row] = NOBODY

    def search(self, queries: FloatMatrix, k: int, probes: int = PROBES) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """The k nearest rows of each query [B, d] in its nearest cells: rows and cosines, both [B, k], best first."""
        probes = min(probes, len(self))
        alike = similarities(queries, self._centroids)
        chosen = largest(alike, probes)
        if len(queries) * probes <= len(self):  # hardly two of them read the same cell
            found = [self._search_one(query, cells, k) for query, cells in zip(queries, chosen.tolist(), strict=True)]
            if not found:
                return np.empty((0, k), np.int32), np.empty((0, k), np.float32)
            return np.concatenate([ids for ids, _ in found]), np.concatenate([cosines for _, cosines in found])
        order = np.argsort(-np.take_along_axis(alike, chosen, axis=1), axis=1)
        chosen = np.take_along_axis(chosen, order, axis=1)
        ids, cosines = self._best_in(queries, chosen[:, :_FIRST], k)
        more_ids, more_cosines = self._better_in(queries, chosen[:, _FIRST:], cosines[:, -1], k)
        return best_of(np.concatenate([ids, more_ids], axis=1), np.concatenate([cosines, more_cosines], axis=1), k)

    def _best_in(
        self, queries: FloatMatrix, chosen: npt.NDArray[np.intp], k: int
    ) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """The k best of each query in its ``chosen`` cells [B, p], by a selection per cell."""
        probes = chosen.shape[1]
        ids = np.full((len(queries), 2 * probes, k), NOBODY, np.int32)
        cosines = np.full((len(queries), 2 * probes, k), -9.0, np.float32)
        for place, part, members, similarity in self._read(queries, chosen):
            query, slot = np.divmod(place, probes)
            similarity[:, members < 0] = -9.0
            if len(members) > k:
                best = largest(similarity, k)
                ids[query, 2 * slot + part] = members[best]
                cosines[query, 2 * slot + part] = np.take_along_axis(similarity, best, axis=1)
            else:
                ids[query, 2 * slot + part, : len(members)] = members
                cosines[query, 2 * slot + part, : len(members)] = similarity
        return best_of(ids.reshape(len(queries), -1), cosines.reshape(len(queries), -1), k)

    def _better_in(
        self, queries: FloatMatrix, chosen: npt.NDArray[np.intp], floor: FloatVector, k: int
    ) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """What beats each query's ``floor`` in its ``chosen`` cells, at most k: few do, so nothing is selected."""
        ids = np.full((len(queries), k), NOBODY, np.int32)
        cosines = np.full((len(queries), k), -9.0, np.float32)
        hits: list[tuple[IntVector, npt.NDArray[np.int32], FloatVector]] = []
        for place, _, members, similarity in self._read(queries, chosen):
            query = place // chosen.shape[1]
            at, which = np.nonzero(similarity > floor[query, None])
            hits.append((query[at], members[which], similarity[at, which]))
        if not hits:
            return ids, cosines
        query, member, cosine = (np.concatenate(column) for column in zip(*hits, strict=True))
        order = np.lexsort((-cosine, query))
        order = order[member[order] >= 0]
        query, member, cosine = query[order], member[order], cosine[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        fits = rank < k
        ids[query[fits], rank[fits]] = member[fits]
        cosines[query[fits], rank[fits]] = cosine[fits]
        return ids, cosines

    def _read(
        self, queries: FloatMatrix, chosen: npt.NDArray[np.intp]
    ) -> Iterator[tuple[IntVector, int, npt.NDArray[np.int32], FloatMatrix]]:
        """Cell by cell: flat places in ``chosen`` [B, p] that name it, which part, its members and their cosines."""
        probes = chosen.shape[1]
        order = np.argsort(chosen, axis=None, kind="stable")
        bounds = np.searchsorted(chosen.ravel()[order], np.arange(len(self) + 1))
        for cell in np.flatnonzero(np.diff(bounds)).tolist():
            place = order[bounds[cell] : bounds[cell + 1]]
            asking = queries[place // probes]
            for part, (members, block) in enumerate(self._lists.parts(cell)):
                yield place, part, members, asking @ block.T

    def _search_one(self, query: FloatVector, chosen: list[int], k: int) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """One selection for all cells: a selection per cell takes longer than reading them."""
        parts = [part for cell in chosen for part in self._lists.parts(cell)]
        members = np.concatenate([numbers for numbers, _ in parts] or [np.empty(0, np.int32)])
        cosines = np.empty(len(members), np.float32)
        start = 0
        for numbers, block in parts:
            np.vecdot(block, query, out=cosines[start : start + len(numbers)])
            start += len(numbers)
        cosines[members < 0] = -9.0
        return best_of(members[None], cosines[None], k)

    def _nearest(self, vectors: FloatMatrix) -> IntVector:
        cells: IntVector = np.argmax(vectors @ self._centroids.T, axis=1)
        return cells

    def _lay_out(self, rows: IntVector, vectors: FloatMatrix) -> None:
        self._lists = _Lists(self._cell_of[rows], rows, len(self), vectors)


@dataclass(slots=True)
class _Later:
    numbers: list[int]
    block: FloatMatrix  # with room to grow


class _Lists:
    """Numbered vectors by cell: settled ones side by side, those that came later in a small block per cell."""

    def __init__(self, cells: npt.NDArray[np.int32], numbers: IntVector, count: int, vectors: FloatMatrix) -> None:
        order = np.argsort(cells, kind="stable")
        self._numbers: npt.NDArray[np.int32] = numbers[order].astype(np.int32)
        self._bounds: list[int] = np.searchsorted(cells[order], np.arange(count + 1)).tolist()
        self._block: FloatMatrix = np.empty((len(numbers), vectors.shape[1]), np.float32)
        for start in range(0, len(numbers), 8192):  # bounded memory
            part = slice(start, start + 8192)
            self._block[part] = vectors[self._numbers[part]]
        self._later: dict[int, _Later] = {}
        self.settled = len(numbers)
        self.later = 0

    def append(self, cell: int, number: int, vector: FloatVector) -> None:
        if cell not in self._later:
            self._later[cell] = _Later([], np.empty((4, len(vector)), np.float32))
        later = self._later[cell]
        later.block = grown(later.block, len(later.numbers) + 1)
        later.block[len(later.numbers)] = vector
        later.numbers.append(number)
        self.later += 1

    def remove(self, cell: int, number: int) -> None:
        settled = self._numbers[self._bounds[cell] : self._bounds[cell + 1]]
        settled[settled == number] = NOBODY
        if cell in self._later:
            later = self._later[cell].numbers
            later[:] = [NOBODY if other == number else other for other in later]

    def parts(self, cell: int) -> Iterator[tuple[npt.NDArray[np.int32], FloatMatrix]]:
        """Numbers (NOBODY for removed ones) and vectors of a cell, in at most two parts."""
        low, high = self._bounds[cell], self._bounds[cell + 1]
        if high > low:
            yield self._numbers[low:high], self._block[low:high]
        if cell in self._later:
            later = self._later[cell]
            numbers = np.array(later.numbers, np.int32)
            yield numbers, later.block[: len(numbers)]


def _train(rows: IntVector, vectors: FloatMatrix, cells: int) -> FloatMatrix:
    sample = np.random.default_rng(len(rows)).permutation(rows)[: cells * _TRAINING_PER_CELL]
    points: FloatMatrix = np.asarray(vectors[sample])
    centroids: FloatMatrix = points[: min(cells, len(points))].copy()
    for _ in range(_ROUNDS):
        nearest = np.argmax(points @ centroids.T, axis=1)
        order = np.argsort(nearest, kind="stable")
        present, start = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(points[order], start, axis=0)
        centroids[present] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return centroids
