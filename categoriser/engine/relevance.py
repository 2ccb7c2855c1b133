"""From a cosine to a relevance: how sure is it that what was searched for is there at all?

A cosine says little by itself: between two pictures of one encoder .55 may be nothing, between a picture and a text .28
may be everything. What is needed is the best cosine that a query gets from a collection that holds *nothing* of what is
searched for, and every collection can say that of itself:

- *pictures*: stored images are queries, and may find everything but their own category;
- *categories*: their middles are queries, and may find everything but themselves;
- *words*: the words of a vocabulary are queries. Most are not there; those that are lie in the upper half.

Of these best cosines the median a and the deviation b of the lower half are kept, which what is there cannot
contaminate (as for the bulk of the engine, ``calibrate.py``). The relevance of a cosine s is Φ((s − a) / b): the share
of queries for what is not there whose best result falls short of s. Maxima of n draws move with log n [Fisher & Tippett
1928]; the shift per doubling is measured on half of the images and carried on to the whole collection.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, log2, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine.micros import UNSORTED

LEAST: Final = 8  # queries that a scale is made of
SAME: Final = 0.9995  # cosine of two vectors of one picture, decoded and scaled twice
_BLOCK: Final = 128  # queries at a time: bounded memory


@dataclass(frozen=True, slots=True)
class Scale:
    """Of one kind of query. All are cosines.

    Attributes:
        middle: median of the best cosine of a query for what is not there.
        width: its deviation below that.
        spread: deviation of the cosines of single images, for putting several kinds of query together.
    """

    middle: float
    width: float
    spread: float

    def relevance(self, cosine: float) -> float:
        """In [0, 1]; 1 for the very same vector, however little the cosines of others tell."""
        if cosine >= SAME:
            return 1.0
        return 0.5 * (1 + erf((cosine - self.middle) / (self.width * sqrt(2))))

    def cosine(self, relevance: float) -> float:
        """The least cosine of a relevance; -1 for 0 and below."""
        if relevance <= 0:
            return -1.0
        return SAME if relevance >= 1 else min(SAME, self.middle + self.width * NormalDist().inv_cdf(relevance))


def scale_of(queries: FloatMatrix, images: FloatMatrix, own: IntVector, labels: IntVector, count: int) -> Scale | None:
    """The scale of one kind of query; None where there is too little to tell.

    Args:
        queries: [q, d] unit vectors.
        images: [n, d] unit vectors of a random sample of the collection, in random order.
        own: [q] category of each query, whose images it must not find; UNSORTED for queries that may find any.
        labels: [n] category of each image. Unsorted ones are found only by queries that may find any.
        count: images of the whole collection.
    """
    if len(queries) < LEAST or len(images) < 2:
        return None
    best, best_of_half, half = [], [], max(1, len(images) // 2)
    total = squares = number = 0.0
    for start in range(0, len(queries), _BLOCK):
        cosines = queries[start : start + _BLOCK] @ images.T
        whose = own[start : start + _BLOCK, None]
        hidden = (whose != UNSORTED) & ((labels[None] == whose) | (labels[None] == UNSORTED))
        seen = cosines[~hidden].astype(np.float64)
        total, squares, number = total + seen.sum(), squares + (seen**2).sum(), number + len(seen)
        cosines[hidden] = -np.inf
        best.append(cosines.max(axis=1))
        best_of_half.append(cosines[:, :half].max(axis=1))
    whole, part = np.concatenate(best), np.concatenate(best_of_half)
    kept = np.isfinite(whole) & np.isfinite(part)
    if np.count_nonzero(kept) < LEAST:
        return None
    middle = float(np.median(whole[kept]))
    per_doubling = max(0.0, middle - float(np.median(part[kept])))
    variance = max(0.0, squares / number - (total / number) ** 2)
    return Scale(
        middle=middle + per_doubling * max(0.0, log2(max(count, 1) / len(images))),
        width=_below(whole[kept], middle),
        spread=sqrt(variance) + 1e-6,
    )


def _below(values: FloatVector, middle: float) -> float:
    lower = values[values < middle].astype(np.float64) - middle
    return (float(np.sqrt(np.mean(lower**2))) if len(lower) else 0.0) + 1e-3
