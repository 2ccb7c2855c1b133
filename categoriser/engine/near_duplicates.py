"""Groups of images that are nearly the same, from the neighbour lists.

A group is a star: every member is that like its *first* image. Following links from member to member instead would
chain pictures together that have little in common with each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix


def stars(
    ids: npt.NDArray[np.int32], cosines: FloatMatrix, active: npt.NDArray[np.bool_], least: float
) -> dict[int, list[int]]:
    """First row of each group → its other rows, in order of arrival.

    Args:
        ids: [n, k] neighbours of each row, NOBODY (below 0) where there are fewer.
        cosines: [n, k].
        active: [n] rows that take part.
        least: cosine of every member with the first.
    """
    row, place = np.nonzero((cosines >= least) & (ids >= 0))
    other = ids[row, place].astype(np.int64)
    both = active[row] & active[other]
    # a list may be full where the other's is not: each pair counts from both ends
    early, late = np.minimum(row, other)[both], np.maximum(row, other)[both]
    pairs = np.unique(np.stack([early, late], axis=1), axis=0)
    taken = np.zeros(len(active), bool)
    groups: dict[int, list[int]] = {}
    for first, second in pairs.tolist():  # by first row, then by second
        if taken[second] or (taken[first] and first not in groups):
            continue
        groups.setdefault(first, []).append(second)
        taken[first] = taken[second] = True
    return groups
