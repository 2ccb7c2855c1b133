"""What people decided, and what a run did that was taken back, stays so."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from categoriser import Collection, ConfigurationError, ConflictError, Library
from tests.prepared import Make, copy_of
from tests.whole import clusters

DIMENSION = 6
VECTORS = clusters(4000, DIMENSION, centres=9, seed=4, noise=0.5)


def four_hundred(folder: Path) -> None:
    with Library.open(folder, encoder=f"vectors:{DIMENSION}") as library:
        collection = library.collection("a")
        collection.add_vectors([f"v{i}" for i in range(400)], clusters(400, DIMENSION, centres=5, seed=2, noise=0.3))
        collection.run()


def sorted_collection(tmp_path: Path) -> tuple[Library, Collection]:
    library = Library.open(copy_of(four_hundred, tmp_path / "library"), encoder=f"vectors:{DIMENSION}")
    return library, library.collection("a")


def test_what_a_person_split_stays_split(tmp_path: Path) -> None:
    library, collection = sorted_collection(tmp_path)
    with library:
        one = collection.categories()[0].id
        members = [image_id for image_id, category in collection.assignments().items() if category == one]
        stays, leaves = collection.split_preview(one)
        assert sorted([*stays, *leaves]) == sorted(members)
        done = collection.split(one, members[: len(members) // 2], label="half")
        assert done.category is not None
        collection.run()  # the machine would join the halves of a uniform category again
        after = collection.assignments()
        assert {after[image_id] for image_id in members[: len(members) // 2]} == {done.category}
        assert collection.category(one).id == one
        assert collection.category(done.category).label == "half"


@cache
def grouped(first: str) -> Make:
    """Makes a collection that was grouped at one setting of the dial."""

    def make(folder: Path) -> None:
        with Library.open(folder, encoder=f"vectors:{DIMENSION}", automatic_runs=False) as library:
            collection = library.collection("a")
            vectors = clusters(400, DIMENSION, centres=5, seed=2, noise=0.3)
            collection.add_vectors([f"v{i}" for i in range(400)], vectors)
            collection.set_granularity(first)
            collection.run()
            collection.run()

    return make


def turned(tmp_path: Path, first: str, then: str) -> tuple[Library, Collection]:
    """A collection that was grouped at one setting of the dial, and is now set to another."""
    folder = copy_of(grouped(first), tmp_path / "library")
    library = Library.open(folder, encoder=f"vectors:{DIMENSION}", automatic_runs=False)
    collection = library.collection("a")
    collection.set_granularity(then)
    return library, collection


def said_since(collection: Collection, version: int, kind: str) -> list[dict[str, Any]]:
    """Events of a kind that came with a version or later."""
    log = collection.events(limit=10_000)
    start = next(one.cursor for one in log if one.detail.get("version") == version)
    return [dict(one.detail) for one in log if one.kind == kind and one.cursor > start]


def test_an_undone_run_does_not_merge_the_same_again(tmp_path: Path) -> None:
    library, collection = turned(tmp_path, "fine", "broad")
    with library:
        before = collection.assignments()
        done = collection.run()
        merged = {
            (one["category"], loser) for one in said_since(collection, done.version, "merge") for loser in one["losers"]
        }
        assert len(merged) >= 3
        undone = collection.undo(done.version)
        assert collection.assignments() == before
        for _ in range(2):
            collection.run()
            for winner, loser in merged:
                assert collection.category(loser).id != collection.category(winner).id
        again = {
            tuple(sorted((one["category"], loser)))
            for one in said_since(collection, undone.version, "merge")
            for loser in one["losers"]
        }
        assert not again & {tuple(sorted(pair)) for pair in merged}


def test_an_undone_run_does_not_split_the_same_again(tmp_path: Path) -> None:
    library, collection = turned(tmp_path, "broad", "fine")
    with library:
        before = collection.assignments()
        done = collection.run()
        parents = {one["parent"] for one in said_since(collection, done.version, "split")}
        assert len(parents) >= 2
        undone = collection.undo(done.version)
        assert collection.assignments() == before
        for _ in range(2):
            collection.run()
        assert not parents & {one["parent"] for one in said_since(collection, undone.version, "split")}
        assert parents <= {one.id for one in collection.categories()}


def test_edits_on_an_outdated_view_are_refused(tmp_path: Path) -> None:
    library, collection = sorted_collection(tmp_path)
    with library:
        version = collection.row.taxonomy_version
        first = collection.categories()[0].id
        collection.rename(first, "Trees", expected=version)
        with pytest.raises(ConflictError, match=f"version {version + 1}"):
            collection.lock(first, expected=version)
        assert not collection.category(first).locked
        plan = collection.plan()
        collection.lock(first)
        with pytest.raises(ConflictError, match="plan"):
            collection.apply(plan)


def test_why_names_the_reason(tmp_path: Path) -> None:
    library, collection = sorted_collection(tmp_path)
    with library:
        first, second = [category.id for category in collection.categories()[:2]]
        image_id = next(one for one, category in collection.assignments().items() if category == first)
        why = collection.why(image_id)
        assert why.category == first
        assert why.decided_by == "neighbours"
        assert next(iter(why.shares)) == first
        assert np.isclose(sum(why.shares.values()), 1)
        assert why.exemplars[0][1] <= 1.0001
        done = collection.move([image_id], second)
        assert done.moved == 1
        assert set(done.alike) <= {one for one, category in collection.assignments().items() if category == first}
        assert collection.why(image_id).decided_by == "person"
        collection.run()
        assert collection.image(image_id).category == second
        collection.reject([image_id])
        why = collection.why(image_id)
        assert (why.category, why.decided_by, why.rejected) == (None, "person", [second])


def test_a_merge_writes_no_vector_and_the_old_id_leads_on(tmp_path: Path) -> None:
    library, collection = sorted_collection(tmp_path)
    with library:
        first, second = [category.id for category in collection.categories()[:2]]
        sizes = {category.id: category.size for category in collection.categories()}
        put = []
        store = library.storage.store(collection.row)
        original = store.put
        store.put = lambda *arguments: put.append(arguments) or original(*arguments)  # type: ignore[method-assign]
        collection.merge(first, [second])
        assert not put
        assert collection.category(second).id == first
        assert collection.category(first).size == sizes[first] + sizes[second]
        collection.run()
        assert collection.category(first).size >= sizes[first] + sizes[second]  # no run takes it apart
        collection.undo(collection.versions()[1].version)
        assert {category.id: category.size for category in collection.categories()}[second] == sizes[second]


def test_a_merge_of_what_is_one_by_now_keeps_it_one(tmp_path: Path) -> None:
    library, collection = sorted_collection(tmp_path)
    with library:
        first, second = [category.id for category in collection.categories()[:2]]
        done = collection.merge(first, [second])
        again = collection.merge(first, [second])  # the first answer was lost, and the request is sent again
        assert again.version == done.version
        collection.undo(done.version)
        both = [collection.category(one).id for one in (first, second)]
        assert both == [first, second]
        with pytest.raises(ConfigurationError, match="two different"):
            collection.merge(second, [second])


def test_a_merge_takes_back_what_was_said_against_it(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:16", automatic_runs=False) as library:
        collection = library.collection("a")
        rng = np.random.default_rng(0)
        vectors = np.repeat(np.eye(16)[:3], 20, axis=0) + 0.05 * rng.standard_normal((60, 16))
        collection.add_vectors([f"i{place}" for place in range(60)], vectors.astype(np.float32))
        collection.run()
        winner, loser = collection.assignments()["i0"], collection.assignments()["i30"]
        assert winner is not None
        assert loser is not None
        collection.move(["i30"], winner)
        collection.reject(["i30"])
        collection.run()  # back to where it belongs, and never again into the first
        assert collection.assignments()["i30"] == loser
        merged = collection.merge(winner, [loser]).version
        assert collection.assignments()["i30"] == winner
        assert not rejections(collection)
        collection.undo(merged)
        assert collection.assignments()["i30"] == loser
        assert len(rejections(collection)) == 1


def rejections(collection: Collection) -> frozenset[tuple[int, int]]:
    with collection._storage.states.writing(collection.row.id) as state:
        found = state.grouping.rules.rejected
        assert all(state.category_of(micro) != category for micro, category in found)
        return found
