"""Results that differ from each other: maximal marginal relevance [Carbonell & Goldstein 1998].

The greedy choice of the next result maximises (1 − λ) · relevance − λ · its greatest likeness to one chosen before.
Chosen from as many candidates as are wanted it only puts them into another order, so callers pass a larger pool. Both
parts are brought to the same width first: cosines of a query with its best results differ by a few hundredths, those of
the results among each other by much more, and without that any λ between 0 and 1 would mean nearly 1.
"""

from __future__ import annotations

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector, IntVector


def diverse(scores: FloatVector, vectors: FloatMatrix, wanted: int, diversity: float) -> IntVector:
    """Places of up to ``wanted`` of n candidates in the order of choice, the best score first.

    Args:
        scores: [n], of each candidate.
        vectors: [n, d] unit vectors.
        wanted: results.
        diversity: λ in [0, 1]; 0 keeps the order of scores.
    """
    number = len(scores)
    if not number:
        return np.empty(0, np.int64)
    alike = vectors @ vectors.T
    worth = _spread_out(scores.astype(np.float64))
    off_diagonal = alike[~np.eye(number, dtype=bool)].astype(np.float64)
    low = float(off_diagonal.min()) if len(off_diagonal) else 0.0
    width = (float(off_diagonal.max()) - low if len(off_diagonal) else 0.0) or 1.0
    likeness = (alike.astype(np.float64) - low) / width
    chosen = [int(np.argmax(worth))]
    nearest = likeness[chosen[0]].copy()
    free = np.ones(number, bool)
    free[chosen[0]] = False
    while len(chosen) < min(wanted, number):
        gain = np.where(free, (1 - diversity) * worth - diversity * nearest, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return np.array(chosen, np.int64)


def _spread_out(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) / ((high - low) or 1.0)
