"""Scores with values worked out by hand, and what must hold for any grouping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from categoriser.evaluation.metrics import Scores, confusion, order_agreement, represented, scores, spawning
from categoriser.evaluation.shape import shape

groupings = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["a", "b", "c", None])), min_size=2, max_size=40)


def scored(truth: list[str | None], found: list[str | None]) -> Scores:
    result = scores(truth, found)
    assert result is not None
    return result


def test_values_worked_out_by_hand() -> None:
    # category a: x x y, category b: y, one x in Unsorted
    result = scored(["x", "x", "y", "y", "x"], ["a", "a", "a", "b", None])
    assert result.accuracy == pytest.approx(3 / 5)  # a ↔ x, b ↔ y
    assert result.purity == pytest.approx((2 + 1 + 1) / 5)
    assert result.bcubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert result.bcubed_recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 2 + 1 / 2 + 1 / 3) / 5)
    assert result.unsorted == pytest.approx(1 / 5)
    # pairs together in both: 1; in categories: 3; in classes: 3 + 1; of all: 10
    expected = 3 * 4 / 10
    assert result.ari == pytest.approx((1 - expected) / ((3 + 4) / 2 - expected))


def test_images_of_no_known_class_take_no_part() -> None:
    assert scores(["x", "y", None], ["a", "b", "a"]) == scores(["x", "y"], ["a", "b"])
    assert scores([None], ["a"]) is None
    assert scores([], []) is None


@given(groupings)
def test_the_order_of_images_and_the_names_of_categories_do_not_matter(pairs: list[tuple[str, str | None]]) -> None:
    renamed = {"a": "9", "b": "a", "c": "b", None: None}
    one = scored([name for name, _ in pairs], [group for _, group in pairs])
    other = scored([name for name, _ in reversed(pairs)], [renamed[group] for _, group in reversed(pairs)])
    assert [getattr(one, name) for name in Scores.__slots__] == pytest.approx(
        [getattr(other, name) for name in Scores.__slots__]
    )


@given(st.lists(st.sampled_from("xyz"), min_size=1, max_size=40))
def test_the_true_grouping_scores_one(truth: list[str]) -> None:
    result = scored(list(truth), [f"category of {name}" for name in truth])
    for name in ("accuracy", "nmi", "ari", "bcubed_precision", "bcubed_recall", "bcubed_f", "purity"):
        assert getattr(result, name) == pytest.approx(1)


@given(groupings)
def test_scores_are_in_their_ranges(pairs: list[tuple[str, str | None]]) -> None:
    result = scored([name for name, _ in pairs], [group for _, group in pairs])
    for name in ("accuracy", "nmi", "bcubed_precision", "bcubed_recall", "bcubed_f", "purity", "unsorted"):
        assert 0 <= getattr(result, name) <= 1 + 1e-9
    assert -1 <= result.ari <= 1 + 1e-9


def test_a_second_category_of_a_class_costs_precision_and_a_class_without_one_costs_recall() -> None:
    truth: list[str | None] = ["x"] * 12 + ["y"] * 6 + ["z"] * 5 + ["w"] * 2
    found: list[str | None] = ["k-0"] * 6 + ["k-1"] * 6 + ["k-2"] * 6 + [None] * 5 + ["k-3"] * 2
    result = spawning(truth, found, {"k-0": 0, "k-1": 1, "k-2": 2, "k-3": 3})
    assert result is not None
    assert result.precision == pytest.approx(2 / 3)  # k-1 is the second of x; k-3 is too small to be judged
    assert result.recall == pytest.approx(2 / 3)  # z has none; w is too small


def test_a_category_without_a_majority_is_no_good_spawn() -> None:
    truth: list[str | None] = ["x"] * 3 + ["y"] * 2 + ["z"] * 2
    result = spawning([*truth, *["x"] * 3], ["k-0"] * 7 + [None] * 3, {"k-0": 0})
    assert result is not None
    assert result.precision == 0
    assert result.recall == 1


def test_a_class_is_represented_once_it_is_half_of_a_category() -> None:
    assert represented(["x", "x", "y", "y", "y"], ["a", "a", "a", "b", None]) == {"x", "y"}
    assert represented(["x", "y", "z"], ["a", "a", "a"]) == set()
    assert represented(["x"], [None]) == set()


def test_the_confusion_matrix_counts_every_image_once_and_ends_with_unsorted() -> None:
    table = confusion(["x", "y", "y", "y", "x"], ["a", "b", "b", "a", None])
    assert list(table.categories) == ["a", "b"]
    column = list(table.classes).index("y")
    assert table.counts[:, column].tolist() == [1, 2, 0]
    assert table.counts[:, 1 - column].tolist() == [1, 0, 1]


def test_orders_are_compared_on_the_images_they_share() -> None:
    one = {"1": "a", "2": "a", "3": "b", "4": None}
    assert order_agreement(one, {"1": "k", "2": "k", "3": "l", "4": None, "5": "k"}) == pytest.approx(1)
    assert order_agreement(one, {"1": "k", "2": "l", "3": "k", "4": "l"}) < 0.5


def test_tight_separate_categories_have_a_good_shape_and_unsorted_takes_no_part() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(3, 8)
    vectors = np.repeat(centres, 10, axis=0) + rng.normal(0, 0.02, (30, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found: list[str | None] = [f"k-{i // 10}" for i in range(30)]
    good = shape(vectors, found)
    assert not isinstance(good, str)
    assert good.silhouette > 0.95
    assert good.davies_bouldin < 0.2
    found[0] = None
    less = shape(vectors, found)
    assert not isinstance(less, str)
    assert less.images == 29


@pytest.mark.parametrize("found", [["a", "a", None], [None, None, None], ["a", "b", "c"]])
def test_too_few_categories_are_a_sentence(found: list[str | None]) -> None:
    assert isinstance(shape(np.eye(3, dtype=np.float32), found), str)
