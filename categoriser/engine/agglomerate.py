"""Best-first joining of groups: ranks decide where to cut, the cosine bulk vetoes and waives."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse

from categoriser.domain import IntVector

_PRIOR_PAIRS = 5.0  # pairs that the typical neighbour cosine counts for in a group's cohesion
_LEAST = 1e-3  # of cohesion and likeness: a group of strangers is still a group
_PROVEN = 5.0  # images from which likeness alone can say that two groups are one class
_REVIEW = 1.1  # growth of a group after which vetoed partners are looked at again


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares of links in [0, 1]; ``veto`` and ``waiver`` are average cosines between two groups.

    ``middle`` is the median cosine of random pairs, ``typical`` that of neighbours, ``likeness`` an exponent ≥ 0; from
    ``same`` on two groups are so like each other that few links are enough.
    """

    share: float
    modularity: float
    waived_share: float
    veto: float
    waiver: float
    middle: float = 0.0
    typical: float = 1.0
    likeness: float = 0.0
    same: float = 2.0


@dataclass(slots=True)
class Groups:
    """What is to be joined: m groups of images.

    Attributes:
        links: [m, m] symmetric link counts.
        sums: [m, d] vector sums.
        counts: [m] images.
        volumes: [m] links of each group, those leaving the m groups included.
        total: all links of the collection.
        names: group → what ``enemies`` knows it by, where it knows it.
        enemies: name → names that must never be in one group with it, both ways.
    """

    links: sparse.csr_matrix
    sums: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]
    volumes: npt.NDArray[np.float64]
    total: float
    names: Mapping[int, AbstractSet[int]] = field(default_factory=dict)
    enemies: Mapping[int, AbstractSet[int]] = field(default_factory=dict)


def agglomerate(groups: Groups, thresholds: Thresholds) -> IntVector:
    """Join groups while any pair deserves it; returns for each of the m groups the index of the group it ended in.

    With e(A,B) the links between two groups, vol the links of a group to anybody and V all links, a pair may join when
    its average similarity S_A·S_B/(n_A n_B) is at least ``veto`` and its share e/min(vol) is at least
    max(share, modularity · max(vol)/V): a normalised cut, and the gain condition of Newman's modularity. Below that, a
    share of ``waived_share`` is enough when the average similarity reaches ``waiver``. The share counts times the
    likeness of the two groups: the cosine of their true means beyond the bulk, to the power ``likeness``. A likeness of
    ``same`` waives as the average similarity does.
    """
    return _Joining(groups, thresholds).result()


class _Joining:
    def __init__(self, groups: Groups, thresholds: Thresholds) -> None:
        m = len(groups.counts)
        self.thresholds = thresholds
        # few groups are in any pair of enemies: their names and enemies are gathered as they join
        self.names = {i: set(names) for i, names in groups.names.items()}
        self.enemies = {
            i: set().union(*(groups.enemies.get(one, ()) for one in names)) for i, names in self.names.items()
        }
        self.total = groups.total
        self.sums = list(groups.sums)
        self.count: list[float] = groups.counts.tolist()
        self.volume: list[float] = groups.volumes.tolist()
        self.cohesion = [self._cohesion(i) for i in range(m)]
        self.parent = list(range(m))
        self.refused: list[set[int]] = [set() for _ in range(m)]  # partners vetoed so far
        self.reviewed = list(self.count)  # size of a group when its refused partners were last looked at
        self.near: list[dict[int, float]] = [{} for _ in range(m)]
        graph = groups.links.tocoo()
        for i, j, weight in zip(graph.row.tolist(), graph.col.tolist(), graph.data.tolist(), strict=True):
            if i != j:
                self.near[i][j] = weight
        self.heap: list[tuple[float, int, int]] = []

    def result(self) -> IntVector:
        for i, near in enumerate(self.near):
            for j in near:
                if i < j:
                    self._push(i, j)
        while self.heap:
            negative, i, j = heapq.heappop(self.heap)
            if self.parent[i] != i or self.parent[j] != j:
                continue
            # a pair whose own links did not change only falls in rank while its groups grow, so an old entry is an
            # upper bound: look again, and put it back where it belongs
            rank = self._rank(i, j)
            if rank < -negative - 1e-12:
                self._push(i, j)
                continue
            similarity = float(self.sums[i] @ self.sums[j]) / (self.count[i] * self.count[j])
            likeness = self._likeness(i, j, similarity)
            rank *= likeness**self.thresholds.likeness
            if rank < -negative - 1e-12:
                heapq.heappush(self.heap, (-rank, i, j))
            elif self._allowed(i, j, rank, similarity, likeness):
                self._join(i, j)
        return np.array([self._root(i) for i in range(len(self.parent))], np.int64)

    def _rank(self, i: int, j: int) -> float:
        """How clearly the pair's links say that it should join, 1 being just enough; 0 when it never can."""
        small, large = self.volume[i], self.volume[j]
        if small > large:
            small, large = large, small
        share = self.near[i][j] / max(small, 1e-9)
        if share < self.thresholds.waived_share:
            return 0.0
        return share / max(self.thresholds.share, self.thresholds.modularity * large / self.total)

    def _push(self, i: int, j: int) -> None:
        rank = self._rank(i, j)
        if rank > 0:
            heapq.heappush(self.heap, (-rank, i, j))

    def _cohesion(self, i: int) -> float:
        """Mean cosine within a group beyond the bulk; few pairs say little, so neighbours at large count too."""
        n, total = self.count[i], self.sums[i]
        twice = float(total @ total) - n + 2 * _PRIOR_PAIRS * self.thresholds.typical
        return max(twice / (n * (n - 1) + 2 * _PRIOR_PAIRS) - self.thresholds.middle, _LEAST)

    def _likeness(self, i: int, j: int, similarity: float) -> float:
        """In (0, 1]: noise takes as much from the cosines within groups as between, so it cancels out."""
        cosine = (similarity - self.thresholds.middle) / math.sqrt(self.cohesion[i] * self.cohesion[j])
        return min(max(cosine, _LEAST), 1.0)

    def _allowed(self, i: int, j: int, rank: float, similarity: float, likeness: float) -> bool:
        waived = similarity >= self.thresholds.waiver or (
            likeness >= self.thresholds.same and min(self.count[i], self.count[j]) >= _PROVEN
        )
        if similarity < self.thresholds.veto or not (rank >= 1 or waived):
            self.refused[i].add(j)
            self.refused[j].add(i)
            return False
        return not (i in self.enemies and j in self.names and self.enemies[i] & self.names[j])

    def _join(self, i: int, j: int) -> None:
        if self.volume[i] < self.volume[j]:
            i, j = j, i
        self.parent[j] = i
        if j in self.names:
            self.names.setdefault(i, set()).update(self.names.pop(j))
            self.enemies.setdefault(i, set()).update(self.enemies.pop(j))
        self.volume[i] += self.volume[j]
        self.count[i] += self.count[j]
        self.sums[i] = self.sums[i] + self.sums[j]
        self.cohesion[i] = self._cohesion(i)
        gained = self.near[j]
        del gained[i], self.near[i][j]
        for other, weight in gained.items():
            self.near[i][other] = self.near[other][i] = self.near[i].get(other, 0) + weight
            del self.near[other][j]
        self.near[j] = {}
        again = set(gained)
        if self.count[i] >= _REVIEW * self.reviewed[i]:  # its mean has moved: what it was refused may fit now
            again |= self.refused[i]
            self.reviewed[i], self.refused[i] = self.count[i], set()
        for other in again:
            if other in self.near[i]:
                self._push(min(i, other), max(i, other))

    def _root(self, group: int) -> int:
        while self.parent[group] != group:
            group = self.parent[group]
        return group
