"""Runs: announced completely, due at the right time, keeping ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from categoriser import Library, NotFoundError
from categoriser.maintenance import run_due_at
from tests.whole import check, clusters


def test_runs_are_due_ever_more_rarely() -> None:
    due, steps = 0, []
    while due < 200_000:
        following = run_due_at(due)
        assert following > due
        steps.append(following)
        due = following
    assert steps[:6] == [25, 50, 100, 110, 121, 133]
    assert len(steps) < 100
    assert run_due_at(620) == 682
    assert run_due_at(10_000) == 12_000


@pytest.mark.parametrize("seed", range(3))
def test_events_alone_lead_to_the_assignments(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    with Library.open(tmp_path / "library", encoder="vectors:8", automatic_runs=seed > 0) as library:
        collection, kinds, ended = library.collection("a"), set(), set()
        for step in range(6):
            wide = clusters(150, centres=2 + 3 * step, seed=10 * seed + step, noise=rng.choice([0.1, 0.4, 0.8]))
            collection.add_vectors([f"{step} {i}" for i in range(150)], wide)
            before = {category.id for category in collection.categories()}
            report = collection.run()
            check(collection, tmp_path)  # replays the events
            present = {category.id for category in collection.categories()}
            ended |= before - present
            assert not ended & present
            assert report.categories == len(present)
            if step == 3:
                names = list(collection.assignments())
                collection.delete([names[i] for i in rng.choice(len(names), 200, replace=False)])
                check(collection, tmp_path)
        after = 0
        redirected, retired = {}, set()
        while page := collection.events(after=after, limit=500):
            for event in page:
                kinds.add(event.kind)
                if event.kind == "merge":
                    redirected.update(dict.fromkeys(event.detail["losers"], event.detail["category"]))
                elif event.kind == "retire":
                    retired.add(event.detail["category"])
            after = page[-1].cursor
        assert ended <= set(redirected) | retired  # none ends silently
        for loser in redirected:
            winner = loser
            while winner in redirected:
                winner = redirected[winner]
            if winner in retired:
                with pytest.raises(NotFoundError):
                    collection.category(loser)
            else:
                assert collection.category(loser).id == winner
        assert {"attach", "spawn"} <= kinds


def test_a_run_on_little_or_nothing_does_nothing(vectors_library: Library, tmp_path: Path) -> None:
    collection = vectors_library.collection("a")
    for number in range(6):
        assert collection.run().categories == 0
        collection.add_vectors([f"v{number}"], clusters(6)[number : number + 1])
    check(collection, tmp_path)
    assert collection.run().unsorted == collection.unsorted()


@pytest.fixture
def vectors_library(tmp_path: Path):
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        yield library


def test_a_run_of_a_deleted_collection_says_so(vectors_library: Library) -> None:
    collection = vectors_library.collection("a")
    vectors_library.delete_collection("a")
    for call in (collection.run, collection.assignments, lambda: collection.add_vectors(["x"], clusters(1))):
        with pytest.raises(NotFoundError):
            call()


def test_exemplars_are_images_of_their_category(vectors_library: Library) -> None:
    collection = vectors_library.collection("a")
    collection.add_vectors([f"v{i}" for i in range(200)], clusters(200))
    collection.run()
    places = collection.assignments()
    for category in collection.categories():
        assert 1 <= len(category.exemplars) <= 8
        assert {places[one] for one in category.exemplars} == {category.id}
    first = collection.categories()[0]
    collection.delete(first.exemplars[:3])
    assert list(collection.category(first.id).exemplars) == list(first.exemplars[3:])
