"""One run of local surgery on a grouping: split, merge / absorb / spawn, refine. Categories keep their numbers."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from categoriser.domain import FloatMatrix, IntVector
from categoriser.engine.agglomerate import Groups, Thresholds, agglomerate
from categoriser.engine.calibrate import Calibration
from categoriser.engine.micros import UNSORTED
from categoriser.engine.parameters import Parameters
from categoriser.engine.rules import NO_RULES, Rules
from categoriser.engine.sums import Sums


@dataclass(slots=True)
class Snapshot:
    """The n images that weigh, densely numbered, and the m micro-clusters."""

    vectors: FloatMatrix  # [n, d]
    neighbours: npt.NDArray[np.int32]  # [n, k] dense numbers, -1 where there is none
    cosines: FloatMatrix  # [n, k]
    micro_of: IntVector  # [n]
    sums: Sums  # of the m
    counts: npt.NDArray[np.float64]  # [m]
    categories: IntVector  # [m]

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.micro_of)

    def links(self) -> tuple[IntVector, IntVector]:
        """The ends of every entry of the neighbour lists: images whose list it is, and whom it names."""
        present = self.neighbours >= 0
        start: IntVector = np.repeat(np.arange(self.size), np.count_nonzero(present, axis=1))
        return start, self.neighbours[present].astype(np.int64)


def regroup(
    snapshot: Snapshot,
    calibration: Calibration,
    parameters: Parameters,
    next_number: int,
    rules: Rules = NO_RULES,
    settled: AbstractSet[int] = frozenset(),
) -> tuple[IntVector, int]:
    """Split and merge categories: the category of each micro-cluster [m], and the next free category number.

    ``settled``: categories that need not be looked into.
    """
    return _Regrouping(snapshot, calibration, parameters, next_number, rules).result(settled)


class _Regrouping:
    def __init__(
        self, snapshot: Snapshot, calibration: Calibration, parameters: Parameters, next_number: int, rules: Rules
    ) -> None:
        n, m = snapshot.size, len(snapshot.counts)
        start, end = (snapshot.micro_of[side] for side in snapshot.links())
        self.ends = start, end  # of all links, one way: micro-clusters
        self.volumes = (np.bincount(start, minlength=m) + np.bincount(end, minlength=m)).astype(np.float64)
        self.total = float(self.volumes.sum())
        self.live = np.flatnonzero(snapshot.counts > 0)
        self.sums, self.counts = snapshot.sums, snapshot.counts
        self.categories = snapshot.categories.copy()
        self.calibration, self.parameters = calibration, parameters
        self.next_number = self.first_number = next_number
        self.least = parameters.spawn_size if n >= parameters.tiny else 2
        self.hysteresis = parameters.young_hysteresis if n <= parameters.mature else parameters.mature_hysteresis
        self.typical = float(np.median(snapshot.cosines[snapshot.neighbours >= 0]))
        self.likeness = parameters.likeness * min(max(calibration.contrast - parameters.likeness_from, 0.0), 1.0)
        self.rules = rules
        self.enemies = rules.enemies()

    def result(self, settled: AbstractSet[int]) -> tuple[IntVector, int]:
        before = self.categories.copy()
        thresholds = self._thresholds(*self.hysteresis)
        present = np.unique(self.categories[self.categories >= 0]).tolist()
        open_ones = [one for one in present if one not in self.rules.whole and one not in settled]
        inside = self._inside(open_ones)
        for category in open_ones:
            self._split(category, inside, thresholds)
        self._stay(before)
        self._merge()
        self._stay(before)
        return self.categories, self.next_number

    def _stay(self, before: IntVector) -> None:
        """Pinned micro-clusters stay where they were, whatever became of those around them."""
        pinned = [micro for micro in self.rules.pinned if micro < len(before)]
        self.categories[pinned] = before[pinned]

    def _thresholds(self, shrink: float = 1.0, relief: float = 0.0) -> Thresholds:
        """For joining; to stay together less will do: ``shrink`` times the shares, ``relief`` σ off the floors."""
        return Thresholds(
            share=self.parameters.share * shrink,
            modularity=self.parameters.modularity * shrink,
            waived_share=self.parameters.waived_share * shrink,
            veto=self.calibration.veto - relief * self.calibration.spread,
            waiver=self.calibration.waiver - relief * self.calibration.spread,
            middle=self.calibration.middle,
            typical=self.typical,
            likeness=self.likeness,
            same=self.parameters.same if self.calibration.waives else 2.0,
        )

    def _inside(self, open_ones: list[int]) -> sparse.csr_matrix:
        """Links [m, m] within each of these categories."""
        of = self.categories
        wanted = np.zeros(self.next_number + 1, np.bool_)  # the last entry answers for Unsorted
        wanted[open_ones] = True
        start, end = self.ends
        kept = (of[start] == of[end]) & wanted[of[start]]
        return _symmetric(start[kept], end[kept], len(of))

    def _split(self, category: int, graph: sparse.csr_matrix, thresholds: Thresholds) -> None:
        """Join a category's micro-clusters from scratch: pieces that stay apart become categories of their own."""
        members = self.live[self.categories[self.live] == category]
        if len(members) < 2:
            return
        links = graph[members]  # all within the category, so that only the numbers have to change
        place = np.full(len(self.counts), -1, np.int64)
        place[members] = np.arange(len(members))
        inside = Groups(
            links=sparse.csr_matrix((links.data, place[links.indices], links.indptr), shape=(len(members),) * 2),
            sums=self.sums[members].astype(np.float64),
            counts=self.counts[members],
            volumes=self.volumes[members],
            total=self.total,
        )
        _, piece = np.unique(agglomerate(inside, thresholds), return_inverse=True)
        sizes = np.bincount(piece, weights=self.counts[members])
        for which in np.argsort(-sizes, kind="stable")[1:].tolist():  # the largest keeps the number
            if sizes[which] >= max(self.least, self.parameters.piece_size):
                self.categories[members[piece == which]] = self.next_number
                self.next_number += 1
            else:  # crumbs: the merge step puts them where they belong
                self.categories[members[piece == which]] = UNSORTED

    def _merge(self) -> None:
        """Join categories and Unsorted micro-clusters: merge, absorb and spawn."""
        m, live, first_new = len(self.counts), self.live, self.next_number
        key = np.where(self.categories >= 0, self.categories, first_new + np.arange(m))[live]
        nodes, node = np.unique(key, return_inverse=True)  # below first_new: a category; else one micro-cluster
        node_of = np.full(m, -1, np.int64)
        node_of[live] = node
        start, end = (node_of[side] for side in self.ends)
        between = start != end
        sizes = np.bincount(node, weights=self.counts[live]).astype(np.float64)
        whole = Groups(
            links=_symmetric(start[between], end[between], len(nodes)),
            sums=self.sums.totals(live, node, len(nodes)).astype(np.float64),
            counts=sizes,
            volumes=np.bincount(node, weights=self.volumes[live]).astype(np.float64),
            total=self.total,
            names=self._names(nodes, node),
            enemies=self.enemies,
        )
        groups = agglomerate(whole, self._thresholds())
        answer = np.full(len(nodes), UNSORTED, np.int64)
        order = np.argsort(groups, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
            old = [which for which in members.tolist() if nodes[which] < first_new]
            if old:
                winner = max(old, key=lambda which: self._claim(int(nodes[which]), float(sizes[which])))
                answer[members] = nodes[winner]
            elif sizes[members].sum() >= self.least:
                answer[members] = self.next_number
                self.next_number += 1
        self.categories = np.full(m, UNSORTED, np.int64)
        self.categories[live] = answer[node]

    def _claim(self, category: int, size: float) -> tuple[bool, bool, float]:
        """Whose number wins: a person's, then one that is known already, then the largest's."""
        return category in self.rules.held, category < self.first_number, size

    def _names(self, nodes: IntVector, node: IntVector) -> dict[int, set[int]]:
        """What the rules know the nodes by: categories, and the rejected micro-clusters in them."""
        if not self.enemies:
            return {}
        names = {which: {int(key)} for which, key in enumerate(nodes.tolist()) if key in self.enemies}
        place = dict(zip(self.live.tolist(), node.tolist(), strict=True))
        for micro, _ in self.rules.rejected:
            if micro in place:
                names.setdefault(place[micro], set()).add(-2 - micro)
        return names


def _symmetric(start: IntVector, end: IntVector, size: int) -> sparse.csr_matrix:
    """Numbers of links [size, size], counted both ways."""
    one = sparse.csr_matrix((np.ones(len(start)), (start, end)), shape=(size, size))
    return (one + one.T).tocsr()


def refine(
    snapshot: Snapshot,
    categories: IntVector,
    calibration: Calibration,
    parameters: Parameters,
    used: int,
    asked: IntVector | None = None,
) -> IntVector:
    """Where images would rather be: the wanted category of each image [n], its present one where it is content.

    An image moves when both its neighbours' votes, per member a category could offer, and its average similarity prefer
    another category. ``used`` is the list length in use; ``asked`` are the images that may move, all without it.
    """
    present = categories[snapshot.micro_of]
    numbers = np.unique(present[present >= 0])
    if not len(numbers):
        return present
    n, k = snapshot.size, len(numbers)
    asked = np.arange(n) if asked is None else asked
    label = np.where(present >= 0, np.searchsorted(numbers, present), -1)
    filed_micros = np.flatnonzero((categories >= 0) & (snapshot.counts > 0))
    owner = np.searchsorted(numbers, categories[filed_micros])
    sums = snapshot.sums.totals(filed_micros, owner, k).astype(np.float64)
    links = _links_of(asked, snapshot, calibration.veto)
    for _ in range(parameters.refine_passes):
        filed = np.flatnonzero(label >= 0)
        sizes = np.bincount(label[filed], minlength=k)
        indicator = sparse.csr_matrix((np.ones(len(filed)), (filed, label[filed])), shape=(n, k))
        votes = (links @ indicator @ sparse.diags(1 / np.clip(sizes, 1, 2 * used))).tocsr()
        now = label[asked]
        own = np.where(now >= 0, np.asarray(votes[np.arange(len(asked)), np.maximum(now, 0)]).ravel(), 0)
        most, best = _best_per_row(votes)
        wish = np.flatnonzero((most > parameters.refine_gain * own) & (best != now))
        old, new, vectors = now[wish], best[wish], snapshot.vectors[asked[wish]].astype(np.float64)
        there = np.einsum("ij,ij->i", vectors, sums[new]) / np.maximum(sizes[new], 1)
        others = (np.einsum("ij,ij->i", vectors, sums[np.maximum(old, 0)]) - 1) / np.maximum(sizes[old] - 1, 1)
        here = np.where((old >= 0) & (sizes[old] > 1), others, -np.inf)
        moves = np.flatnonzero((there > here) & (there >= calibration.veto))
        if not len(moves):
            break
        label[asked[wish[moves]]] = new[moves]
        np.add.at(sums, new[moves], vectors[moves])
        left = moves[old[moves] >= 0]
        np.subtract.at(sums, old[left], vectors[left])
    return np.where(label >= 0, numbers[np.maximum(label, 0)], UNSORTED)


def _links_of(asked: IntVector, snapshot: Snapshot, floor: float) -> sparse.csr_matrix:
    """Links of some images to all, both ways, [len(asked), n], of neighbours with cosine ≥ ``floor`` only."""
    place = np.full(snapshot.size, -1, np.int64)
    place[asked] = np.arange(len(asked))
    near = np.where(snapshot.cosines >= floor, snapshot.neighbours, -1)
    start, column = np.nonzero(near[asked] >= 0)
    out = near[asked][start, column]
    naming, column = np.nonzero((near >= 0) & (place[near] >= 0))
    rows = np.concatenate([start, place[near[naming, column]]])
    columns = np.concatenate([out, naming])
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(asked), snapshot.size))


def _best_per_row(votes: sparse.csr_matrix) -> tuple[npt.NDArray[np.float64], IntVector]:
    """Largest value of each row and its column, the first of equals (the oldest category); 0 and 0 for empty rows."""
    votes.sort_indices()
    most, best = np.zeros(votes.shape[0]), np.zeros(votes.shape[0], np.int64)
    filled = np.flatnonzero(np.diff(votes.indptr))
    if len(filled):
        most[filled] = np.maximum.reduceat(votes.data, votes.indptr[filled])
        row = np.repeat(np.arange(votes.shape[0]), np.diff(votes.indptr))
        at = np.flatnonzero(votes.data == most[row])[::-1]  # the first of equals is written last
        best[row[at]] = votes.indices[at]
    return most, best
