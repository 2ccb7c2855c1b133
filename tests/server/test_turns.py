"""Several processes write the same collection: one at a time, each seeing what the others did."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from categoriser import Collection, Library
from categoriser.catalog.tables import outbox
from categoriser.domain import Filed
from categoriser.errors import LibraryInUseError, NotFoundError, OvertakenError
from tests.whole import check, clusters

Open = Callable[..., Library]


def add(collection: Collection, vectors: np.ndarray, *, start: int = 0) -> None:
    answers = collection.add_vectors([f"v{start + i}" for i in range(len(vectors))], vectors)
    assert all(isinstance(one, Filed) and not one.known for one in answers), answers


def cut_off(library: Library) -> None:
    """End the connections that hold locks on collections, as a network that breaks does."""
    holders = "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND classid > 800000000"
    with library.storage.database.engine.begin() as connection:
        for pid in connection.execute(sa.text(holders)).scalars().all():
            connection.execute(sa.select(sa.func.pg_terminate_backend(pid)))


def test_two_see_each_others_images_runs_corrections_and_deletions(opened: Open, tmp_path: Path) -> None:
    one, two = opened(automatic_runs=False).collection("a"), opened(automatic_runs=False).collection("a")
    vectors = clusters(400)
    for start in range(0, 400, 50):
        add((one, two)[start // 50 % 2], vectors[start : start + 50], start=start)
    assert len(one) == len(two) == 400
    one.run()
    assert two.categories() == one.categories()
    first, second, *_ = two.categories()
    two.merge(first.id, [second.id])
    one.delete(["v0", "v7", "v399"])
    add(two, clusters(20, seed=3), start=500)
    two.undo()
    one.run()
    assert check(one, tmp_path) == check(two, tmp_path)


def test_what_is_filed_in_turns_is_grouped_as_by_one_process(opened: Open, tmp_path: Path) -> None:
    vectors = clusters(300, seed=5)
    libraries = [opened(), opened()]
    shared = [library.collection("shared") for library in libraries]
    for start in range(0, 300, 50):
        add(shared[start // 50 % 2], vectors[start : start + 50], start=start)
    with Library.open(tmp_path / "alone", encoder="vectors:8") as alone:
        single = alone.collection("single")
        for start in range(0, 300, 50):
            add(single, vectors[start : start + 50], start=start)
        number = [None if one is None else one.split("-")[1] for one in single.assignments().values()]
    assert number == [None if one is None else one.split("-")[1] for one in shared[0].assignments().values()]


def test_three_write_the_same_collections_at_once(opened: Open, tmp_path: Path) -> None:
    libraries = [opened() for _ in range(3)]
    vectors = clusters(180, seed=1)

    def work(number: int) -> None:
        for start in range(20 * number, 180, 60):
            for name in ("a", "b"):
                add(libraries[number].collection(name), vectors[start : start + 20], start=start)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    for name in ("a", "b"):
        places = [check(library.collection(name), tmp_path) for library in libraries]
        assert len(places[0]) == 180
        assert all(one == places[0] for one in places)


def test_a_process_that_lost_its_lock_publishes_nothing(opened: Open, tmp_path: Path) -> None:
    one, two = opened(automatic_runs=False), opened(automatic_runs=False)
    vectors = clusters(100)
    add(one.collection("a"), vectors[:80])
    one.collection("a").run()
    row = one.collection("a").row
    with pytest.raises(OvertakenError), one.storage.states.writing(row.id) as state:  # noqa: PT012
        state.images_at_run = 5
        cut_off(one)
        add(two.collection("a"), vectors[80:], start=80)
        with one.storage.database.write() as connection:
            connection.execute(sa.text("DELETE FROM images"))
    assert len(check(one.collection("a"), tmp_path)) == 100
    assert check(two.collection("a"), tmp_path) == check(one.collection("a"), tmp_path)


def test_filing_that_was_overtaken_is_done_again(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = opened(automatic_runs=False), opened(automatic_runs=False)
    vectors = clusters(60)
    add(one.collection("a"), vectors[:20])
    overtaken = threading.Event()
    row = one.collection("a").row
    with one.storage.states.reading(row.id) as state:
        decide = state.grouping.add

        def slow(*arguments: object) -> object:
            decided = decide(*arguments)  # type: ignore[arg-type]
            if not overtaken.is_set():
                overtaken.set()
                cut_off(one)
                add(two.collection("a"), vectors[20:40], start=20)
            return decided

        monkeypatch.setattr(state.grouping, "add", slow)
    add(one.collection("a"), vectors[40:], start=40)
    assert overtaken.is_set()
    assert check(one.collection("a"), tmp_path) == check(two.collection("a"), tmp_path)


def test_orders_that_a_dead_process_left_over_are_delivered_by_the_next_writer(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = opened(automatic_runs=False), opened(automatic_runs=False)
    vectors = clusters(60)
    add(one.collection("a"), vectors[:20])
    add(two.collection("a"), vectors[20:30], start=20)
    monkeypatch.setattr(one.storage.delivery, "deliver", lambda *_: None)
    add(one.collection("a"), vectors[30:40], start=30)
    with one.storage.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one() == 1
    add(two.collection("a"), vectors[40:], start=40)
    with one.storage.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one() == 0
    assert len(check(two.collection("a"), tmp_path)) == 60


def test_orders_that_nobody_comes_for_are_found(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = opened(automatic_runs=False), opened(automatic_runs=False)
    monkeypatch.setattr(one.storage.delivery, "deliver", lambda *_: None)
    add(one.collection("a"), clusters(20))
    two.storage.delivery.settle_all()
    assert len(check(two.collection("a"), tmp_path)) == 20


def test_a_collection_deleted_elsewhere_is_gone_here(opened: Open) -> None:
    one, two = opened(), opened()
    add(one.collection("a"), clusters(20))
    known = two.collection("a")
    add(known, clusters(5, seed=2), start=20)
    assert one.delete_collection("a") == 25
    with pytest.raises(NotFoundError):
        known.add_vectors(["x"], clusters(1))
    assert [one.name for one in two.collections()] == []


def test_a_shared_database_is_not_opened_by_a_library_of_its_own(
    opened: Open, settings: dict[str, object], tmp_path: Path
) -> None:
    opened()
    with pytest.raises(LibraryInUseError):
        Library.open(tmp_path / "own", encoder="vectors:8", database=settings["database"])


def test_each_closes_up_what_the_others_deleted(opened: Open, tmp_path: Path) -> None:
    both = [opened(automatic_runs=False).collection("a") for _ in range(2)]
    vectors = clusters(400, seed=9)
    for step in range(20):
        one, other = both[step % 2], both[1 - step % 2]
        add(one, vectors[20 * step : 20 * step + 20], start=20 * step)
        if step:
            other.delete([f"v{i}" for i in range(20 * (step - 1), 20 * step - 3)])
        assert one.search(vector=vectors[20 * step], limit=1)[0].image_id == f"v{20 * step}"
        assert other.search(vector=vectors[20 * step + 7], limit=1)[0].image_id == f"v{20 * step + 7}"
        if step % 5 == 4:
            one.run()
            assert check(one, tmp_path) == check(other, tmp_path)
    for collection in both:
        with collection._storage.states.writing(collection.row.id) as state:
            assert state.grouping.length < 150
