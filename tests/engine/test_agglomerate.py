"""Joining groups: cut by ranks, veto and waiver by cosine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from categoriser.engine.agglomerate import Groups, Thresholds, agglomerate

RULES = Thresholds(share=0.1, modularity=1.2, waived_share=0.05, veto=0.3, waiver=0.8)


def groups(links: list[list[float]], cosine: float) -> Groups:
    """Groups of ten images whose centroids have the same cosine to each other; links within a group count too."""
    m = len(links)
    table = np.array(links, float)
    gram = np.full((m, m), cosine) + (1 - cosine) * np.eye(m)
    sums = 10 * np.linalg.cholesky(gram)
    return Groups(sparse.csr_matrix(table), sums, np.full(m, 10.0), table.sum(axis=1), float(table.sum()))


PAIRS = [[80, 50, 0, 1], [50, 80, 1, 0], [0, 1, 80, 50], [1, 0, 50, 80]]


def test_well_linked_groups_join_and_others_do_not() -> None:
    found = agglomerate(groups(PAIRS, 0.5), RULES)
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[0] != found[2]


def test_no_more_alike_than_random_pairs_is_a_veto() -> None:
    assert len(set(agglomerate(groups(PAIRS, 0.2), RULES).tolist())) == 4


def test_a_forbidden_pair_never_joins() -> None:
    named = replace(groups(PAIRS, 0.5), names={0: {10}, 1: {11}}, enemies={10: {11}, 11: {10}})
    found = agglomerate(named, RULES)
    assert found[0] != found[1]
    assert found[2] == found[3]


def test_enemies_do_not_meet_in_a_third_group_either() -> None:
    links = [[80, 50, 50], [50, 80, 1], [50, 1, 80]]
    rules = replace(RULES, modularity=0.0)
    assert len(set(agglomerate(groups(links, 0.5), rules).tolist())) == 1
    named = replace(groups(links, 0.5), names={0: {10}, 1: {11}, 2: {12}}, enemies={11: {12}, 12: {11}})
    found = agglomerate(named, rules)
    assert found[1] != found[2]
    assert found[0] in (found[1], found[2])


@pytest.mark.parametrize(("cosine", "joined"), [(0.9, True), (0.5, False)])
def test_linked_groups_stay_apart_when_their_true_means_differ(cosine: float, joined: bool) -> None:
    found = agglomerate(groups(PAIRS, cosine), replace(RULES, waiver=2.0, likeness=1.0))
    assert bool(found[0] == found[1]) is joined


@pytest.mark.parametrize(("cosine", "joined"), [(0.9, True), (0.6, False)])
def test_few_links_suffice_only_for_the_very_alike(cosine: float, joined: bool) -> None:
    weak = [[93, 7, 0], [7, 93, 0], [0, 0, 200]]
    found = agglomerate(groups(weak, cosine), RULES)
    assert bool(found[0] == found[1]) is joined


@pytest.mark.parametrize(("images", "joined"), [(10.0, True), (4.0, False)])
def test_few_links_suffice_for_those_whose_true_means_agree(images: float, joined: bool) -> None:
    weak = groups([[93, 7, 0], [7, 93, 0], [0, 0, 200]], 0.6)
    weak = replace(weak, sums=weak.sums * images / 10, counts=np.full(3, images))
    loose = replace(RULES, typical=0.5)  # the groups hold together no better than they fit each other
    assert agglomerate(weak, loose)[0] != agglomerate(weak, loose)[1]
    found = agglomerate(weak, replace(loose, same=0.6))
    assert bool(found[0] == found[1]) is joined


def test_a_large_group_has_to_attract_in_proportion_to_its_size() -> None:
    links = [[400, 12], [12, 60]]  # a sixth of the small group's links, but the large one has most of all links
    assert len(set(agglomerate(groups(links, 0.5), RULES).tolist())) == 2
    assert len(set(agglomerate(groups(links, 0.5), replace(RULES, modularity=0.0)).tolist())) == 1
