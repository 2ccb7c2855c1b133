"""Cuts a category in two where it is most unlike itself."""

from __future__ import annotations

import numpy as np

from categoriser.domain import IntVector
from categoriser.engine.micros import MicroClusters

_ROUNDS = 20


def halves(micros: MicroClusters, category: int) -> tuple[IntVector, IntVector] | None:
    """Micro-clusters of the larger and the smaller part: spherical 2-means from the two extremes.

    None when the category has fewer than two micro-clusters.
    """
    members = np.flatnonzero((micros.categories == category) & (micros.counts > 0))
    if len(members) < 2:
        return None
    sums, counts = micros.sums[members].astype(np.float64), micros.counts[members]
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    first = int(np.argmin(means @ sums.sum(axis=0)))
    second = int(np.argmin(means @ means[first]))
    if second == first:  # all alike
        second = (first + 1) % len(members)
    side = (means @ means[second] > means @ means[first]).astype(np.int64)
    side[first], side[second] = 0, 1
    for _ in range(_ROUNDS):
        centres = np.stack([sums[side == which].sum(axis=0) for which in (0, 1)])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        following = np.argmax(means @ centres.T, axis=1)
        if (following == side).all() or len(set(following.tolist())) < 2:
            break
        side = following
    larger = int(counts[side == 1].sum() > counts[side == 0].sum())
    return members[side == larger], members[side != larger]
