"""Memory and files follow the images that are there: positions of deleted ones are closed up, and that is all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from categoriser import Collection, Library
from categoriser.catalog import images
from categoriser.engine import NOBODY
from categoriser.state import EngineState, Positions, engine_state, saved, vector_file
from tests.whole import check, clusters

VECTORS = clusters(3000, 16, centres=12)
_REAL = 1024  # as in the program: positions of deleted images that are never worth closing up


@pytest.fixture(autouse=True)
def the_real_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """In other tests three deleted images are enough."""
    monkeypatch.setattr(engine_state, "worth_closing", lambda gone, present: gone > max(_REAL, present))
    assert engine_state._HOLES == _REAL


def state_of(collection: Collection) -> EngineState:
    with collection._storage.states.writing(collection.row.id) as state:
        return state


def folder_of(collection: Collection) -> Path:
    return collection._storage.folder / "state" / collection.row.key


def arrive(collection: Collection, start: int, end: int) -> None:
    collection.add_vectors([f"v{i}" for i in range(start, end)], VECTORS[np.arange(start, end) % len(VECTORS)])


def check_vectors(collection: Collection) -> None:
    """Assert that every image lies with its own vector."""
    state = state_of(collection)
    with collection._storage.database.read() as connection:
        rows = {one["row"]: int(one["image_id"][1:]) for one in images.everything(connection, collection.row.id)}
    here = state.positions.of(list(rows))
    assert (here >= 0).all()
    np.testing.assert_allclose(state.vectors.matrix[here], VECTORS[np.array(list(rows.values())) % 3000], atol=1e-6)
    np.testing.assert_array_equal(state.vectors_of(list(rows)), state.vectors.matrix[here])


@given(st.lists(st.integers(0, 60), unique=True, max_size=40), st.integers(0, 9), st.integers(0, 5))
def test_rows_and_positions_lead_to_each_other(rows: list[int], behind: int, more: int) -> None:
    rows = sorted(rows)
    next_row = (rows[-1] + 1 if rows else 0) + behind
    positions = Positions(np.array(rows, np.int64), next_row)
    positions.add(more)
    rows += range(next_row, next_row + more)
    assert positions.rows.tolist() == rows
    assert positions.next_row == next_row + more
    every = np.arange(-2, next_row + more + 3)
    found = positions.of(every).tolist()
    assert found == [rows.index(row) if row in rows else NOBODY for row in every.tolist()]
    assert [positions.at(row) for row in every.tolist()] == found
    assert [positions.below(row) for row in every.tolist()] == [sum(one < row for one in rows) for row in every]
    assert [positions.row(at) for at in range(len(rows) + 2)] == [*rows, positions.next_row, positions.next_row]


def test_a_stream_of_which_the_oldest_go_takes_no_more_than_what_is_there(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("a")
        lengths, sizes = [], []
        for start in range(0, 18_000, 600):
            arrive(collection, start, start + 600)
            collection.delete([f"v{i}" for i in range(start - 600, start)] if start else [])
            state = state_of(collection)
            lengths.append(state.grouping.length)
            sizes.append((folder_of(collection) / "vectors.f32").stat().st_size)
        assert max(lengths) <= 600 + _REAL + 600
        assert max(sizes) <= 2 * 4 * 16 * max(lengths)
        assert collection.row.next_row == 1009 + 18_000  # no number is given out twice
        assert set(check(collection, tmp_path)) == {f"v{i}" for i in range(17_400, 18_000)}


def test_closing_up_moves_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:16", automatic_runs=False) as library:
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        collection.run()
        largest = max(collection.categories(), key=lambda one: one.size)
        kept = [f"v{i}" for i in range(0, 2600, 3)]
        inside = [one for one in collection.images(category=largest.id, limit=1000) if one.id in set(kept)]
        made = collection.move([one.id for one in inside[:5]], None)
        gone = {f"v{i}" for i in range(2600) if i % 3}
        before = {name: place for name, place in check(collection, tmp_path).items() if name not in gone}
        was, listed = state_of(collection), collection.images(after="v2399", limit=102)
        page = collection.search(vector=VECTORS[3], limit=2600, min_relevance=0)
        collection.delete(sorted(gone))
        assert was is not state_of(collection)
        assert state_of(collection).grouping.length == len(kept)
        check_vectors(collection)
        assert check(collection, tmp_path) == before
        assert [one.id for one in collection.images(after="v2397", limit=34)] == [
            one.id for one in listed if one.id not in gone
        ]
        again = collection.search(vector=VECTORS[3], limit=2600, min_relevance=0)
        assert [(one.image_id, one.score) for one in again] == [
            (one.image_id, one.score) for one in page if one.image_id not in gone
        ]
        lists = state_of(collection).grouping.lists
        exact = VECTORS[0:2600:3] @ VECTORS[0:2600:3].T
        for at in range(0, len(kept), 50):
            near = lists.ids[at][lists.ids[at] >= 0]
            np.testing.assert_allclose(lists.cosines[at][: len(near)], exact[at, near], atol=1e-5)
        collection.undo(made.version)  # its rows are found where they are now
        assert {collection.image(one.id).category for one in inside[:5]} == {largest.id}
        check(collection, tmp_path)


def test_a_plan_made_before_is_about_the_same_images(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:16", automatic_runs=False) as library:
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        plan = collection.plan()
        collection.delete([f"v{i}" for i in range(1400)])
        assert state_of(collection).grouping.length == 1200
        collection.apply(plan)
        there = check(collection, tmp_path)
    with Library.open(tmp_path / "other", encoder="vectors:16", automatic_runs=False) as library:  # nothing closed up
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        plan = collection.plan()
        collection.delete([f"v{i}" for i in range(1300)])
        collection.apply(plan)
        collection.delete([f"v{i}" for i in range(1300, 1400)])
        here = check(collection, tmp_path)
    assert _partition(there) == _partition(here)


def _partition(assignments: dict[str, str | None]) -> set[frozenset[str]]:
    found: dict[str | None, set[str]] = {}
    for image_id, category in assignments.items():
        found.setdefault(category, set()).add(image_id)
    return {frozenset(some) for some in found.values()}


def _full(*_: object, **__: object) -> Any:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "break_it",
    [
        lambda patch: patch.setattr(saved, "compact", _full),  # while the vectors are written
        lambda patch: patch.setattr(saved, "_forget", _full),
        lambda patch: patch.setattr(vector_file.Path, "replace", _full),  # when the lists are gone already
        lambda patch: patch.setattr(saved, "_write", _full),  # when the vectors are the new ones already
    ],
    ids=["vectors", "before", "replacing", "lists"],
)
def test_a_disk_that_is_full_in_between_costs_nothing(
    break_it: Callable[[pytest.MonkeyPatch], None], tmp_path: Path
) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:16", automatic_runs=False) as library:
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        collection.run()
        before = check(collection, tmp_path)
    with Library.open(tmp_path / "library", encoder="vectors:16", automatic_runs=False) as library:
        collection = library.collection("a")
        gone = [f"v{i}" for i in range(1400)]
        with pytest.MonkeyPatch.context() as patch:
            break_it(patch)
            collection.delete(gone)
            found = check(collection, tmp_path, export=False)
            check_vectors(collection)
        assert found == {name: place for name, place in before.items() if name not in set(gone)}
    with Library.open(tmp_path / "library", encoder="vectors:16", automatic_runs=False) as library:
        collection = library.collection("a")
        assert check(collection, tmp_path) == found
        check_vectors(collection)
        arrive(collection, 2600, 2700)
        check_vectors(collection)
        assert len(check(collection, tmp_path)) == 1300
