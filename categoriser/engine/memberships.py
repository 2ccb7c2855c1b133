"""The categories that an image is between, from its neighbour links."""

from __future__ import annotations

import numpy as np

from categoriser.engine.grouping import Grouping
from categoriser.engine.micros import UNSORTED

MOST = 3  # categories of an image, its own included
LEAST_SCORE = 0.1
LEAST_LINKS = 2  # one neighbour is an accident


def memberships(grouping: Grouping, row: int) -> list[tuple[int, float]]:
    """Category numbers with scores, its own first whatever its score, then up to two others, best first.

    The score of a category is the share of the image's informative neighbours that are there, each weighted by how far
    its cosine stands above the median of random pairs; in [0, 1], and at most 1 for all together, as neighbours in
    Unsorted count too. An image in Unsorted has up to two categories, and none of its own.
    """
    head = int(grouping.head_of[row])
    if head >= 0:  # a near-duplicate has no neighbours of its own
        row = head
    near, cosines = grouping.lists.ids[row, : grouping.used], grouping.lists.cosines[row, : grouping.used]
    informed = (near >= 0) & (cosines >= grouping.calibration.veto)
    numbers = np.array([grouping.label(one) for one in near[informed].tolist()], np.int64)
    weights = np.maximum(cosines[informed].astype(np.float64) - grouping.calibration.middle, 1e-9)
    links: dict[int, int] = {}
    scores: dict[int, float] = {}
    for number, weight in zip(numbers.tolist(), (weights / max(float(weights.sum()), 1e-12)).tolist(), strict=True):
        links[number] = links.get(number, 0) + 1
        scores[number] = scores.get(number, 0.0) + weight
    own = grouping.label(row)
    others = [
        (number, min(score, 1.0))
        for number, score in scores.items()
        if number not in (own, UNSORTED) and score >= LEAST_SCORE and links[number] >= LEAST_LINKS
    ]
    others.sort(key=lambda one: (-one[1], one[0]))
    mine = [] if own == UNSORTED else [(own, min(scores.get(own, 0.0), 1.0))]
    return mine + others[: MOST - 1]
