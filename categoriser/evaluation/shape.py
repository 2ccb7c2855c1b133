"""What can be said about a grouping without classes: how compact and how separate its categories are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from categoriser.domain import FloatMatrix

SILHOUETTE_IMAGES = 5000  # drawn at random from more: all pairs are needed


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the images in categories of at least two; those in Unsorted take no part.

    silhouette: (b - a) / max(a, b) with cosine distances, in [-1, 1], 1 at best (Rousseeuw 1987).
    calinski_harabasz: variance between over variance within categories of unit vectors, more is better.
    davies_bouldin: mean over categories of the worst ratio of spreads to distance, 0 at best.
    """

    silhouette: float
    calinski_harabasz: float
    davies_bouldin: float
    images: int


def shape(vectors: FloatMatrix, found: Sequence[str | None], *, seed: int = 0) -> Shape | str:
    """Label-free scores of unit vectors [n, d] by category; a sentence where there is nothing to compare."""
    # imported here: it takes a second, and every command imports this module
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score  # noqa: PLC0415

    sizes = Counter(found)
    keep = np.array([i for i, group in enumerate(found) if group is not None and sizes[group] > 1], np.int64)
    labels = np.unique([str(found[i]) for i in keep], return_inverse=True)[1]
    if not len(keep) or labels.max() < 1 or labels.max() + 1 >= len(keep):
        return "There are fewer than two categories to compare."
    chosen = keep
    own = labels
    if len(keep) > SILHOUETTE_IMAGES:
        some = np.random.default_rng(seed).choice(len(keep), SILHOUETTE_IMAGES, replace=False)
        chosen, own = keep[some], labels[some]
    kept = vectors[keep]
    return Shape(
        silhouette=float(silhouette_score(vectors[chosen], own, metric="cosine")),
        calinski_harabasz=float(calinski_harabasz_score(kept, labels)),
        davies_bouldin=float(davies_bouldin_score(kept, labels)),
        images=len(keep),
    )
