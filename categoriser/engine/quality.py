"""What can be said about a grouping: cohesion and exemplars of categories, and scores against known classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from categoriser.domain import IntVector
from categoriser.engine.grouping import Grouping


@dataclass(frozen=True, slots=True)
class Described:
    """A category as of now. ``cohesion``: mean pairwise cosine in [-1, 1]; None for a single image."""

    cohesion: float | None
    exemplars: Sequence[int]  # rows, most typical first, from different micro-clusters as far as there are


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement with known classes, 1 at best: Hungarian accuracy, normalised mutual information, adjusted Rand."""

    accuracy: float
    nmi: float
    ari: float


def describe_categories(
    grouping: Grouping, exemplars: int, numbers: Collection[int] | None = None
) -> dict[int, Described]:
    """Every category with images that weigh, or those of ``numbers``, by number.

    Cohesion is exact and free from the micro-clusters' sums: (‖S‖² − n) / (n(n − 1)). The most typical image is the one
    with the largest average similarity x·S/n to the others.
    """
    rows = np.flatnonzero(grouping.active)
    labels = grouping.labels[rows]
    wanted = labels >= 0 if numbers is None else np.isin(labels, list(numbers))
    rows, labels = rows[wanted], labels[wanted]
    if not len(rows):
        return {}
    order = np.argsort(labels, kind="stable")
    rows, labels = rows[order], labels[order]
    present, starts = np.unique(labels, return_index=True)
    micro_of, matrix = grouping.micro_of, grouping.rows.matrix
    answer = {}
    for number, members in zip(present.tolist(), np.split(rows, starts[1:]), strict=True):
        n = len(members)
        micros = np.flatnonzero((grouping.micros.categories == number) & (grouping.micros.counts > 0))
        total = grouping.micros.sums[micros].astype(np.float64).sum(axis=0)
        typical = members[np.argsort(-(matrix[members] @ total.astype(np.float32)), kind="stable")]
        answer[number] = Described(
            cohesion=float((total @ total - n) / (n * (n - 1))) if n > 1 else None,
            exemplars=_spread(typical, micro_of[typical], exemplars),
        )
    return answer


def agreement(truth: Sequence[str], found: Sequence[str | None]) -> Agreement:
    """Scores of a grouping against known classes; every Unsorted image (None) counts as a category of its own.

    Accuracy: best one-to-one matching of categories to classes (Kuhn–Munkres).
    """
    # only benchmarks and the demo come here, and these imports would double the start of every command
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score  # noqa: PLC0415
    from sklearn.metrics.cluster import contingency_matrix  # noqa: PLC0415

    own = [f"unsorted {i}" if name is None else f"category {name}" for i, name in enumerate(found)]
    table = contingency_matrix(truth, own)
    left, right = linear_sum_assignment(-table)
    return Agreement(
        accuracy=float(table[left, right].sum() / max(1, len(own))),
        nmi=float(normalized_mutual_info_score(truth, own)),
        ari=float(adjusted_rand_score(truth, own)),
    )


def _spread(typical: IntVector, micros: npt.NDArray[np.int32], wanted: int) -> list[int]:
    """The most typical rows, the first of each micro-cluster before a second of any."""
    _, first = np.unique(micros, return_index=True)
    chosen: list[int] = typical[np.sort(first)][:wanted].tolist()
    for row in typical.tolist():
        if len(chosen) >= min(wanted, len(typical)):
            break
        if row not in chosen:
            chosen.append(row)
    return chosen
