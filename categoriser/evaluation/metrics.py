"""Scores of a grouping against known classes. Every image in Unsorted (None) counts as a category of its own.

Images whose class is not known (None) take no part. n_ij: images of category i and class j; n_i, n_j: its sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from categoriser.engine.quality import agreement

JUDGED = 5  # images; smaller categories and classes are neither counted nor judged

Labels = Sequence[str | None]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Agreement with known classes; all but the last two are 1 at best.

    accuracy: best one-to-one matching of categories to classes (Kuhn–Munkres), share of images in matched pairs.
    nmi: mutual information over the mean of both entropies. ari: pair counting, 0 for a random
    grouping (Hubert & Arabie 1985).
    bcubed_*: for each image the share of its category that is of its class (precision) and the share of its class that
    is in its category (recall), averaged over images; F is their harmonic mean (Bagga & Baldwin 1998).
    purity: Σ_i max_j n_ij / n; images in Unsorted are pure by definition, so read it beside ``unsorted``.
    """

    accuracy: float
    nmi: float
    ari: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f: float
    purity: float
    categories: int  # with at least 5 images of known class
    unsorted: float  # share of images


@dataclass(frozen=True, slots=True)
class Spawning:
    """How well categories stand for classes, among those with at least 5 images.

    precision: share of categories whose most frequent class makes up at least half of them and is not the most frequent
    class of a category that was spawned earlier. recall: share of classes that are the most frequent class of some
    category. A class in two categories costs precision, a class in none costs recall.
    """

    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images by category (row, largest first; the last row is Unsorted) and class (column, in the rows' order)."""

    categories: Sequence[str]
    classes: Sequence[str]
    counts: Counts  # [categories + 1, classes]


def scores(truth: Labels, found: Labels) -> Scores | None:
    """All scores of one grouping; None when no image has a known class."""
    classes, groups = _known(truth, found)
    if not classes:
        return None
    table = _table(classes, groups)
    inside = table.data.astype(np.float64)
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    category_sizes = np.asarray(table.sum(axis=1)).ravel()
    class_sizes = np.asarray(table.sum(axis=0)).ravel()
    precision = float((inside**2 / category_sizes[rows]).sum() / len(classes))
    recall = float((inside**2 / class_sizes[table.indices]).sum() / len(classes))
    known = agreement(classes, groups)
    return Scores(
        accuracy=known.accuracy,
        nmi=known.nmi,
        ari=known.ari,
        bcubed_precision=precision,
        bcubed_recall=recall,
        bcubed_f=2 * precision * recall / (precision + recall),
        purity=float(table.max(axis=1).toarray().sum() / len(classes)),
        categories=int(np.count_nonzero(category_sizes >= JUDGED)),
        unsorted=sum(group is None for group in groups) / len(groups),
    )


def spawning(truth: Labels, found: Labels, born: Mapping[str, int]) -> Spawning | None:
    """Spawn precision and recall; None when there is nothing to judge.

    Args:
        truth: class of each image.
        found: category of each image.
        born: a number for each category that grows in the order in which they were spawned.
    """
    table = confusion(truth, found)
    sorted_part = table.counts[:-1]
    large = [i for i in range(len(table.categories)) if sorted_part[i].sum() >= JUDGED]
    judged = {int(j) for j in np.flatnonzero(table.counts.sum(axis=0) >= JUDGED)}
    if not judged:
        return None
    good, taken = 0, set()
    for i in sorted(large, key=lambda i: born[table.categories[i]]):
        most = int(sorted_part[i].argmax())
        good += int(most not in taken and 2 * sorted_part[i, most] >= sorted_part[i].sum())
        taken.add(most)
    stands_for = {int(row.argmax()) for row in sorted_part if row.any()}
    return Spawning(precision=good / len(large) if large else 0.0, recall=len(judged & stands_for) / len(judged))


def represented(truth: Labels, found: Labels) -> set[str]:
    """Classes that make up at least half of some category."""
    table = confusion(truth, found)
    return {
        table.classes[int(row.argmax())] for row in table.counts[:-1] if 2 * row.max(initial=0) >= max(1, row.sum())
    }


def confusion(truth: Labels, found: Labels) -> Confusion:
    """Categories against classes; classes are ordered so that their bulk lies on the diagonal."""
    classes, groups = _known(truth, found)
    class_names, class_of = np.unique(np.array(classes, dtype=object).astype(str), return_inverse=True)
    names = sorted({group for group in groups if group is not None})
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names) + 1, len(class_names)), np.int64)
    row_of = np.array([len(names) if group is None else place[group] for group in groups], np.int64)
    np.add.at(counts, (row_of, class_of.astype(np.int64)), 1)
    order = np.argsort(-counts[:-1].sum(axis=1), kind="stable")
    counts = np.concatenate([counts[order], counts[-1:]])
    # a class stands where its largest share stands; those only in Unsorted come last
    home = np.argsort(
        counts.argmax(axis=0) + (1 - counts.max(axis=0) / np.maximum(1, counts.sum(axis=0))), kind="stable"
    )
    return Confusion([names[i] for i in order], [str(name) for name in class_names[home]], counts[:, home])


def order_agreement(one: Mapping[str, str | None], other: Mapping[str, str | None]) -> float:
    """Adjusted Rand index of two groupings of the same images, by image id; Unsorted images are singletons in both."""
    shared = [image_id for image_id in one if image_id in other]
    alone = [one[image_id] or f"unsorted {image_id}" for image_id in shared]
    return agreement(alone, [other[image_id] for image_id in shared]).ari


def _known(truth: Labels, found: Labels) -> tuple[list[str], list[str | None]]:
    pairs = [(name, group) for name, group in zip(truth, found, strict=True) if name is not None]
    return [name for name, _ in pairs], [group for _, group in pairs]


def _table(classes: Sequence[str], groups: Labels) -> sp.csr_array:
    """n_ij with a row for each Unsorted image."""
    own = [f"unsorted {i}" if group is None else f"category {group}" for i, group in enumerate(groups)]
    row_of = np.unique(own, return_inverse=True)[1]
    column_of = np.unique(np.asarray(classes), return_inverse=True)[1]
    return sp.coo_array((np.ones(len(own), np.int64), (row_of, column_of))).tocsr()
