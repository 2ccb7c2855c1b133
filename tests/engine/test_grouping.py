"""What a grouping promises, whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from categoriser.engine import NOBODY, UNSORTED, Grouping
from categoriser.engine.quality import agreement, describe_categories
from tests.examples import examples

from .conftest import clustered


def grow(grouping: Grouping, vectors: np.ndarray, *, batch: int = 64, every: int = 100) -> None:
    """Add vectors in batches with a run after each ``every``."""
    for start in range(0, len(vectors), every):
        part = vectors[start : start + every]
        for low in range(0, len(part), batch):
            grouping.add(part[low : low + batch])
        grouping.run()


def check(grouping: Grouping) -> None:
    """Everything that must hold at any moment."""
    active = np.flatnonzero(grouping.active)
    matrix, micros = grouping.rows.matrix, grouping.micros
    own = grouping.micro_of[active]
    assert grouping.weighing == len(active)
    assert (np.bincount(own, minlength=micros.length) == micros.counts).all()
    sums = np.zeros((micros.length, matrix.shape[1]))
    np.add.at(sums, own, matrix[active])
    np.testing.assert_allclose(micros.sums[np.arange(micros.length)], sums, atol=1e-3)
    np.testing.assert_allclose(micros.norms, np.linalg.norm(sums, axis=1), atol=2e-3)
    ids, cosines = grouping.lists.ids[active], grouping.lists.cosines[active]
    there = ids >= 0
    assert np.isin(ids[there], active).all(), "a list names an image that left or is stacked"
    assert (ids != active[:, None]).all(), "a list names its own image"
    assert (np.diff(cosines, axis=1) <= 1e-6).all(), "a list is not sorted"
    rows, places = np.nonzero(there)
    exact = np.einsum("ij,ij->i", matrix[active[rows]], matrix[ids[rows, places]])
    np.testing.assert_allclose(cosines[rows, places], exact, atol=1e-4)
    labels = grouping.labels
    assert ((labels >= 0) & (labels < max(1, grouping.next_category)) | (labels == UNSORTED)).all()
    heads = grouping.head_of
    stacked = np.flatnonzero(heads >= 0)
    assert grouping.active[heads[stacked]].all(), "stacked on an image that does not weigh"
    assert (labels[stacked] == labels[heads[stacked]]).all()
    assert not grouping.active[: grouping.first_active].any(), "a row that weighs lies before the first one"
    if len(active):
        queries = matrix[active[:: max(1, len(active) // 3)]]
        _, nearest = grouping.neighbours(queries, 5)
        best = -np.sort(-(queries @ matrix[active].T), axis=1)[:, :5]
        np.testing.assert_allclose(nearest[:, : best.shape[1]], best, atol=1e-4)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(st.sampled_from(["add", "twins", "remove", "oldest", "run"]), max_size=14),
)
def test_everything_adds_up_after_any_sequence(seed: int, steps: list[str]) -> None:
    rng = np.random.default_rng(seed)
    vectors, _ = clustered(seed, 5, 80, 12, 0.5)
    grouping, arrived, used = Grouping(12), 0, 0
    for step in ["add", *steps]:
        before = grouping.next_category
        if step == "add":
            size = int(rng.integers(1, 60))
            grouping.add(vectors[arrived % 300 : arrived % 300 + size])
            arrived += size
        elif step == "twins":
            grouping.add(vectors[:10], lambda _place, near, cosines: int(near[0]) if cosines[0] > 0.999 else NOBODY)
        elif step == "remove":
            present = np.flatnonzero(grouping.micro_of >= 0)
            if len(present):
                grouping.remove(rng.choice(present, int(rng.integers(1, min(20, len(present)) + 1)), replace=False))
        elif step == "oldest":  # what most collections that do not grow for ever do
            grouping.remove(grouping.present()[: int(rng.integers(1, 60))])
        else:
            grouping.run()
        assert grouping.next_category >= before
        used = max(used, grouping.next_category)
        check(grouping)


def test_a_batch_is_filed_like_single_images() -> None:
    vectors, _ = clustered(3, 6, 70, 24, 0.6)
    one, many = Grouping(24), Grouping(24)
    for start in range(0, 420, 60):
        for vector in vectors[start : start + 60]:
            one.add(vector[None])
        many.add(vectors[start : start + 60])
        assert (one.micro_of == many.micro_of).all()
        one.run()
        many.run()
        assert (one.labels == many.labels).all()


def test_categories_appear_and_newcomers_find_them() -> None:
    vectors, truth = clustered(1, 8, 60, 32, 0.5)
    grouping = Grouping(32)
    grow(grouping, vectors[:400])
    arrived = grouping.micros.categories[grouping.add(vectors[400:])]
    found = [str(label) if label >= 0 else None for label in grouping.labels]
    assert agreement(truth.astype(str).tolist(), found).ari > 0.95
    assert (arrived >= 0).mean() > 0.95


def test_an_empty_and_a_tiny_grouping_can_run() -> None:
    grouping = Grouping(4)
    assert grouping.run().next_category == 0
    grouping.add(np.eye(4, dtype=np.float32))
    assert grouping.run().next_category == 0
    assert (grouping.labels == UNSORTED).all()


def test_identical_images_make_one_category_and_no_nonsense() -> None:
    grouping = Grouping(8)
    vectors = np.tile(np.eye(8, dtype=np.float32)[:1], (300, 1))
    grow(grouping, vectors)
    check(grouping)
    assert len(set(grouping.labels.tolist())) == 1


def test_numbers_of_categories_are_never_given_twice() -> None:
    vectors, _ = clustered(5, 10, 60, 16, 0.9)
    grouping, seen = Grouping(16), set()
    for start in range(0, 600, 50):
        grouping.add(vectors[start : start + 50])
        before = grouping.next_category
        changes = grouping.run()
        fresh = set(changes.after.tolist()) - set(changes.before.tolist()) - {UNSORTED}
        assert all(number >= before for number in fresh)
        assert not fresh & seen
        seen |= fresh


def test_a_restored_grouping_goes_on_as_if_nothing_had_happened() -> None:
    vectors, _ = clustered(7, 6, 100, 24, 0.6)
    whole = Grouping(24)
    grow(whole, vectors[:400])
    whole.remove(np.array([3, 50, 399]))
    own = np.where(whole.head_of >= 0, NOBODY, whole.micro_of).astype(np.int32)
    copy = Grouping(24)
    copy.rows.append(whole.rows.matrix.copy())
    copy.restore(
        own,
        whole.head_of.copy(),
        whole.micros.categories.copy(),
        tentative=whole.micros.tentative.copy(),
        calibration=whole.calibration,
        next_category=whole.next_category,
        lists=(whole.lists.ids[:400].copy(), whole.lists.cosines[:400].copy()),
    )
    check(copy)
    assert (copy.labels == whole.labels).all()
    assert (copy.add(vectors[400:]) == whole.add(vectors[400:])).all()
    whole.run()
    copy.run()
    assert (copy.labels == whole.labels).all()


def test_lists_are_searched_again_when_they_are_missing() -> None:
    vectors, truth = clustered(8, 6, 60, 24, 0.6)
    whole = Grouping(24)
    grow(whole, vectors)
    copy = Grouping(24)
    copy.rows.append(whole.rows.matrix.copy())
    copy.restore(
        whole.micro_of.astype(np.int32),
        whole.head_of.copy(),
        whole.micros.categories.copy(),
        tentative=whole.micros.tentative.copy(),
        calibration=whole.calibration,
        next_category=whole.next_category,
        lists=None,
    )
    check(copy)
    gram = vectors @ vectors.T - 2 * np.eye(len(vectors))
    exact = np.argsort(-gram, axis=1)[:, :15]
    recall = [len(set(a) & set(b)) / 15 for a, b in zip(exact, copy.lists.ids[:360], strict=True)]
    assert np.mean(recall) > 0.99
    copy.run()
    found = [str(label) if label >= 0 else None for label in copy.labels]
    assert agreement(truth.astype(str).tolist(), found).ari > 0.95


def test_a_stacked_image_weighs_nothing_and_inherits() -> None:
    vectors, _ = clustered(2, 3, 20, 16, 0.4)
    grouping = Grouping(16)
    grouping.add(vectors)
    weighing = grouping.weighing
    grouping.add(vectors[5:6], lambda *_: 5)
    assert grouping.weighing == weighing
    assert grouping.micro_of[60] == grouping.micro_of[5]
    assert grouping.remove(np.array([5])).tolist() == [60]
    assert grouping.weighing == weighing
    check(grouping)


@pytest.mark.parametrize(("dial", "relation"), [(-0.5, "fewer"), (0.5, "more")])
def test_the_dial_is_monotone(dial: float, relation: str) -> None:
    vectors, _ = clustered(4, 20, 40, 24, 1.1)
    balanced, turned = Grouping(24), Grouping(24, dial=dial)
    grow(balanced, vectors)
    grow(turned, vectors)
    number = len(set(balanced.labels.tolist())), len(set(turned.labels.tolist()))
    assert number[1] <= number[0] if relation == "fewer" else number[1] >= number[0]


def test_nothing_is_waived_on_a_fine_dial() -> None:
    vectors, _ = clustered(4, 4, 40, 24, 0.6)
    balanced, fine = Grouping(24), Grouping(24, dial=0.5)
    grow(balanced, vectors)
    grow(fine, vectors)
    assert balanced.calibration.waiver < 1 < fine.calibration.waiver


def test_cohesion_is_the_mean_pairwise_cosine() -> None:
    vectors, _ = clustered(6, 4, 40, 16, 0.5)
    grouping = Grouping(16)
    grow(grouping, vectors)
    for number, described in describe_categories(grouping, 4).items():
        members = vectors[grouping.labels == number]
        gram = members @ members.T
        expected = (gram.sum() - np.trace(gram)) / (len(members) * (len(members) - 1))
        assert described.cohesion == pytest.approx(expected, abs=1e-4)
        assert all(grouping.labels[row] == number for row in described.exemplars)
        assert len(set(described.exemplars)) == min(4, len(members))
