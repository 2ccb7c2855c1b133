"""Inverted lists: coarse cells over the micro-clusters, so that a neighbour search reads a small part of a collection.

An image belongs to the cell of its micro-cluster. A search reads the nearest cells completely and is exact inside. Each
cell's vectors lie side by side in memory: reading them in order is several times faster than picking them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.micros import MicroClusters
from categoriser.engine.neighbours import NOBODY, best_of, largest
from categoriser.engine.rows import grown

PROBES = 16  # cells read by a search
_TRAINING_PER_CELL = 8
_ROUNDS = 2


class Cells:
    """Spherical k-means over micro-cluster centroids; about 2·√(images) cells."""

    def __init__(
        self,
        micros: MicroClusters,
        micro_of: npt.NDArray[np.int32],
        active: npt.NDArray[np.bool_],
        vectors: FloatMatrix,
    ) -> None:
        self.trained_on = int(active.sum())
        self._centroids = _train(micros, max(16, int(2 * np.sqrt(self.trained_on))))
        self._cell_of: IntVector = np.zeros(max(256, micros.length), np.int64)
        for start in range(0, micros.length, 8192):
            block = micros.sums[start : start + 8192]
            self._cell_of[start : start + len(block)] = np.argmax(block @ self._centroids.T, axis=1)
        self.collect(micros, micro_of, active, vectors)

    def __len__(self) -> int:
        return len(self._centroids)

    def collect(
        self,
        micros: MicroClusters,
        micro_of: npt.NDArray[np.int32],
        active: npt.NDArray[np.bool_],
        vectors: FloatMatrix,
    ) -> None:
        """Lay the lists out anew, after images changed their micro-cluster or many came."""
        rows = np.flatnonzero(active)
        self._rows = _Lists(self._cell_of[micro_of[rows]], rows, len(self), vectors)

    def add_micro(self, micro: int, vector: FloatVector) -> None:
        """A new micro-cluster goes to the cell nearest to its first image."""
        self._cell_of = grown(self._cell_of, micro + 1)
        self._cell_of[micro] = int(np.argmax(self._centroids @ vector))

    def add_row(self, row: int, micro: int, vector: FloatVector) -> None:
        """A new image goes to the cell of its micro-cluster."""
        self._rows.append(int(self._cell_of[micro]), row, vector)

    def remove_row(self, row: int, micro: int) -> None:
        """Take an image out of the lists."""
        self._rows.remove(int(self._cell_of[micro]), row)

    def search(self, queries: FloatMatrix, k: int, probes: int = PROBES) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """The k nearest rows of each query [B, d] in its nearest cells: rows and cosines, both [B, k], best first."""
        probes = min(probes, len(self))
        chosen = largest(queries @ self._centroids.T, probes)
        ids = np.full((len(queries), 2 * probes, k), NOBODY, np.int32)
        cosines = np.full((len(queries), 2 * probes, k), -9.0, np.float32)
        order = np.argsort(chosen, axis=None, kind="stable")
        bounds = np.searchsorted(chosen.ravel()[order], np.arange(len(self) + 1))
        for cell in np.flatnonzero(np.diff(bounds)).tolist():
            query, slot = np.divmod(order[bounds[cell] : bounds[cell + 1]], probes)
            for part, (members, block) in enumerate(self._rows.parts(cell)):
                similarity = queries[query] @ block.T
                similarity[:, members < 0] = -9.0
                if len(members) > k:
                    best = largest(similarity, k)
                    ids[query, 2 * slot + part] = members[best]
                    cosines[query, 2 * slot + part] = np.take_along_axis(similarity, best, axis=1)
                else:
                    ids[query, 2 * slot + part, : len(members)] = members
                    cosines[query, 2 * slot + part, : len(members)] = similarity
        return best_of(ids.reshape(len(queries), -1), cosines.reshape(len(queries), -1), k)


@dataclass(slots=True)
class _Later:
    numbers: list[int]
    block: FloatMatrix  # with room to grow


class _Lists:
    """Numbered vectors by cell: settled ones side by side, those that came later in a small block per cell."""

    def __init__(
        self,
        cells: IntVector,
        numbers: IntVector,
        count: int,
        vectors: FloatMatrix,
    ) -> None:
        order = np.argsort(cells, kind="stable")
        self._numbers: npt.NDArray[np.int32] = numbers[order].astype(np.int32)
        self._bounds: list[int] = np.searchsorted(cells[order], np.arange(count + 1)).tolist()
        self._block: FloatMatrix = np.empty((len(numbers), vectors.shape[1]), np.float32)
        for start in range(0, len(numbers), 8192):  # bounded memory
            part = slice(start, start + 8192)
            self._block[part] = vectors[self._numbers[part]]
        self._later: dict[int, _Later] = {}

    def append(self, cell: int, number: int, vector: FloatVector) -> None:
        if cell not in self._later:
            self._later[cell] = _Later([], np.empty((4, len(vector)), np.float32))
        later = self._later[cell]
        later.block = grown(later.block, len(later.numbers) + 1)
        later.block[len(later.numbers)] = vector
        later.numbers.append(number)

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


def _train(micros: MicroClusters, cells: int) -> FloatMatrix:
    live = np.flatnonzero(micros.counts > 0)
    rng = np.random.default_rng(len(live))
    sample = rng.permutation(live)[: cells * _TRAINING_PER_CELL]
    points = micros.sums[sample] / micros.norms[sample, None].astype(np.float32)
    centroids: FloatMatrix = points[: min(cells, len(points))].copy()
    for _ in range(_ROUNDS):
        nearest = np.argmax(points @ centroids.T, axis=1)
        order = np.argsort(nearest, kind="stable")
        present, start = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(points[order], start, axis=0)
        centroids[present] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return centroids
