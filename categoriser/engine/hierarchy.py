"""Broad groups over categories: whose images are taken for each other's, joined at the broad end of the dial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from categoriser.domain import FloatMatrix, IntVector
from categoriser.engine.agglomerate import Groups, Thresholds, agglomerate
from categoriser.engine.calibrate import Calibration
from categoriser.engine.grouping import Grouping
from categoriser.engine.parameters import DIAL, Parameters


@dataclass(frozen=True, slots=True)
class Between:
    """The K categories that have images, and the neighbour links that lead from one to another."""

    numbers: IntVector  # [K] ascending
    links: sparse.csr_matrix  # [K, K] symmetric counts, nothing on the diagonal
    sums: npt.NDArray[np.float64]  # [K, d]
    counts: npt.NDArray[np.float64]  # [K] images


def between(grouping: Grouping, categories: IntVector, moves: Mapping[int, int]) -> Between:
    """What lies between categories as they would be.

    Args:
        grouping: images, their neighbour lists and micro-clusters.
        categories: [micro-clusters] category of each.
        moves: row → micro-cluster that it would be in.
    """
    micro_of = grouping.micro_of.astype(np.int64)
    rows = np.flatnonzero(grouping.active)
    sources = micro_of[list(moves)]
    micro_of[list(moves)] = list(moves.values())
    labels = np.append(np.where(micro_of >= 0, categories[micro_of], -1), -1)  # the last answers for nobody
    numbers = np.unique(labels[rows])
    numbers = numbers[numbers >= 0]
    # empty micro-clusters may point to categories without images; the last place answers for Unsorted
    place = np.full(int(categories.max(initial=-1)) + 2, -1, np.int32)
    place[numbers] = np.arange(len(numbers), dtype=np.int32)
    dense = place[labels]
    own = np.repeat(dense[rows], grouping.used)
    other = dense[grouping.lists.ids[rows, : grouping.used].ravel()]
    leaving = (own >= 0) & (other >= 0) & (own != other)
    shape = (len(numbers), len(numbers))
    one_way = sparse.csr_matrix((np.ones(np.count_nonzero(leaving)), (own[leaving], other[leaving])), shape=shape)
    sums, counts = _totals(grouping, place[categories], len(numbers))
    if moves:
        _carry(sums, counts, grouping.rows.matrix[list(moves)], place[categories[sources]], dense[list(moves)])
    return Between(numbers, (one_way + one_way.T).tocsr(), sums, counts)


def broad_groups(
    found: Between, calibration: Calibration, parameters: Parameters, present: Mapping[int, int], next_group: int
) -> dict[int, int]:
    """The group of every category, by numbers; a category that goes with no other is a group of its own.

    Two groups join when the links between them exceed γ times what chance would put there, given how many links leave
    each (the modularity of the links that leave categories), unless their images are less alike than random pairs.
    Groups keep their numbers: what is together needs less to stay so than to come together, the largest piece of a
    group keeps its number, and the largest of those that join gives its own.

    Args:
        found: categories, and what lies between them.
        calibration: of the collection.
        parameters: of the engine.
        present: category → group now, of those that have one.
        next_group: first number of new groups.
    """
    k = len(found.numbers)
    volumes = np.asarray(found.links.sum(axis=1), np.float64).ravel()
    group = np.array([present.get(number, -1) for number in found.numbers.tolist()], np.int64)
    piece, keeps = np.arange(k), group.copy()  # piece of each category, by its first member; number a piece keeps
    shrink, relief = parameters.mature_hysteresis
    loose = _thresholds(calibration, parameters, shrink, relief)
    for number in np.unique(group[group >= 0]).tolist():
        members = np.flatnonzero(group == number)
        if len(members) < 2:
            continue
        piece[members] = members[agglomerate(_groups(found, volumes, members), loose)]
        sizes = np.bincount(piece[members], weights=found.counts[members], minlength=k)
        keeps[members] = np.where(piece[members] == sizes.argmax(), number, -1)
    heads, at = np.unique(piece, return_inverse=True)
    gather = sparse.csr_matrix((np.ones(k), (at, np.arange(k))), shape=(len(heads), k))
    joined = agglomerate(
        Groups(
            links=(gather @ found.links @ gather.T).tocsr(),
            sums=np.asarray(gather @ found.sums),
            counts=np.asarray(gather @ found.counts),
            volumes=np.asarray(gather @ volumes),
            total=max(float(volumes.sum()), 1.0),
        ),
        _thresholds(calibration, parameters),
    )
    return _numbered(found, joined[at], piece, keeps, next_group)


def _numbered(found: Between, joined: IntVector, piece: IntVector, keeps: IntVector, next_group: int) -> dict[int, int]:
    """Give every joined set the number of its largest piece that has one, else a new one."""
    sizes = np.bincount(piece, weights=found.counts, minlength=len(piece))
    numbered: dict[int, int] = {}
    answer = {}
    for which, category in enumerate(found.numbers.tolist()):
        into = int(joined[which])
        if into not in numbered:
            old = np.flatnonzero((joined == into) & (keeps >= 0))
            if len(old):
                numbered[into] = int(keeps[old[np.argmax(sizes[piece[old]])]])
            else:
                numbered[into], next_group = next_group, next_group + 1
        answer[category] = numbered[into]
    return answer


def _groups(found: Between, volumes: npt.NDArray[np.float64], members: IntVector) -> Groups:
    return Groups(
        links=found.links[members][:, members],
        sums=found.sums[members],
        counts=found.counts[members],
        volumes=volumes[members],
        total=max(float(volumes.sum()), 1.0),
    )


def _thresholds(
    calibration: Calibration, parameters: Parameters, shrink: float = 1.0, relief: float = 0.0
) -> Thresholds:
    """No share of its links is too small for a category to go with others: most of them stay inside it."""
    z = parameters.veto_z_least + DIAL["broad"] - relief
    return Thresholds(
        share=0.0,
        modularity=parameters.modularity * shrink,
        waived_share=0.0,
        veto=calibration.middle + z * calibration.spread,
        waiver=2.0,
    )


def _totals(
    grouping: Grouping, place: npt.NDArray[np.int32], k: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    micros = np.flatnonzero((place >= 0) & (grouping.micros.counts > 0))
    counts = np.bincount(place[micros], weights=grouping.micros.counts[micros], minlength=k)
    return grouping.micros.sums.totals(micros, place[micros], k).astype(np.float64), counts.astype(np.float64)


def _carry(
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
    vectors: FloatMatrix,
    old: npt.NDArray[np.int32],
    new: npt.NDArray[np.int32],
) -> None:
    """Take single images from the totals of one category to those of another."""
    for side, sign in ((old, -1), (new, 1)):
        filed = side >= 0
        np.add.at(sums, side[filed], sign * vectors[filed])
        np.add.at(counts, side[filed], sign)
