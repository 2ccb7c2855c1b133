"""Memory and files follow the images that are there: positions of deleted ones are closed up, and that is all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from categoriser import Collection, Library
from categoriser.catalog import images, taxonomy
from categoriser.engine import NOBODY
from categoriser.state import EngineState, Positions, Standing, engine_state, saved
from tests import closing
from tests.whole import check, clusters

VECTORS = clusters(3000, 16, centres=12)


@pytest.fixture(autouse=True)
def the_real_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """In other tests three deleted images are enough."""
    monkeypatch.setattr(engine_state, "worth_closing", closing.really)


def _open(folder: Path) -> Library:
    return Library.open(folder, encoder="vectors:16", automatic_runs=False)


def state_of(collection: Collection) -> EngineState:
    with collection._storage.states.writing(collection.row.id) as state:
        return state


def vector_file(collection: Collection) -> Path:
    (found,) = (collection._storage.folder / "state" / collection.row.key).glob("*vectors*")
    return found


def arrive(collection: Collection, start: int, end: int) -> None:
    collection.add_vectors([f"v{i}" for i in range(start, end)], VECTORS[np.arange(start, end) % len(VECTORS)])


def check_vectors(collection: Collection) -> None:
    """Assert that every image lies with the vector that it came with; ``check`` compares with the store only."""
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
            sizes.append(vector_file(collection).stat().st_size)
        assert max(lengths) <= 600 + engine_state.HOLES + 600
        assert max(sizes) <= 2 * 4 * 16 * max(lengths)
        assert collection.row.next_row == 1009 + 18_000  # no number is given out twice
        assert set(check(collection, tmp_path)) == {f"v{i}" for i in range(17_400, 18_000)}


def test_closing_up_moves_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    with _open(tmp_path / "library") as library:
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
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        plan = collection.plan()
        collection.delete([f"v{i}" for i in range(1400)])
        assert state_of(collection).grouping.length == 1200
        collection.apply(plan)
        there = check(collection, tmp_path)
    with _open(tmp_path / "other") as library:  # nothing closed up
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
        lambda patch: patch.setattr(saved, "_copy", _full),
        lambda patch: patch.setattr(saved, "_write", _full),
        lambda patch: patch.setattr(saved.Path, "replace", _full),
    ],
    ids=["vectors", "lists", "replacing"],
)
def test_a_disk_that_is_full_in_between_costs_nothing(
    break_it: Callable[[pytest.MonkeyPatch], None], tmp_path: Path
) -> None:
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        collection.run()
        before = check(collection, tmp_path)
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        gone = [f"v{i}" for i in range(1400)]
        with pytest.MonkeyPatch.context() as patch:
            break_it(patch)
            collection.delete(gone)
            found = check(collection, tmp_path, export=False)
            check_vectors(collection)
        assert found == {name: place for name, place in before.items() if name not in set(gone)}
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        assert check(collection, tmp_path) == found
        check_vectors(collection)
        arrive(collection, 2600, 2700)
        check_vectors(collection)
        assert len(check(collection, tmp_path)) == 1300


def test_a_damaged_state_that_is_made_anew_and_killed_before_it_is_saved(tmp_path: Path) -> None:
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        arrive(collection, 0, 700)
        collection.delete([f"v{i}" for i in range(31)])
        before = check(collection, tmp_path)
        folder = library.storage.folder / "state" / collection.row.key
    (vectors,) = folder.glob("vectors*")
    with vectors.open("r+b") as file:
        file.seek(4 * 16 * 500)
        file.write(bytes(64))
    with _open(tmp_path / "library") as library:
        check_vectors(library.collection("a"))  # made anew, with positions of its own
        shutil.copytree(folder, tmp_path / "as it was when it was killed")
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "as it was when it was killed", folder)
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        check_vectors(collection)
        assert check(collection, tmp_path) == before


def test_a_state_that_is_newer_than_the_catalog_is_of_no_use(tmp_path: Path) -> None:
    with _open(tmp_path / "library") as library:
        arrive(library.collection("a"), 0, 600)
    shutil.copytree(tmp_path / "library", tmp_path / "backup")
    with _open(tmp_path / "library") as library:
        arrive(library.collection("a"), 600, 1500)
    shutil.rmtree(tmp_path / "backup" / "state")
    shutil.copytree(tmp_path / "library" / "state", tmp_path / "backup" / "state")
    with _open(tmp_path / "backup") as library:
        collection = library.collection("a")
        arrive(collection, 2000, 2700)
        check_vectors(collection)
        arrive(collection, 2000, 2700)  # known, every one
        collection.delete([f"v{i}" for i in range(300)])
        collection.run()
        check_vectors(collection)
        assert len(check(collection, tmp_path)) == 1000


def test_who_reads_sees_the_same_whatever_becomes_of_the_state(tmp_path: Path) -> None:
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        states, number = library.storage.states, collection.row.id
        arrive(collection, 0, 700)
        collection.delete("v0")
        with states.reading(number) as old:
            rows, before = old.positions.rows.copy(), old.vectors.matrix.copy()
            standing = Standing.of(old)
            with pytest.raises(RuntimeError), states.writing(number):
                raise RuntimeError("whatever goes wrong")
            with states.excluding(number):
                pass
            arrive(collection, 700, 800)
            collection.delete([f"v{i}" for i in range(1, 650)])
            assert state_of(collection) is not old
            check_vectors(collection)
            np.testing.assert_array_equal(old.vectors.matrix[: len(before)], before)
            np.testing.assert_array_equal(standing.grouping.rows.matrix, before)
            np.testing.assert_array_equal(old.positions.rows[: len(rows)], rows)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "library" / "state").rglob("*vectors*"))
    on_disk = np.frombuffer(kept, np.float32).reshape(-1, 16)
    assert not (on_disk @ VECTORS[:650].T > 0.99999).any()  # nothing that was deleted is left in any file
    with _open(tmp_path / "library") as library:
        check_vectors(library.collection("a"))
        check(library.collection("a"), tmp_path)


def test_closing_up_asks_the_store_for_nothing_and_waits_for_the_outermost_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        arrive(collection, 0, 2600)
        monkeypatch.setattr(EngineState, "_stored", lambda *_: pytest.fail("the vectors are on disk"))
        with library.storage.states.writing(collection.row.id) as state:
            collection.delete([f"v{i}" for i in range(2000)])
            assert state_of(collection) is state
            assert state.is_worth_reloading
        assert state_of(collection) is not state
        assert state_of(collection).grouping.length == 600
        check_vectors(collection)


def test_what_was_checked_is_rows_in_the_catalog_and_positions_in_the_engine(tmp_path: Path) -> None:
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        first = collection.row.next_row
        arrive(collection, 0, 2000)
        collection.apply(collection.plan())
        arrive(collection, 2000, 2600)
        collection.run()
        made = dict(state_of(collection).grouping.checked)
        with library.storage.database.read() as connection:
            stored = taxonomy.checked(connection, collection.row.id)
        assert made
        assert set(made.values()) & {2600}
        assert set(stored.values()) <= {0, *range(first, first + 2601)}
        assert {number: max(0, row - first) for number, row in stored.items()} == {one: made[one] for one in stored}
    with _open(tmp_path / "library") as library:
        collection = library.collection("a")
        assert state_of(collection).grouping.checked == {one: made[one] for one in stored}
        collection.delete([f"v{i}" for i in range(1900)])
        assert state_of(collection).grouping.length == 700
        assert set(state_of(collection).grouping.checked.values()) <= {0, *range(100, 701)}
