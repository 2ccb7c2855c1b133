"""Neighbour search through cells, and the selection it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from categoriser.engine import Grouping
from categoriser.engine import grouping as grouping_module
from categoriser.engine.neighbours import NOBODY, NeighbourLists, best_of, largest

from .conftest import clustered


@settings(deadline=None)
@given(seed=st.integers(0, 1000), m=st.integers(1, 3000), k=st.integers(1, 20))
def test_largest_finds_the_largest(seed: int, m: int, k: int) -> None:
    k = min(k, m)
    values = np.random.default_rng(seed).normal(size=(3, m)).astype(np.float32)
    found = np.sort(np.take_along_axis(values, largest(values, k), axis=1), axis=1)
    np.testing.assert_array_equal(found, np.sort(values, axis=1)[:, m - k :])


def test_best_of_is_sorted_and_padded() -> None:
    ids, cosines = best_of(np.array([[4, 7, 9]], np.int32), np.array([[0.1, 0.9, -9.0]], np.float32), 5)
    assert ids.tolist() == [[7, 4, NOBODY, NOBODY, NOBODY]]
    assert cosines[0, :2].tolist() == pytest.approx([0.9, 0.1])


def test_a_newcomer_enters_the_lists_of_its_neighbours_only_where_it_is_better() -> None:
    lists = NeighbourLists(2)
    lists.write(np.array([0, 1]), np.array([[1, NOBODY], [0, NOBODY]], np.int32), np.array([[0.5, -9], [0.5, -9]], "f"))
    lists.write(np.array([2, 3]), np.array([[0, 1], [0, 1]], np.int32), np.array([[0.9, 0.1], [0.7, 0.2]], "f"))
    lists.offer(np.array([2, 3]))
    assert lists.ids[0].tolist() == [2, 3]
    assert lists.ids[1].tolist() == [0, 3]
    lists.forget(np.array([3]), 4)
    assert lists.ids[0].tolist() == [2, NOBODY]
    assert lists.ids[1].tolist() == [0, NOBODY]


def test_cells_find_nearly_all_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping_module, "EXACT_UP_TO", 1000)
    vectors, _ = clustered(9, 60, 100, 48, 0.8)
    grouping = Grouping(48)
    for start in range(0, 6000, 500):
        grouping.add(vectors[start : start + 500])
        grouping.run()
    assert grouping._cells is not None
    queries = vectors[::60]
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :15]
    found, cosines = grouping.neighbours(queries)
    recall = np.mean([len(set(a) & set(b)) / 15 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.98
    assert (np.diff(cosines, axis=1) <= 0).all()
    lists = [grouping.lists_around(query, 10) for query in queries]
    inside = [np.isin(grouping.micro_of[a[:10]], b).mean() for a, b in zip(exact, lists, strict=True)]
    assert np.mean(inside) > 0.98
    leaving = found[0, :5].astype(np.int64)
    grouping.remove(leaving)
    again, _ = grouping.neighbours(queries[:1])
    assert not np.isin(again, leaving).any()
    back = grouping.add(vectors[leaving])
    assert (back >= 0).all()
    assert np.isin(grouping.neighbours(queries[:1])[0], np.arange(6000, 6005)).sum() == 5
