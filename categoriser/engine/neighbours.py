"""Neighbour lists: every image keeps its k nearest images, and a newcomer enters the lists of its own neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, IntVector
from categoriser.engine.rows import grown

NOBODY = -1
_ABSENT = -9.0  # below every cosine
_BLOCK = 32


class NeighbourLists:
    """``ids[r]`` are rows, ``cosines[r]`` their cosines to row r, best first; unused places hold NOBODY and -9."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.ids: npt.NDArray[np.int32] = np.full((1024, k), NOBODY, np.int32)
        self.cosines: FloatMatrix = np.full((1024, k), _ABSENT, np.float32)

    def copy(self, length: int) -> NeighbourLists:
        """The lists of the first ``length`` rows."""
        made = NeighbourLists(self.k)
        made.ids, made.cosines = self.ids[:length].copy(), self.cosines[:length].copy()
        return made

    def write(self, rows: IntVector, ids: npt.NDArray[np.int32], cosines: FloatMatrix) -> None:
        """Set the lists of ``rows``; ids and cosines are [len(rows), k]."""
        if not len(rows):
            return
        self.reserve(int(rows[-1]) + 1)
        self.ids[rows] = ids
        self.cosines[rows] = cosines

    def reserve(self, length: int) -> None:
        """Make room for ``length`` rows."""
        self.ids = grown(self.ids, length, NOBODY)
        self.cosines = grown(self.cosines, length, _ABSENT)

    def offer(self, rows: IntVector) -> None:
        """Reverse update: put each of ``rows`` into the lists of its own neighbours where it beats their last entry.

        Costs no search, and groups as well as recomputing every list exactly.
        """
        targets = self.ids[rows].ravel().astype(np.int64)
        cosines = self.cosines[rows].ravel()
        candidates = np.repeat(rows, self.k)
        good = targets >= 0
        good[good] = cosines[good] > self.cosines[targets[good], -1]
        good[good] = ~(self.ids[targets[good]] == candidates[good, None]).any(axis=1)
        targets, cosines, candidates = targets[good], cosines[good], candidates[good]
        if not len(targets):
            return
        if len(rows) == 1:  # one for each of its neighbours
            self._take_in(targets, candidates[:, None], cosines[:, None])
            return
        order = np.lexsort((candidates, -cosines, targets))
        targets, cosines, candidates = targets[order], cosines[order], candidates[order]
        unique, start, group = np.unique(targets, return_index=True, return_inverse=True)
        rank = np.arange(len(targets)) - start[group]
        fits = rank < self.k
        new_cosines = np.full((len(unique), self.k), _ABSENT, np.float32)
        new_ids = np.full((len(unique), self.k), NOBODY, np.int32)
        new_cosines[group[fits], rank[fits]] = cosines[fits]
        new_ids[group[fits], rank[fits]] = candidates[fits]
        self._take_in(unique, new_ids, new_cosines)

    def _take_in(self, rows: IntVector, ids: npt.NDArray[np.integer[Any]], cosines: FloatMatrix) -> None:
        """Put what is new to some lists, [len(rows), any number], into them where it is among the k best."""
        both_cosines = np.concatenate([self.cosines[rows], cosines], axis=1)
        both_ids = np.concatenate([self.ids[rows], ids], axis=1)
        best = np.argsort(-both_cosines, axis=1, kind="stable")[:, : self.k]
        self.cosines[rows] = np.take_along_axis(both_cosines, best, axis=1)
        self.ids[rows] = np.take_along_axis(both_ids, best, axis=1)

    def forget(self, rows: IntVector, length: int) -> None:
        """Take ``rows`` out of every list of the first ``length`` rows; the lists close up."""
        self.ids[rows] = NOBODY
        self.cosines[rows] = _ABSENT
        gone = np.isin(self.ids[:length], rows)
        touched = np.flatnonzero(gone.any(axis=1))
        if not len(touched):
            return
        ids = np.where(gone[touched], NOBODY, self.ids[touched])
        self.ids[touched], self.cosines[touched] = without(ids, self.cosines[touched])


def without(ids: npt.NDArray[np.int32], cosines: FloatMatrix) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
    """Lists [n, k] closed up where ``ids`` are NOBODY, whatever cosine stands there."""
    cosines = np.where(ids == NOBODY, _ABSENT, cosines).astype(np.float32)
    order = np.argsort(-cosines, axis=1, kind="stable")
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def similarities(queries: FloatMatrix, vectors: FloatMatrix) -> FloatMatrix:
    """Cosines [B, n] of unit vectors [B, d] to unit vectors [n, d].

    A single query does without BLAS: it gains nothing from threads and waits for them when the cores are busy.
    """
    cosines: FloatMatrix = np.vecdot(vectors, queries[0])[None] if len(queries) == 1 else queries @ vectors.T
    return cosines


def best_of(ids: npt.NDArray[np.int32], cosines: FloatMatrix, k: int) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
    """The k best candidates of each line, best first, padded with NOBODY and -9. Both inputs are [n, m]."""
    if ids.shape[1] > 4 * k:
        part = largest(cosines, k)
        ids, cosines = np.take_along_axis(ids, part, axis=1), np.take_along_axis(cosines, part, axis=1)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    ids, cosines = np.take_along_axis(ids, order, axis=1), np.take_along_axis(cosines, order, axis=1)
    missing = k - ids.shape[1]
    if missing > 0:
        ids = np.pad(ids, ((0, 0), (0, missing)), constant_values=NOBODY)
        cosines = np.pad(cosines, ((0, 0), (0, missing)), constant_values=_ABSENT)
    ids = np.where(cosines <= _ABSENT, NOBODY, ids).astype(np.int32)
    return ids, cosines.astype(np.float32)


def largest(values: FloatMatrix, k: int) -> npt.NDArray[np.intp]:
    """Columns of the k largest values of each line of [n, m], in no order; k ≤ m.

    Long lines are first reduced to the k blocks with the largest maxima, which must contain the k largest values.
    """
    n, m = values.shape
    if m < _BLOCK * 4 * k:
        return np.argpartition(values, m - k, axis=1)[:, m - k :]
    whole = m - m % _BLOCK
    blocks = values[:, :whole].reshape(n, -1, _BLOCK)
    chosen = np.argpartition(blocks.max(axis=2), blocks.shape[1] - k, axis=1)[:, -k:]
    columns = (chosen[:, :, None] * _BLOCK + np.arange(_BLOCK)).reshape(n, -1)
    rest = np.broadcast_to(np.arange(whole, m), (n, m - whole))
    columns = np.concatenate([columns, rest], axis=1)
    candidates = np.take_along_axis(values, columns, axis=1)
    return np.take_along_axis(columns, np.argpartition(candidates, candidates.shape[1] - k, axis=1)[:, -k:], axis=1)
