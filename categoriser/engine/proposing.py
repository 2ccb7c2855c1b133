"""What a run would change, found without changing anything. Its cost grows with what is new (``docs/engine.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from categoriser.domain import IntVector
from categoriser.engine.calibrate import Calibration, calibrate
from categoriser.engine.micros import UNSORTED
from categoriser.engine.neighbours import NOBODY
from categoriser.engine.regroup import Snapshot, refine, regroup

if TYPE_CHECKING:
    from categoriser.engine.grouped import Grouped

_FEWEST = 6  # images; with less nothing is proposed


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a run would change. Numbers of categories from ``Grouping.next_category`` on would be new."""

    calibration: Calibration
    before: IntVector  # [micro-clusters] category now
    after: IntVector  # [micro-clusters] category then
    moves: Mapping[int, int]  # row → micro-cluster that it would join
    next_category: int
    checked: Mapping[int, int] = field(default_factory=dict)  # category → first row for which it was not looked into
    tentative: frozenset[int] = frozenset()  # micro-clusters that it decides anew about, as if they were Unsorted

    @property
    def settled(self) -> IntVector:
        """[micro-clusters] category now, UNSORTED for tentative ones."""
        found = self.before.copy()
        found[list(self.tentative)] = UNSORTED
        return found


def propose(grouping: Grouped) -> Proposal:
    """Calibrate, split, merge, absorb, spawn, refine."""
    before, sure = grouping.micros.categories.copy(), grouping.micros.settled
    tentative = frozenset(np.flatnonzero(grouping.micros.tentative).tolist())
    if grouping.weighing < _FEWEST:
        return Proposal(grouping.calibration, before, before, {}, grouping.next_category)
    parameters, lists = grouping.parameters, grouping.lists
    rows = np.flatnonzero(grouping.active)
    snapshot = _snapshot(grouping, rows)
    rank = min(parameters.micro_rank - 1, grouping.weighing - 2)
    calibration = calibrate(
        snapshot.vectors,
        lists.cosines[rows, 0],
        lists.cosines[rows, rank],
        lists.cosines[rows, -1],
        dial=grouping.dial,
        parameters=parameters,
        rng=np.random.default_rng(grouping.weighing),
    )
    since = np.zeros(grouping.next_category + 1, np.int64)  # the last entry answers for Unsorted
    since[list(grouping.checked)] = list(grouping.checked.values())
    new = rows >= since[sure[snapshot.micro_of]]
    settled = _settled(grouping, snapshot, new)
    after, next_category = regroup(snapshot, calibration, parameters, grouping.next_category, grouping.rules, settled)
    asked = _stirred(snapshot, new, after, settled)
    wanted = refine(snapshot, after, calibration, parameters, grouping.used, asked)
    present, micro_of, moves = after[snapshot.micro_of], grouping.micro_of, {}
    for i in np.flatnonzero((wanted != present) & (wanted >= 0)).tolist():
        micro = _fitting(grouping, micro_of, int(rows[i]), int(wanted[i]), after)
        if micro >= 0:
            moves[int(rows[i])] = micro
    won = (sure >= 0) & (after >= 0) & (sure != after) & (grouping.micros.counts > 0)
    mixed = set(np.unique(after[won]).tolist()) & set(np.unique(sure).tolist())  # to be looked into again
    checked = dict.fromkeys(frozenset(np.unique(after).tolist()) - settled - {UNSORTED}, grouping.length)
    checked |= dict.fromkeys(mixed, 0)
    return Proposal(calibration, before, after, moves, next_category, checked, tentative)


def _snapshot(grouping: Grouped, rows: IntVector) -> Snapshot:
    lists, micros, used = grouping.lists, grouping.micros, grouping.used
    dense = np.full(grouping.length + 1, NOBODY, np.int32)  # the last entry answers for NOBODY
    dense[rows] = np.arange(len(rows), dtype=np.int32)
    matrix = grouping.rows.matrix
    return Snapshot(
        vectors=matrix if len(rows) == len(matrix) else matrix[rows],
        neighbours=dense[lists.ids[rows, :used]],
        cosines=lists.cosines[rows, :used],
        micro_of=grouping.micro_of[rows].astype(np.int64),
        sums=micros.sums,
        counts=micros.counts.astype(np.float64),
        categories=micros.settled,
    )


def _settled(grouping: Grouped, snapshot: Snapshot, new: npt.NDArray[np.bool_]) -> frozenset[int]:
    """Categories that hardly grew since they were last looked at: a run does not look into them again."""
    parameters = grouping.parameters
    if grouping.weighing <= parameters.mature:
        return frozenset()
    labels = snapshot.categories[snapshot.micro_of]
    sizes = np.bincount(labels[labels >= 0], minlength=grouping.next_category)
    grown = np.bincount(labels[new & (labels >= 0)], minlength=grouping.next_category)
    clean = grown < np.maximum(parameters.dirty_images, parameters.dirty_share * sizes)
    return frozenset(np.flatnonzero(clean & (sizes > 0)).tolist())


def _stirred(snapshot: Snapshot, new: npt.NDArray[np.bool_], after: IntVector, settled: frozenset[int]) -> IntVector:
    """Images [of the snapshot] that may want to move.

    Those outside settled categories, newcomers, and those whose category or whose neighbour's category changes.
    """
    if not settled:
        return np.arange(snapshot.size)
    labels = snapshot.categories[snapshot.micro_of]
    moving = np.append(labels != after[snapshot.micro_of], False)  # the last entry answers for NOBODY
    stirred = moving[:-1] | new | ~np.isin(labels, list(settled))
    if moving.any():
        stirred |= moving[snapshot.neighbours].any(axis=1)
        named = snapshot.neighbours[moving[:-1]]
        stirred[named[named >= 0]] = True
    return np.flatnonzero(stirred)


def _fitting(grouping: Grouped, micro_of: npt.NDArray[np.int32], row: int, category: int, categories: IntVector) -> int:
    """The closest micro-cluster of a category among the neighbours'; NOBODY for none, or by the rules."""
    if int(micro_of[row]) in grouping.rules.bound:
        return NOBODY
    near = grouping.lists.ids[row]
    numbers = np.unique(micro_of[near[near >= 0]])
    numbers = numbers[(categories[numbers] == category) & (grouping.micros.counts[numbers] > 0)]
    if not len(numbers):
        return NOBODY
    return grouping.micros.closest(numbers.tolist(), grouping.rows.matrix[row], -np.inf)[0]
