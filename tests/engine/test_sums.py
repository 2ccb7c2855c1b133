"""Sums by number: always what was added, in no more room than those that are not empty need."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from categoriser.engine.micros import MicroClusters
from categoriser.engine.sums import Sums

D = 4
STEPS = st.sampled_from(["open", "add", "subtract", "clear", "copy"])
steps = st.lists(st.tuples(STEPS, st.integers(0, 30)), max_size=80)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_after_any_steps_they_are_what_a_matrix_would_be(steps: list[tuple[str, int]]) -> None:
    rng = np.random.default_rng(len(steps))
    sums, plain, filled = Sums(D), np.zeros((0, D), np.float32), set[int]()
    for what, which in steps:
        vector = rng.normal(size=D).astype(np.float32)
        if what == "open":
            plain = np.concatenate([plain, vector[None]])
            sums.reserve(len(plain))
            sums.add(len(plain) - 1, vector)
            filled.add(len(plain) - 1)
        elif not len(plain):
            continue
        elif what == "copy":
            before, sums = sums, sums.copy()
            before.clear(which % len(plain))  # must not be felt by the copy
        else:
            number = which % len(plain)
            if what == "clear":
                sums.clear(number)
                plain[number] = 0
                filled.discard(number)
            elif what == "add":
                sums.add(number, vector)
                plain[number] += vector
                filled.add(number)
            elif number in filled:
                sums.subtract(number, vector)
                plain[number] -= vector
    numbers = rng.permutation(len(plain))
    np.testing.assert_allclose(sums[numbers], plain[numbers], atol=1e-5)
    for number in numbers.tolist():
        np.testing.assert_allclose(sums.of(number), plain[number], atol=1e-5)
    groups = rng.integers(0, 3, len(numbers))
    expected = np.zeros((3, D), np.float32)
    np.add.at(expected, groups, plain[numbers])
    np.testing.assert_allclose(sums.totals(numbers, groups, 3), expected, atol=1e-4)


def test_those_that_came_and_went_take_no_room() -> None:
    micros, vector = MicroClusters(64), np.ones(64, np.float32)
    for _ in range(200):
        micros.open(vector, 0)
    first = micros.sums.nbytes
    for _ in range(20_000):
        micros.open(vector, 0)
        micros.leave(micros.length - 200, vector)
    assert np.count_nonzero(micros.counts) == 200
    assert micros.sums.nbytes - first < 20 * 20_000  # not the vectors, of 256 bytes each
    assert micros.copy().sums.nbytes < micros.sums.nbytes


def test_an_emptied_one_may_be_joined_again() -> None:
    micros, vector = MicroClusters(D), np.array([1, 0, 0, 0], np.float32)
    number = micros.open(vector, 3)
    micros.leave(number, vector)
    assert micros.norms[number] < 1e-5
    assert not micros.sums.of(number).any()
    micros.open(2 * vector, 3)  # takes the room
    micros.join(number, vector)
    micros.join(number, vector)
    np.testing.assert_allclose(micros.sums.of(number), 2 * vector)
    assert abs(micros.norms[number] - 2) < 1e-6
