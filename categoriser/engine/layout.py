"""Places for images on a map: t-SNE of some of them (anchors), and a place among the anchors for every other one.

An anchor's place is found together with those of all anchors (van der Maaten & Hinton 2008, exact, with early
exaggeration and a start from the first principal components, which keeps what is far apart far apart). Every other
image is placed on its own, from the anchors that it is most like, so that nobody's arrival moves anybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix

_PERPLEXITY: Final = 20.0
_ITERATIONS: Final = 320
_EXAGGERATED: Final = 90  # of these, the first ones
_EXAGGERATION: Final = 12.0
_NEAR: Final = 24  # anchors that say where an image goes
_NEAR_PERPLEXITY: Final = 6.0
_SETTLING: Final = 12  # steps of an image towards where most of its anchors are
_BATCH: Final = 4096


def lay_out(
    vectors: FloatMatrix,
    dimensions: int,
    start: FloatMatrix | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> FloatMatrix:
    """Places [n, dimensions] of unit vectors [n, d], in about [-1, 1]; takes n² · 320 steps.

    Args:
        vectors: of the anchors.
        dimensions: 2 or 3.
        start: places to begin from, so that a new map resembles an older one; by default principal components.
        given_up: asked between steps: whether nobody wants it any more.
    """
    n = len(vectors)
    if n < 4:
        around = np.asarray([[np.cos(2.1 * i), np.sin(2.1 * i), 0.0] for i in range(n)], np.float32).reshape(n, 3)
        return 0.5 * around[:, :dimensions]
    likeness = _likeness(vectors)
    places = _principal(vectors, dimensions) if start is None else start.astype(np.float32).copy()
    places *= 1e-2 / max(float(places[:, 0].std()), 1e-9)
    speed, gains = np.zeros_like(places), np.ones_like(places)
    rate = max(n / _EXAGGERATION / 4, 50.0)
    for step in range(_ITERATIONS):
        if given_up():
            break
        force = _EXAGGERATION if step < _EXAGGERATED else 1.0
        squares = np.einsum("ij,ij->i", places, places)
        bond = places @ places.T
        bond *= -2
        bond += squares[:, None]
        bond += squares[None, :]
        bond += 1
        np.reciprocal(bond, out=bond)
        np.fill_diagonal(bond, 0)
        pull = likeness * np.float32(force)
        pull -= bond / bond.sum()
        pull *= bond
        slope = 4 * (pull.sum(axis=1)[:, None] * places - pull @ places)
        against = np.sign(slope) != np.sign(speed)
        gains = np.maximum(np.where(against, gains + 0.2, gains * 0.8), 0.01).astype(np.float32)
        speed = (0.5 if step < _EXAGGERATED else 0.8) * speed - rate * gains * slope
        places += speed.astype(np.float32)
        places -= places.mean(axis=0)
    return _scaled(places)


def place(vectors: FloatMatrix, anchors: FloatMatrix, places: FloatMatrix) -> FloatMatrix:
    """Places [n, m] of unit vectors [n, d] among ``anchors`` [a, d] at ``places`` [a, m]; each depends on itself alone.

    An image goes where most of the anchors that it is like are: not to their middle, which may lie between groups that
    it belongs to none of. What is left of its vector beside them decides where exactly, so that alike images lie side
    by side and not on one point.
    """
    near = min(_NEAR, len(anchors))
    answer = np.empty((len(vectors), places.shape[1]), np.float32)
    if not near:
        answer[:] = 0
        return answer
    direction = np.random.default_rng(0).standard_normal((anchors.shape[1], places.shape[1])).astype(np.float32)
    for low in range(0, len(vectors), _BATCH):
        some = vectors[low : low + _BATCH]
        cosines = some @ anchors.T
        which = np.argpartition(-cosines, near - 1, axis=1)[:, :near]
        distances = np.maximum(2 - 2 * np.take_along_axis(cosines, which, axis=1), 0)
        weights = _calibrated(distances, min(_NEAR_PERPLEXITY, near / 2))
        around = places[which]  # [b, near, m]
        there = np.einsum("bk,bkm->bm", weights, around)
        width = np.maximum(np.einsum("bk,bk->b", weights, ((around - there[:, None]) ** 2).sum(axis=2)), 1e-8)
        for _ in range(_SETTLING):
            far = ((around - there[:, None]) ** 2).sum(axis=2)
            pull = weights / (1 + 8 * far / width[:, None])
            there = np.einsum("bk,bkm->bm", pull, around) / pull.sum(axis=1, keepdims=True)
        closest = np.sqrt(
            np.sort(((around - there[:, None]) ** 2).sum(axis=2), axis=1)[:, : max(1, near // 6)].mean(axis=1)
        )
        rest = some - np.einsum("bk,bkd->bd", weights, anchors[which])
        aside = rest @ direction
        length = np.linalg.norm(rest, axis=1, keepdims=True)
        answer[low : low + _BATCH] = (
            there + 0.45 * closest[:, None] * np.tanh(aside / np.maximum(length, 1e-6)) * length
        )
    return answer


def _likeness(vectors: FloatMatrix) -> FloatMatrix:
    """Symmetric probabilities [n, n] that sum to 1."""
    distances = np.maximum(2 - 2 * (vectors @ vectors.T), 0)
    np.fill_diagonal(distances, np.inf)
    given = _calibrated(distances, min(_PERPLEXITY, (len(vectors) - 1) / 3))
    both: FloatMatrix = np.maximum((given + given.T) / (2 * len(vectors)), 1e-12).astype(np.float32)
    return both


def _calibrated(distances: npt.NDArray[np.floating], perplexity: float) -> FloatMatrix:
    """Weights [n, k] that sum to 1 over each row of squared distances, with the wanted perplexity."""
    target = np.log(max(perplexity, 1.01))
    least = np.min(distances, axis=1, keepdims=True)
    shifted = (distances - least).astype(np.float32)
    shifted[~np.isfinite(shifted)] = 1e6
    low, high = np.full((len(shifted), 1), 1e-3, np.float32), np.full((len(shifted), 1), 1e5, np.float32)
    weights = np.empty_like(shifted)
    for _ in range(24):
        beta = np.sqrt(low * high)
        np.exp(-beta * shifted, out=weights)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + beta * (weights * shifted).sum(axis=1, keepdims=True) / total
        wide = entropy > target
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
    normal: FloatMatrix = weights / total
    return normal


def _principal(vectors: FloatMatrix, dimensions: int) -> FloatMatrix:
    centred = vectors - vectors.mean(axis=0)
    if centred.shape[1] <= len(centred):
        _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        found = centred @ axes[:, ::-1][:, :dimensions]
    else:
        sizes, axes = np.linalg.eigh((centred @ centred.T).astype(np.float64))
        found = axes[:, ::-1][:, :dimensions] * np.sqrt(np.maximum(sizes[::-1][:dimensions], 0))
    found *= np.where(np.abs(found.max(axis=0)) < np.abs(found.min(axis=0)), -1, 1)  # signs are arbitrary
    missing = dimensions - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing))).astype(np.float32)


def _scaled(places: FloatMatrix) -> FloatMatrix:
    radius = float(np.quantile(np.linalg.norm(places, axis=1), 0.99))
    scaled: FloatMatrix = (places / max(radius, 1e-9)).astype(np.float32)
    return scaled
