"""Inverted lists: coarse cells over the micro-clusters, so that a neighbour search reads a small part of a collection.

An image belongs to the cell of its micro-cluster. A search reads the nearest cells completely and is exact inside.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.micros import MicroClusters
from categoriser.engine.neighbours import best_of, largest
from categoriser.engine.rows import grown

PROBES = 16  # cells read per search
_TRAINING_PER_CELL = 16
_ROUNDS = 4


class Cells:
    """Spherical k-means over micro-cluster centroids; about 2·√(images) cells."""

    def __init__(self, micros: MicroClusters, micro_of: npt.NDArray[np.int32], active: npt.NDArray[np.bool_]) -> None:
        self.trained_on = int(active.sum())
        self._centroids = _train(micros, max(16, int(2 * np.sqrt(self.trained_on))))
        self._cell_of: IntVector = np.zeros(max(256, micros.length), np.int64)
        for start in range(0, micros.length, 8192):
            block = micros.sums[start : start + 8192]
            self._cell_of[start : start + len(block)] = np.argmax(block @ self._centroids.T, axis=1)
        self.collect(micros, micro_of, active)

    def __len__(self) -> int:
        return len(self._centroids)

    def collect(self, micros: MicroClusters, micro_of: npt.NDArray[np.int32], active: npt.NDArray[np.bool_]) -> None:
        """Read the lists anew, after images changed their micro-cluster or left."""
        rows = np.flatnonzero(active)
        self._rows = _grouped(self._cell_of[micro_of[rows]], rows, len(self))
        live = np.flatnonzero(micros.counts > 0)
        self._micros = _grouped(self._cell_of[live], live, len(self))
        self._new_rows: list[list[int]] = [[] for _ in range(len(self))]
        self._new_micros: list[list[int]] = [[] for _ in range(len(self))]

    def add_micro(self, micro: int, vector: FloatVector) -> None:
        """A new micro-cluster goes to the cell nearest to its first image."""
        self._cell_of = grown(self._cell_of, micro + 1)
        cell = int(np.argmax(self._centroids @ vector))
        self._cell_of[micro] = cell
        self._new_micros[cell].append(micro)

    def add_row(self, row: int, micro: int) -> None:
        """A new image goes to the cell of its micro-cluster."""
        self._new_rows[self._cell_of[micro]].append(row)

    def search(
        self, queries: FloatMatrix, vectors: FloatMatrix, k: int, probes: int = PROBES
    ) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
        """The k nearest rows of each query [B, d] in its nearest cells: rows and cosines, both [B, k], best first."""
        probes = min(probes, len(self))
        chosen = np.argpartition(-(queries @ self._centroids.T), probes - 1, axis=1)[:, :probes]
        ids = np.full((len(queries), probes, k), -1, np.int32)
        cosines = np.full((len(queries), probes, k), -9.0, np.float32)
        flat = chosen.ravel()
        order = np.argsort(flat, kind="stable")
        bounds = np.searchsorted(flat[order], np.arange(len(self) + 1))
        for cell in np.flatnonzero(np.diff(bounds)).tolist():
            members = self._members(self._rows, self._new_rows, cell)
            if not len(members):
                continue
            query, slot = np.divmod(order[bounds[cell] : bounds[cell + 1]], probes)
            similarity = queries[query] @ vectors[members].T
            if len(members) > k:
                best = largest(similarity, k)
                ids[query, slot] = members[best]
                cosines[query, slot] = np.take_along_axis(similarity, best, axis=1)
            else:
                ids[query, slot, : len(members)] = members
                cosines[query, slot, : len(members)] = similarity
        return best_of(ids.reshape(len(queries), -1), cosines.reshape(len(queries), -1), k)

    def near(self, query: FloatVector) -> IntVector:
        """Numbers of the micro-clusters in the cells nearest to a query [d]."""
        probes = min(PROBES, len(self))
        cells = np.argpartition(-(self._centroids @ query), probes - 1)[:probes]
        return np.concatenate([self._members(self._micros, self._new_micros, cell) for cell in cells.tolist()])

    @staticmethod
    def _members(settled: list[IntVector], new: list[list[int]], cell: int) -> IntVector:
        return np.concatenate([settled[cell], np.array(new[cell], np.int64)]) if new[cell] else settled[cell]


def _grouped(keys: IntVector, values: IntVector, groups: int) -> list[IntVector]:
    order = np.argsort(keys, kind="stable")
    return np.split(values[order].astype(np.int64), np.searchsorted(keys[order], np.arange(1, groups)))


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
