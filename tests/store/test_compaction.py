"""A compaction gives back what deleted points keep, and nobody notices: no point is lost, doubled or comes back."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_edge import CountRequest, EdgeShard

from categoriser.domain import Points
from categoriser.store import QdrantEdgeStore, compaction
from tests.store.compacting import MakePoints, allocated, assert_same, folders, idle, settled
from tests.waiting import wait_until


def test_what_is_there_stays_to_the_last_bit_and_what_is_gone_gives_back_its_disk(
    tmp_path: Path, make_points: MakePoints
) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    gone, mine, other = (
        make_points([f"{name}{i}" for i in range(number)]) for name, number in zip("gmo", (60_000, 500, 3), strict=True)
    )
    store.put("mine", mine)
    store.put("other", other)
    mine, other = store.fetch("mine", mine.image_ids), store.fetch("other", other.image_ids)
    store.put("mine", gone)
    store.delete("mine", gone.image_ids)
    full = allocated(tmp_path)
    store.flush()
    settled(store)
    assert_same(store, "mine", mine)
    assert_same(store, "other", other)
    assert store.fetch("mine", gone.image_ids[:50]).image_ids == []
    assert allocated(tmp_path) < full / 2
    hits = store.search("mine", mine.vectors[7], 500)
    assert hits[0].image_id == mine.image_ids[7]
    assert len(hits) == 500
    store.close()
    again = QdrantEdgeStore(tmp_path, 8)
    assert_same(again, "mine", mine)
    assert folders(tmp_path) == {"shard-1"}
    again.close()


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["put", "move", "delete", "drop", "compact", "open"]), st.integers(0, 9), st.integers(1, 9)
        ),
        max_size=25,
    )
)
def test_whatever_happens_between_two_compactions_is_kept(
    steps: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store, expected = QdrantEdgeStore(folder, 8), dict[str, int]()
    for number, (what, start, count) in enumerate(steps):
        ids = [f"i{start + offset}" for offset in range(count)]
        if what == "put":
            vectors = np.eye(8, dtype=np.float32)[np.arange(count) % 8]
            store.put("mine", Points(ids, vectors, np.full(count, number), [1.0] * count))
            expected |= dict.fromkeys(ids, number)
        elif what == "move":
            store.move("mine", ids, [number] * count)
            expected |= dict.fromkeys(set(ids) & set(expected), number)
        elif what == "delete":
            store.delete("mine", ids)
            expected = {id_: micro for id_, micro in expected.items() if id_ not in ids}
        elif what == "drop":
            store.drop("mine")
            expected = {}
        elif what == "compact":
            assert store.compact()
        else:
            store.close()
            store = QdrantEdgeStore(folder, 8)
        found = store.fetch("mine", [f"i{number}" for number in range(20)])
        assert dict(zip(found.image_ids, found.micro_ids.tolist(), strict=True)) == expected
    assert len(folders(folder)) == 1
    store.close()
    shutil.rmtree(folder)


class Writer(threading.Thread):
    """Puts, moves and deletes in a collection of its own until told to stop, and knows what has to be there."""

    def __init__(self, store: QdrantEdgeStore, make_points: MakePoints, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.expected: dict[str, int] = {}
        self.wrong: list[str] = []
        self.name = f"c{number}"
        self._store, self._make, self._stop_now = store, make_points, stop
        self._rng = np.random.default_rng(number)

    def run(self) -> None:
        try:
            self._go_on()
        except Exception as error:
            self.wrong.append(repr(error))

    def _go_on(self) -> None:
        while not self._stop_now.is_set():
            self._step()
            if (found := self._store.count(self.name)) != len(self.expected):
                self.wrong.append(f"{self.name} has {found} of {len(self.expected)}")

    def _step(self) -> None:
        ids = [f"i{i}" for i in self._rng.choice(300, 12, replace=False)]
        micro = int(self._rng.integers(1000))
        match int(self._rng.integers(3)):
            case 0:
                self._store.put(self.name, self._make(ids, micro_ids=[micro] * 12))
                self.expected.update(dict.fromkeys(ids, micro))
            case 1:
                self._store.move(self.name, ids, [micro] * 12)
                self.expected.update(dict.fromkeys(set(ids) & set(self.expected), micro))
            case _:
                self._store.delete(self.name, ids)
                self.expected = {id_: micro for id_, micro in self.expected.items() if id_ not in ids}


class Reader(threading.Thread):
    """Searches and walks through a collection that nobody changes until told to stop."""

    def __init__(self, store: QdrantEdgeStore, points: Points, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.wrong: list[str] = []
        self._store, self._points, self._stop_now = store, points, stop

    def run(self) -> None:
        try:
            self._go_on()
        except Exception as error:
            self.wrong.append(repr(error))

    def _go_on(self) -> None:
        while not self._stop_now.wait(0.001):  # who asks the engine without a pause lets nobody else have a turn
            if self._store.search("still", self._points.vectors[0], 200)[0].image_id != self._points.image_ids[0]:
                self.wrong.append("another one is nearest")
            found, cursor = list[str](), None
            while cursor is not None or not found:
                page, cursor = self._store.scroll("still", after=cursor, limit=30)
                found += page.image_ids
            if sorted(found) != sorted(self._points.image_ids):
                self.wrong.append(f"{len(found)} of {len(self._points)} seen")


def test_nobody_who_writes_or_reads_meanwhile_notices(tmp_path: Path, make_points: MakePoints) -> None:
    store, stop = QdrantEdgeStore(tmp_path, 8), threading.Event()
    still = make_points([f"still{i}" for i in range(200)])
    store.put("still", still)
    writers = [Writer(store, make_points, number, stop) for number in range(3)]
    threads = [*writers, Reader(store, still, stop)]
    for thread in threads:
        thread.start()
    try:
        compacted = [store.compact() for _ in range(8)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all(compacted)
    assert [thread.wrong for thread in threads] == [[]] * 4
    for writer in writers:
        found = store.fetch(writer.name, [f"i{i}" for i in range(300)])
        assert dict(zip(found.image_ids, found.micro_ids.tolist(), strict=True)) == writer.expected
    store.close()


def test_what_an_earlier_process_deleted_counts(tmp_path: Path, make_points: MakePoints) -> None:
    points = make_points([f"i{i}" for i in range(compaction.WORTH_IT)])
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", points)
    store.delete("mine", points.image_ids[:-1])
    store.close()
    assert folders(tmp_path) == {"shard"}
    store = QdrantEdgeStore(tmp_path, 8)
    assert store.deleted() == compaction.WORTH_IT - 1
    store.put("mine", make_points(["another"]))
    store.delete("mine", ["another"])
    store.flush()
    settled(store)
    assert store.deleted() == 0
    store.close()
    assert folders(tmp_path) == {"shard-1"}


def test_only_deleted_points_keep_a_place(tmp_path: Path, make_points: MakePoints) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    points = make_points([f"i{i}" for i in range(100)])
    for _ in range(3):
        store.put("mine", points)
        store.move("mine", points.image_ids, range(100, 200))
        store.delete("mine", ["nobody", "i0", "i0"])
        store.delete("other", points.image_ids)
    store.flush()
    assert store.size() == 99
    assert store.deleted() == 3
    assert store.compact()
    assert store.deleted() == 0
    store.put("mine", make_points(["a"]))
    store.flush()
    assert store.deleted() == 0
    store.close()


def test_a_large_store_is_not_compacted_for_the_deletion_of_a_part(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "WORTH_IT", 10)
    store = QdrantEdgeStore(tmp_path, 8)
    points = make_points([f"i{i}" for i in range(100)])
    store.put("mine", points)
    store.delete("mine", points.image_ids[:49])
    store.flush()
    assert idle()
    assert folders(tmp_path) == {"shard"}
    store.delete("mine", points.image_ids[:50])
    store.flush()
    wait_until(lambda: folders(tmp_path) == {"shard-1"})
    store.close()


def test_who_was_about_to_ask_the_old_shard_is_answered_by_the_new_one(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a", "b"]))
    asked: list[object] = []

    def compacted_first(shard: EdgeShard, *arguments: Any) -> Any:
        asked.append(shard)
        if len(asked) == 1:
            thread = threading.Thread(target=store.compact)
            thread.start()
            thread.join()
        return EdgeShard.count(shard, *arguments)

    assert store._ask(compacted_first, CountRequest(exact=True)) == 2
    assert len(set(map(id, asked))) == 2
    store.close()
