"""Broad groups over categories: each category in one, the right ones together, and no flapping."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from categoriser.engine import Calibration, Grouping, Parameters
from categoriser.engine.hierarchy import Between, between, broad_groups
from tests.examples import examples

PARAMETERS = Parameters()
CALIBRATION = Calibration(middle=0.0, spread=0.1, contrast=5.0, veto=0.15, waiver=0.2, micro=0.35)


def two_levels(seed: int, kinds: int = 5, each: int = 5, size: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors in random order, with their class and the kind of their class."""
    rng = np.random.default_rng(seed)

    def unit(rows: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
        return scaled

    middles = unit(rng.normal(size=(kinds, 1, 64)))
    centres = unit(0.75 * middles + 0.6 * unit(rng.normal(size=(kinds, each, 64)))).reshape(-1, 64)
    classes = rng.permutation(np.repeat(np.arange(kinds * each), size))
    vectors = unit(centres[classes] + 0.85 * unit(rng.normal(size=(len(classes), 64)))).astype(np.float32)
    return vectors, classes, classes // each


def linked(weights: dict[tuple[int, int], float], sizes: list[float]) -> Between:
    """Categories that are all as alike as can be, with these links between them."""
    k = len(sizes)
    dense = np.zeros((k, k))
    for (i, j), weight in weights.items():
        dense[i, j] = dense[j, i] = weight
    counts = np.array(sizes)
    return Between(np.arange(k), sparse.csr_matrix(dense), counts[:, None] * np.array([[1.0, 0.0]]), counts)


def test_categories_of_one_kind_come_together_and_each_is_in_one_group() -> None:
    vectors, _, kinds = two_levels(1)
    grouping = Grouping(64)
    for start in range(0, len(vectors), 250):
        grouping.add(vectors[start : start + 250])
        grouping.run()
    found = between(grouping, grouping.micros.categories, {})
    answer = broad_groups(found, grouping.calibration, grouping.parameters, {}, 0)
    labels = grouping.labels
    assert set(answer) == set(labels[labels >= 0].tolist())
    assert len(set(answer.values())) < len(answer)
    filed = labels >= 0
    groups = [answer[number] for number in labels[filed].tolist()]
    assert adjusted_rand_score(kinds[filed], groups) > 0.8
    again = broad_groups(found, grouping.calibration, grouping.parameters, answer, max(answer.values()) + 1)
    assert again == answer  # nothing changed, so nothing changes


def test_unrelated_categories_stay_alone() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(32, dtype=np.float32)[:10]
    vectors = centres[rng.integers(0, 10, 600)] + 0.3 * rng.normal(size=(600, 32)).astype(np.float32) / np.sqrt(32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    grouping = Grouping(32)
    grouping.add(vectors)
    grouping.run()
    found = between(grouping, grouping.micros.categories, {})
    answer = broad_groups(found, grouping.calibration, grouping.parameters, {}, 5)
    assert sorted(answer.values()) == list(range(5, 15))


def test_links_that_would_not_join_two_groups_keep_them_together() -> None:
    # the pairs share 16 links of 36 each: 4/9, where half of all links ask for .6 to join and .42 to stay
    found = linked({(0, 1): 10.0, (2, 3): 10.0, (0, 2): 8.0, (1, 3): 8.0}, [5, 5, 5, 5])
    together = dict.fromkeys(range(4), 7)
    assert broad_groups(found, CALIBRATION, PARAMETERS, {}, 0) == {0: 0, 1: 0, 2: 1, 3: 1}
    assert broad_groups(found, CALIBRATION, PARAMETERS, together, 8) == together


def test_the_largest_piece_keeps_the_number_and_the_largest_group_gives_its_own() -> None:
    cut = linked({(0, 1): 10.0, (2, 3): 10.0}, [5, 5, 50, 5])
    assert broad_groups(cut, CALIBRATION, PARAMETERS, dict.fromkeys(range(4), 2), 3) == {0: 3, 1: 3, 2: 2, 3: 2}
    met = linked({(0, 1): 10.0, (2, 3): 10.0}, [5, 50, 5, 4])
    assert broad_groups(met, CALIBRATION, PARAMETERS, {0: 0, 1: 1, 2: 2}, 3) == {0: 1, 1: 1, 2: 2, 3: 2}


def test_categories_less_alike_than_random_pairs_never_join() -> None:
    found = linked({(0, 1): 10.0}, [5, 5])
    opposed = Between(found.numbers, found.links, np.array([[5.0, 0.0], [-5.0, 0.1]]), found.counts)
    assert len(set(broad_groups(opposed, CALIBRATION, PARAMETERS, {}, 0).values())) == 2


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(0, 12), known=st.integers(0, 12))
@settings(deadline=None, max_examples=examples(60))
def test_whatever_the_links_every_category_is_in_one_group_and_numbers_are_not_reused(
    seed: int, k: int, known: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.poisson(1.0, (k, k)) * rng.integers(0, 9, (k, k)), 1)
    counts = rng.integers(1, 60, k).astype(float)
    numbers = np.sort(rng.choice(40, k, replace=False))
    sums = rng.normal(size=(k, 3)) * counts[:, None]
    found = Between(numbers, sparse.csr_matrix(weights + weights.T), sums, counts)
    present = {number: int(rng.integers(0, 6)) for number in numbers.tolist()[:known]}
    answer = broad_groups(found, CALIBRATION, PARAMETERS, present, 9)
    assert set(answer) == set(numbers.tolist())
    fresh = {group for group in answer.values() if group not in present.values()}
    assert fresh == set(range(9, 9 + len(fresh)))


def test_moves_count_as_if_they_were_made() -> None:
    vectors, _, _ = two_levels(2, kinds=2, each=2)
    grouping = Grouping(64)
    grouping.add(vectors)
    grouping.run()
    micros = np.flatnonzero((grouping.micros.categories >= 0) & (grouping.micros.counts > 0))
    target = int(micros[0])
    other = np.flatnonzero(grouping.labels != grouping.micros.categories[target])[:7]
    moves = dict.fromkeys(other.tolist(), target)
    foreseen = between(grouping, grouping.micros.categories, moves)
    grouping.change({}, moves)
    made = between(grouping, grouping.micros.categories, {})
    assert foreseen.numbers.tolist() == made.numbers.tolist()
    assert (foreseen.links != made.links).nnz == 0
    np.testing.assert_allclose(foreseen.sums, made.sums, atol=1e-4)
    assert foreseen.counts.tolist() == made.counts.tolist()


def test_a_category_that_lost_its_last_image_has_no_group() -> None:
    vectors, classes, _ = two_levels(4, kinds=2, each=2)
    grouping = Grouping(64)
    grouping.add(vectors)
    grouping.run()
    last = int(grouping.labels.max())
    grouping.remove(np.flatnonzero(grouping.labels == last))
    found = between(grouping, grouping.micros.categories, {})
    assert last not in found.numbers.tolist()
    grouping.remove(np.arange(len(classes)))
    empty = between(grouping, grouping.micros.categories, {})
    assert broad_groups(empty, grouping.calibration, grouping.parameters, {last: 3}, 4) == {}
