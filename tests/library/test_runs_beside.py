"""A run is planned beside whatever else happens to the collection: nobody who uploads or corrects waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from categoriser import Collection, Library
from categoriser.catalog import collections
from categoriser.engine import Grouped
from categoriser.errors import NotFoundError
from categoriser.pipeline.collection_queue import CollectionQueue
from tests.waiting import wait_until
from tests.whole import check, clusters

SOME = [f"v{i}" for i in range(120)]


class Held:
    """Planning that waits for a word; ``begun`` counts how often it began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.word = threading.Semaphore(0), threading.Event()
        self.times = 0
        propose = Grouped.propose

        def wait(grouping: Grouped) -> object:
            self.times += 1
            self.begun.release()
            assert self.word.wait(60)
            return propose(grouping)

        monkeypatch.setattr(Grouped, "propose", wait)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with Library.open(tmp_path / "library", encoder="vectors:8", automatic_runs=False) as library:
        made = library.collection("a")
        made.add_vectors(SOME, clusters(len(SOME)))
        made.run()
        yield made


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_images_are_filed_searched_and_deleted_while_a_run_is_planned(
    collection: Collection, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = Held(monkeypatch)
    run = beside.submit(collection.run)
    assert held.begun.acquire(timeout=60)
    came = collection.add_vectors(["new"], clusters(1, seed=7))
    assert came[0].image_id == "new"  # type: ignore[union-attr]
    assert collection.image("new") is not None
    held.word.set()
    run.result()
    assert held.times == 1  # the newcomer made no other plan necessary
    check(collection, tmp_path)


def test_what_came_while_a_run_was_planned_is_something_new_for_the_next(
    collection: Collection, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unchanged() -> bool:
        with collection._storage.database.read() as connection:
            return bool(collections.unchanged(connection, [collection.row.id]))

    assert unchanged()
    with monkeypatch.context() as patch:
        held = Held(patch)
        run = beside.submit(collection.run)
        assert held.begun.acquire(timeout=60)
        collection.add_vectors(["new"], clusters(1, seed=7))
        held.word.set()
        run.result()
    assert not unchanged()
    assert collection.row.images_at_run == len(SOME)
    collection.run()
    assert unchanged()


def test_a_correction_made_while_a_run_is_planned_is_heeded_by_a_new_plan(
    collection: Collection, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = [category.id for category in collection.categories()[:2]]
    moved = next(image.id for image in collection.images(category=one))
    held = Held(monkeypatch)
    run = beside.submit(collection.run)
    assert held.begun.acquire(timeout=60)
    collection.move([moved], other)
    held.word.set()
    run.result()
    assert held.times == 2
    assert collection.image(moved).category == other
    check(collection, tmp_path)


def test_who_corrects_faster_than_can_be_planned_waits_in_the_end(
    collection: Collection, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    category = collection.categories()[0].id
    propose, names = Grouped.propose, iter(range(100))

    def disturbed(grouping: Grouped) -> object:
        if not collection._storage.states._slots[collection.row.id].writers:
            beside.submit(collection.rename, category, f"name {next(names)}").result(60)
        return propose(grouping)

    monkeypatch.setattr(Grouped, "propose", disturbed)
    collection.run()
    assert next(names) == 3
    check(collection, tmp_path)


def test_whatever_happens_while_runs_are_planned_leaves_everything_whole(
    collection: Collection, tmp_path: Path
) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def run_on() -> None:
        try:
            while not stop.is_set():
                collection.run()
        except BaseException as error:
            failures.append(error)

    runner = threading.Thread(target=run_on)
    runner.start()
    try:
        rng = np.random.default_rng(3)
        for turn in range(12):
            names = [f"t{turn}-{i}" for i in range(20)]
            collection.add_vectors(names, clusters(20, seed=turn))
            collection.delete(rng.choice(names, 3, replace=False).tolist())
            moved = [names[0] if collection.assignments().get(names[0], "gone") != "gone" else SOME[0]]
            while True:
                category = rng.choice([one.id for one in collection.categories() if one.size])
                try:
                    collection.move(moved, category)
                except NotFoundError as error:  # a run merged it just now into another
                    assert category in str(error)  # noqa: PT017
                else:
                    break
    finally:
        stop.set()
        runner.join()
    assert failures == []
    check(collection, tmp_path)


def test_each_collection_waits_once_and_is_worked_on_by_one_thread_at_a_time() -> None:
    done: list[int] = []
    at_once: list[int] = []  # threads that worked on the collection, as each of them saw it
    working: list[int] = []
    word = threading.Event()

    def work(number: int) -> None:
        working.append(number)
        at_once.append(working.count(number))
        word.wait(60)
        working.remove(number)
        done.append(number)

    queue = CollectionQueue(work, "work", threads=2)
    queue.put(1)
    wait_until(lambda: working == [1])
    for _ in range(3):
        queue.put(1)
    queue.put(2)
    wait_until(lambda: sorted(working) == [1, 2])  # another thread goes past it
    word.set()
    queue.settle(1)
    assert done.count(1) == 2  # the one under way, and all the others together
    assert set(at_once) == {1}
    queue.close()
    assert queue.is_empty
    queue.put(3)
    assert not queue.holds(3)


def test_work_that_fails_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 1:
            raise ZeroDivisionError("bug")
        done.append(number)

    queue = CollectionQueue(work, "work")
    queue.put(1)
    queue.put(2)
    assert queue.wait_empty(60)
    queue.close()
    assert done == [2]
    assert "work on collection 1 failed" in caplog.text
