"""One run of local surgery on a grouping: split, merge / absorb / spawn, refine. Categories keep their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse

from categoriser.domain import FloatMatrix, IntVector
from categoriser.engine.agglomerate import Groups, Thresholds, agglomerate
from categoriser.engine.calibrate import Calibration
from categoriser.engine.micros import UNSORTED
from categoriser.engine.parameters import Parameters


@dataclass(slots=True)
class Surgery:
    """What a run did to the categories, in order; numbers are category numbers."""

    spawned: list[int] = field(default_factory=list)
    split: list[tuple[int, int]] = field(default_factory=list)  # parent, child
    merged: list[tuple[int, list[int]]] = field(default_factory=list)  # winner, losers


@dataclass(slots=True)
class Snapshot:
    """The n images that weigh, densely numbered, and the m micro-clusters."""

    vectors: FloatMatrix  # [n, d]
    neighbours: npt.NDArray[np.int32]  # [n, k] dense numbers, -1 where there is none
    cosines: FloatMatrix  # [n, k]
    micro_of: IntVector  # [n]
    sums: FloatMatrix  # [m, d]
    counts: npt.NDArray[np.float64]  # [m]
    categories: IntVector  # [m]

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.micro_of)

    def links(self, floor: float | None = None) -> sparse.csr_matrix:
        """Symmetrised neighbour lists [n, n] as 0/1/2 counts, of neighbours with cosine ≥ ``floor`` only."""
        present = self.neighbours >= 0
        if floor is not None:
            present &= self.cosines >= floor
        row = np.nonzero(present)[0]
        one = sparse.csr_matrix((np.ones(len(row)), (row, self.neighbours[present])), shape=(self.size, self.size))
        return (one + one.T).tocsr()


def regroup(
    snapshot: Snapshot, calibration: Calibration, parameters: Parameters, next_number: int
) -> tuple[IntVector, Surgery, int]:
    """Split and merge categories.

    Returns the category of each micro-cluster [m], what was done, and the next free category number.
    """
    m = len(snapshot.counts)
    n = snapshot.size
    membership = sparse.csr_matrix((np.ones(n), (np.arange(n), snapshot.micro_of)), shape=(n, m))
    graph = (membership.T @ snapshot.links() @ membership).tocsr()
    volumes = np.asarray(graph.sum(axis=1)).ravel()
    live = np.flatnonzero(snapshot.counts > 0)
    categories = snapshot.categories.copy()
    surgery = Surgery()
    least = parameters.spawn_size if n >= parameters.tiny else 2

    shrink, relief = parameters.young_hysteresis if n <= parameters.mature else parameters.mature_hysteresis
    kept_together = Thresholds(
        share=parameters.share * shrink,
        modularity=parameters.modularity * shrink,
        waived_share=parameters.waived_share * shrink,
        veto=calibration.veto - relief * calibration.spread,
        waiver=calibration.waiver - relief * calibration.spread,
    )
    total = float(volumes.sum())
    for category in np.unique(categories[categories >= 0]).tolist():
        members = live[categories[live] == category]
        if len(members) < 2:
            continue
        inside = Groups(
            links=graph[members][:, members],
            sums=snapshot.sums[members].astype(np.float64),
            counts=snapshot.counts[members],
            volumes=volumes[members],
            total=total,
        )
        pieces = agglomerate(inside, kept_together)
        _, piece = np.unique(pieces, return_inverse=True)
        sizes = np.bincount(piece, weights=snapshot.counts[members])
        for which in np.argsort(-sizes, kind="stable")[1:].tolist():
            if sizes[which] >= max(least, parameters.piece_size):
                categories[members[piece == which]] = next_number
                surgery.split.append((category, next_number))
                next_number += 1
            else:  # crumbs: the merge step puts them where they belong
                categories[members[piece == which]] = UNSORTED

    key = np.where(categories >= 0, categories, next_number + np.arange(m))[live]
    nodes, node = np.unique(key, return_inverse=True)
    gather = sparse.csr_matrix((np.ones(len(live)), (live, node)), shape=(m, len(nodes)))
    sizes = np.bincount(node, weights=snapshot.counts[live]).astype(np.float64)
    whole = Groups(
        links=(gather.T @ graph @ gather).tocsr(),
        sums=gather.T @ snapshot.sums.astype(np.float64),
        counts=np.asarray(sizes, np.float64),
        volumes=np.bincount(node, weights=volumes[live]).astype(np.float64),
        total=total,
    )
    joined = Thresholds(
        share=parameters.share,
        modularity=parameters.modularity,
        waived_share=parameters.waived_share,
        veto=calibration.veto,
        waiver=calibration.waiver,
    )
    groups = agglomerate(whole, joined)
    first_new = next_number
    answer = np.full(len(nodes), UNSORTED, np.int64)
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        old = [which for which in members.tolist() if nodes[which] < first_new]
        if old:
            winner = max(old, key=lambda which: sizes[which])
            answer[members] = nodes[winner]
            if len(old) > 1:
                surgery.merged.append((int(nodes[winner]), [int(nodes[which]) for which in old if which != winner]))
        elif sizes[members].sum() >= least:
            answer[members] = next_number
            surgery.spawned.append(next_number)
            next_number += 1
    result = np.full(m, UNSORTED, np.int64)
    result[live] = answer[node]
    return result, surgery, next_number


def refine(
    snapshot: Snapshot, categories: IntVector, calibration: Calibration, parameters: Parameters, used: int
) -> IntVector:
    """Where images would rather be: the wanted category of each image [n], its present one where it is content.

    An image moves when both its neighbours' votes, per member a category could offer, and its average similarity prefer
    another category. ``used`` is the list length in use.
    """
    present = categories[snapshot.micro_of]
    numbers = np.unique(present[present >= 0])
    if not len(numbers):
        return present
    n, k = snapshot.size, len(numbers)
    label = np.where(present >= 0, np.searchsorted(numbers, present), -1)
    links = snapshot.links(calibration.veto)
    for _ in range(parameters.refine_passes):
        filed = np.flatnonzero(label >= 0)
        sizes = np.bincount(label[filed], minlength=k)
        indicator = sparse.csr_matrix((np.ones(len(filed)), (filed, label[filed])), shape=(n, k))
        votes = (links @ indicator @ sparse.diags(1 / np.clip(sizes, 1, 2 * used))).tocsr()
        own = np.where(label >= 0, np.asarray(votes[np.arange(n), np.maximum(label, 0)]).ravel(), 0)
        most, best = _best_per_row(votes)
        sums = indicator.T.tocsr() @ snapshot.vectors
        wish = np.flatnonzero((most > parameters.refine_gain * own) & (best != label))
        old, new, vectors = label[wish], best[wish], snapshot.vectors[wish]
        there = np.einsum("ij,ij->i", vectors, sums[new]) / np.maximum(sizes[new], 1)
        others = (np.einsum("ij,ij->i", vectors, sums[np.maximum(old, 0)]) - 1) / np.maximum(sizes[old] - 1, 1)
        here = np.where((old >= 0) & (sizes[old] > 1), others, -np.inf)
        wish = wish[(there > here) & (there >= calibration.veto)]
        label[wish] = best[wish]
    return np.where(label >= 0, numbers[np.maximum(label, 0)], UNSORTED)


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
