"""A run for a collection whose number of categories a person gave: spherical k-means, with identities kept.

Micro-clusters go where most of their images belong, single images that belong elsewhere move, and what is like none of
the groups stays Unsorted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from categoriser.domain import FloatMatrix, IntVector
from categoriser.engine.micros import UNSORTED

if TYPE_CHECKING:
    from categoriser.engine.grouped import Grouped
from categoriser.engine.proposing import Proposal

_RESTARTS = 20
_ROUNDS = 50
_BETTER = 1.01  # a grouping from scratch has to fit so many times better than the present one
_UNLIKE = 0.12  # cosine to the own group's centre below which an image belongs to none


def told(grouping: Grouped, wanted: int) -> Proposal:
    """What a run would change if there are to be ``wanted`` categories; fewer while there are fewer images."""
    proposal = grouping.propose()
    rows = np.flatnonzero(grouping.active)
    if len(rows) < max(wanted, 2):
        return proposal
    vectors = grouping.rows.matrix[rows]
    own = grouping.micro_of[rows].astype(np.int64)
    present = proposal.settled[own]
    groups = _grouped(vectors, present, wanted)
    numbers, next_category = _kept(groups, present, wanted, grouping.next_category)
    labels = np.where(groups >= 0, numbers[groups], UNSORTED)
    pinned = grouping.rules.pinned
    after = proposal.before.copy()
    order = np.argsort(own, kind="stable")
    micros, starts = np.unique(own[order], return_index=True)
    for micro, members in zip(micros.tolist(), np.split(order, starts[1:]), strict=True):
        if micro not in pinned:
            found, counts = np.unique(labels[members], return_counts=True)
            after[micro] = found[np.argmax(counts)]
    moves = {}
    for place in np.flatnonzero((after[own] != labels) & (labels >= 0)).tolist():
        row, category = int(rows[place]), int(labels[place])
        there = np.flatnonzero((after == category) & (grouping.micros.counts > 0))
        if int(own[place]) not in grouping.rules.bound and len(there):
            moves[row] = grouping.micros.closest(there.tolist(), vectors[place], -np.inf)[0]
    return replace(proposal, after=after, moves=moves, next_category=next_category, checked={})


def _grouped(vectors: FloatMatrix, present: IntVector, wanted: int) -> IntVector:
    """Group of each image, -1 for none. Categories that are there already in the wanted number are begun with."""
    known = np.unique(present[present >= 0])
    rng = np.random.default_rng(wanted)
    starts = [_spread(vectors, wanted, rng) for _ in range(_RESTARTS)]
    groups, centres, fit = max((_settled(vectors, start) for start in starts), key=lambda found: found[2])
    if len(known) == wanted:
        centred = np.stack([vectors[present == number].sum(axis=0) for number in known])
        kept = _settled(vectors, centred)
        if fit < _BETTER * kept[2]:
            groups, centres, _ = kept
    like = np.einsum("ij,ij->i", vectors, centres[groups])
    return np.where(like >= _UNLIKE, groups, -1)


def _spread(vectors: FloatMatrix, wanted: int, rng: np.random.Generator) -> FloatMatrix:
    """Images far from each other [Arthur & Vassilvitskii 2007]."""
    chosen = [int(rng.integers(len(vectors)))]
    far = 1 - vectors @ vectors[chosen[0]]
    for _ in range(wanted - 1):
        weight = np.maximum(far, 0.0).astype(np.float64)
        total = weight.sum()
        following = int(rng.choice(len(vectors), p=weight / total) if total > 0 else rng.integers(len(vectors)))
        chosen.append(following)
        far = np.minimum(far, 1 - vectors @ vectors[following])
    return vectors[chosen]


def _settled(vectors: FloatMatrix, centres: FloatMatrix) -> tuple[IntVector, FloatMatrix, float]:
    groups: IntVector = np.full(len(vectors), -1, np.int64)
    like = np.empty((0, 0), np.float32)
    for _ in range(_ROUNDS):
        centres = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        like = vectors @ centres.T
        following = like.argmax(axis=1)
        if (following == groups).all():
            break
        groups = following
        sums = np.zeros_like(centres)
        np.add.at(sums, groups, vectors)
        empty = np.bincount(groups, minlength=len(centres)) == 0
        sums[empty] = vectors[np.argsort(like.max(axis=1))[: np.count_nonzero(empty)]]  # begin anew with the oddest
        centres = sums
    return groups, centres, float(like.max(axis=1).sum())


def _kept(groups: IntVector, present: IntVector, wanted: int, next_category: int) -> tuple[IntVector, int]:
    """Category number of each group: that of the category it has most images of, else a new one."""
    known = np.unique(present[present >= 0])
    shared = np.zeros((wanted, len(known)), np.int64)
    for column, number in enumerate(known.tolist()):
        members = groups[(present == number) & (groups >= 0)]
        shared[:, column] = np.bincount(members, minlength=wanted)
    numbers: IntVector = np.full(wanted, -1, np.int64)
    for group, match in zip(*linear_sum_assignment(-shared), strict=True):
        if shared[group, match]:
            numbers[group] = known[match]
    for fresh in np.flatnonzero(numbers < 0).tolist():
        if (groups == fresh).any():
            numbers[fresh] = next_category
            next_category += 1
    return numbers, next_category
