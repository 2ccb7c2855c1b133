"""Micro-clusters: tight groups of near-alike images, each pointing to its category."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.rows import grown
from categoriser.engine.sums import Sums

UNSORTED = -1


class MicroClusters:
    """Numbered from 0, never reused: vector sum [d], number of images that weigh, category number or UNSORTED.

    Emptied ones cost some 30 bytes each: memory follows the images that are there, not those that came and went.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.length = 0
        self.sums = Sums(dimension)
        self._squares: npt.NDArray[np.float64] = np.zeros(256)
        self._counts: npt.NDArray[np.int64] = np.zeros(256, np.int64)
        self._categories: npt.NDArray[np.int64] = np.full(256, UNSORTED, np.int64)
        self._tentative: npt.NDArray[np.bool_] = np.zeros(256, np.bool_)

    def copy(self) -> MicroClusters:
        """The same as they are now."""
        made = MicroClusters(self.dimension)
        made.length = self.length
        made.sums, made._squares = self.sums.copy(), self._squares[: self.length].copy()
        made._counts, made._categories = self.counts.copy(), self.categories.copy()
        made._tentative = self.tentative.copy()
        return made

    @property
    def counts(self) -> IntVector:
        """[length]."""
        return self._counts[: self.length]

    @property
    def categories(self) -> IntVector:
        """[length]; UNSORTED where there is none."""
        return self._categories[: self.length]

    @property
    def tentative(self) -> npt.NDArray[np.bool_]:
        """[length]; whether the category is only the best guess at arrival, about which the next run decides anew."""
        return self._tentative[: self.length]

    @property
    def settled(self) -> IntVector:
        """[length]; categories without the tentative ones, which are UNSORTED here."""
        return np.where(self.tentative, UNSORTED, self.categories)

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Length of each vector sum, [length]; at least a tiny positive number."""
        return np.sqrt(np.maximum(self._squares[: self.length], 1e-12))

    def open(self, vector: FloatVector, category: int, *, tentative: bool = False) -> int:
        """A new micro-cluster of one image; returns its number."""
        number = self.length
        if number >= len(self._counts):
            self.resize(number + 1)
        self.length = number + 1
        self.sums.add(number, vector)
        self._squares[number] = float(vector @ vector)
        self._counts[number] = 1
        self._categories[number] = category
        self._tentative[number] = tentative
        return number

    def resize(self, length: int) -> None:
        """Make room for numbers below ``length``; new ones are empty."""
        self.sums.reserve(length)
        self._squares = grown(self._squares, length, 0)
        self._counts = grown(self._counts, length, 0)
        self._categories = grown(self._categories, length, UNSORTED)
        self._tentative = grown(self._tentative, length, False)
        self.length = max(self.length, length)

    def join(self, number: int, vector: FloatVector, dot: float | None = None) -> None:
        """Add one image; ``dot`` is its product with the sum before, where that is known."""
        dot = float(self.sums.of(number) @ vector) if dot is None else dot
        self._squares[number] += 2 * dot + float(vector @ vector)
        self.sums.add(number, vector)
        self._counts[number] += 1

    def leave(self, number: int, vector: FloatVector) -> None:
        """Take one image out."""
        self._counts[number] -= 1
        if not self._counts[number]:
            self.sums.clear(number)
            self._squares[number] = 0
            return
        self.sums.subtract(number, vector)
        left = self.sums.of(number)
        self._squares[number] = float(left @ left)

    def closest(self, numbers: list[int], vector: FloatVector, threshold: float) -> tuple[int, float]:
        """The best fitting of ``numbers``, by cosine to its centroid, among those alike enough on average.

        "Alike enough" is average similarity x·S/n ≥ ``threshold``, which unlike a cosine to the centroid means the same
        for every n. Returns (number, x·S), or (-1, 0) when none fits.
        """
        best, best_dot, best_cosine = -1, 0.0, -math.inf
        asked = np.array(numbers)
        dots = (self.sums[asked] @ vector).tolist()
        counts, squares = self._counts[asked].tolist(), self._squares[asked].tolist()
        for number, dot, count, square in zip(numbers, dots, counts, squares, strict=True):
            if dot >= threshold * count:
                cosine = dot / math.sqrt(max(square, 1e-12))
                if cosine > best_cosine:
                    best, best_dot, best_cosine = number, dot, cosine
        return best, best_dot

    def nearest(self, numbers: IntVector, query: FloatVector, lists: int) -> IntVector:
        """The ``lists`` of ``numbers`` with the best centroid cosine to a query [d], best first."""
        cosines = (self.sums[numbers] @ query) / np.sqrt(np.maximum(self._squares[numbers], 1e-12))
        return numbers[np.argsort(-cosines)[:lists]]

    def settled_of(self, numbers: list[int]) -> list[int]:
        """The same of some of them."""
        categories: list[int] = self._categories[numbers].tolist()
        if not self._tentative[numbers].any():
            return categories
        return np.where(self._tentative[numbers], UNSORTED, categories).tolist()  # type: ignore[no-any-return]

    def settle(self, numbers: Iterable[int]) -> None:
        """Take the tentative mark off some of them."""
        self._tentative[list(numbers)] = False

    def assign(self, categories: IntVector) -> None:
        """Set the category of every micro-cluster; [length]."""
        self._categories[: self.length] = categories

    def rebuild(
        self,
        present: IntVector,
        sums: FloatMatrix,
        counts: IntVector,
        categories: IntVector,
        tentative: npt.NDArray[np.bool_],
    ) -> None:
        """Replace everything by stored values: ``sums`` [n, d] of those ``present`` [n], the others [length]."""
        self.length = 0
        self.resize(len(counts))
        self.sums.rebuild(present, sums, self.length)
        self._squares[: self.length] = 0
        self._squares[present] = np.einsum("ij,ij->i", sums, sums)
        self._counts[: self.length] = counts
        self._categories[: self.length] = categories
        self._tentative[: self.length] = tentative


def middles(micros: MicroClusters) -> tuple[IntVector, FloatMatrix]:
    """Numbers [c] of the categories that have images, ascending, and the mean of each one's images [c, d], unit length.

    May be asked while the collection is being written.
    """
    length = micros.length
    categories = micros.categories[:length].copy()
    members = np.flatnonzero((categories != UNSORTED) & (micros.counts[:length] > 0))
    numbers, place = np.unique(categories[members], return_inverse=True)
    means = micros.sums.totals(members, place, len(numbers))
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return numbers, means
