"""Disk, store and encoder fail: nothing is lost, nothing is doubled, and everything goes on afterwards."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from categoriser import (
    BusyError,
    CategoriserError,
    EncoderFailedError,
    Filed,
    Library,
    NotFoundError,
)
from categoriser.catalog import images, outbox
from categoriser.encoders.classic import ClassicEncoder
from categoriser.intake import Item
from categoriser.store import QdrantEdgeStore
from tests.waiting import wait_until
from tests.whole import check, clusters, left_over, picture

NAMES = [f"v{i}" for i in range(100)]


def failing(original: Any, error: BaseException, times: int = 1) -> Any:
    """A function that raises at its first calls and then does what it replaces."""
    left = [times]

    def call(*arguments: Any, **named: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise error
        return original(*arguments, **named)

    return call


def test_a_failed_commit_changes_nothing_and_can_be_repeated(
    vectors_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy as sa

    collection = vectors_library.collection("a")
    collection.add_vectors(NAMES[:50], clusters(100)[:50])
    before = check(collection, tmp_path)
    full = sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    monkeypatch.setattr(outbox, "put_later", failing(outbox.put_later, full))
    with pytest.raises(CategoriserError, match=r"disk is full.*Free disk space"):
        collection.add_vectors(NAMES, clusters(100))
    assert check(collection, tmp_path) == before
    assert all(isinstance(one, Filed) for one in collection.add_vectors(NAMES, clusters(100)))
    assert set(check(collection, tmp_path)) == set(NAMES)


def test_pictures_of_a_failed_commit_are_filed_after_a_restart_without_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        monkeypatch.setattr(images, "insert", failing(images.insert, OSError(28, "No space left on device"), times=100))
        with pytest.raises(OSError, match="No space"):
            collection.add([picture(i) for i in range(20)])
        assert check(collection, tmp_path) == {}
        assert left_over(library)["inbox"] == 20
    monkeypatch.undo()
    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        wait_until(lambda: left_over(library) == {"inbox": 0, "outbox": 0})
        assert len(check(collection, tmp_path)) == 20
        assert all(one.source is None and one.name == "upload" for one in collection.images())


@pytest.mark.parametrize("call", ["put", "move", "delete"])
def test_a_store_that_fails_once_is_told_again_without_a_restart(
    call: str, vectors_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = vectors_library.collection("a")
    collection.add_vectors(NAMES[:40], clusters(100)[:40])
    monkeypatch.setattr(QdrantEdgeStore, call, failing(getattr(QdrantEdgeStore, call), CategoriserError("store broke")))
    answers = collection.add_vectors(NAMES, clusters(100, noise=0.4))
    collection.run()
    collection.delete(NAMES[:5])
    assert all(isinstance(one, Filed) for one in answers[40:])
    store, row = vectors_library.storage.store(collection.row), collection.row
    wait_until(lambda: store.count(row.key) == len(collection))
    check(collection, tmp_path)
    wait_until(lambda: left_over(vectors_library)["outbox"] == 0)


def test_a_store_that_stays_broken_stops_the_inflow_and_recovers(
    vectors_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = vectors_library.collection("a")
    monkeypatch.setattr(QdrantEdgeStore, "put", failing(QdrantEdgeStore.put, CategoriserError("broken"), times=10**9))
    assert len(collection.add_vectors(NAMES[:10], clusters(10))) == 10  # decided before the failure was known
    for _ in range(3):
        with pytest.raises(CategoriserError, match="broken"):
            collection.add_vectors(NAMES[10:20], clusters(20)[10:])
        with pytest.raises(CategoriserError, match="broken"):
            collection.delete("v1")
    assert len(collection) == 10
    assert left_over(vectors_library)["outbox"] == 1
    monkeypatch.undo()
    collection.add_vectors(NAMES[10:20], clusters(20)[10:])
    assert set(check(collection, tmp_path)) == set(NAMES[:20])


def test_orders_left_open_at_the_end_are_told_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8", automatic_runs=False) as library:
        monkeypatch.setattr(QdrantEdgeStore, "put", failing(QdrantEdgeStore.put, CategoriserError("no"), times=10**9))
        library.collection("a").add_vectors(NAMES, clusters(100))
    monkeypatch.undo()
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        assert set(check(library.collection("a"), tmp_path)) == set(NAMES)
        assert left_over(library) == {"inbox": 0, "outbox": 0}


def test_a_failed_flush_keeps_its_orders(vectors_library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = QdrantEdgeStore.flush
    monkeypatch.setattr(QdrantEdgeStore, "flush", failing(flush, CategoriserError("disk"), times=10**9))
    vectors_library.collection("a").add_vectors(NAMES, clusters(100))
    with pytest.raises(CategoriserError):
        vectors_library.storage.delivery.flush()
    assert left_over_quietly(vectors_library) > 0
    monkeypatch.setattr(QdrantEdgeStore, "flush", flush)
    wait_until(lambda: left_over_quietly(vectors_library) == 0)


def left_over_quietly(library: Library) -> int:
    with library.storage.database.read() as connection:
        return len(outbox.unfinished(connection))


def test_a_failed_automatic_run_does_not_fail_the_pictures(
    vectors_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from categoriser.engine import Grouped

    broken = failing(Grouped.propose, ZeroDivisionError("bug"), times=3)
    monkeypatch.setattr(Grouped, "propose", broken)
    collection = vectors_library.collection("a")
    assert all(isinstance(one, Filed) for one in collection.add_vectors(NAMES, clusters(100)))
    assert vectors_library.collection("a").categories() == []
    vectors_library.collection("a").add_vectors([f"more{i}" for i in range(100)], clusters(100, seed=1))
    assert len(check(collection, tmp_path)) == 200
    assert collection.categories()


def test_an_answer_does_not_wait_for_the_run_that_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from categoriser.pipeline import due_runs

    may_run, runs = threading.Event(), []
    original = due_runs.run

    def waits(*arguments: Any) -> Any:
        assert may_run.wait(20)
        runs.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(due_runs, "run", waits)
    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        row = collection.row
        futures = [library.pipeline.submit(row, Item(data=picture(seed), name=str(seed))) for seed in range(30)]
        first = [future.result(timeout=20) for future in futures[:25]]
        assert len({filed.image_id for filed in first}) == 25
        assert not runs
        may_run.set()
        library.pipeline.settle(row)
        assert runs
        filed = {future.result(timeout=20).image_id for future in futures}
        assert set(collection.assignments()) == filed


def test_a_picture_that_the_encoder_chokes_on_fails_alone_and_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ClassicEncoder.encode_prepared
    with Library.open(tmp_path / "library", encoder="classic", batch_wait_ms=200) as library:
        collection = library.collection("a")
        encoder = library.encoders.named("classic")
        from PIL import Image

        poison = np.asarray(encoder.prepare(Image.new("RGB", (48, 48), (255, 0, 0))))
        monkeypatch.setattr(
            ClassicEncoder, "encode_prepared", lambda self, batch: _choke(original, self, batch, poison)
        )
        Image.new("RGB", (48, 48), (255, 0, 0)).save(tmp_path / "poison.png")
        report = collection.add([*(picture(i) for i in range(20)), tmp_path / "poison.png", picture(77)])
        assert (len(report.filed), len(report.refused)) == (21, 1)
        assert "tried again" in report.refused[0].reason
        assert left_over(library)["inbox"] == 1
        assert collection.failed() == []
        with pytest.raises(EncoderFailedError):
            library.pipeline.submit(collection.row, Item("x", path=tmp_path / "poison.png")).result()
    monkeypatch.undo()
    with Library.open(tmp_path / "library") as library:
        wait_until(lambda: left_over(library)["inbox"] == 0)
        assert len(check(library.collection("a"), tmp_path)) == 22


def _choke(original: Any, encoder: Any, batch: Any, poison: Any) -> Any:
    if any(np.array_equal(one, poison) for one in batch):
        raise RuntimeError("out of memory")
    return original(encoder, batch)


def test_a_cancelled_wait_does_not_stop_the_collection(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    futures = [pictures_library.pipeline.submit(collection.row, Item(f"{i}", data=picture(i))) for i in range(20)]
    assert not any(future.cancel() for future in futures)
    for future in futures:
        future.add_done_callback(lambda _: 1 / 0)
    assert len({future.result(30).image_id for future in futures}) == 20
    assert len(check(collection, tmp_path)) == 20


def test_too_much_at_once_is_told_so_and_room_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, original = threading.Event(), ClassicEncoder.encode_prepared

    def waiting(self: ClassicEncoder, batch: Any) -> Any:
        assert gate.wait(30)
        return original(self, batch)

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", waiting)
    with Library.open(tmp_path / "library", encoder="classic", waiting_limit=5) as library:
        collection = library.collection("a")
        submit = library.pipeline.submit
        futures = [submit(collection.row, Item(f"{i}", data=picture(i)), wait=False) for i in range(5)]
        for _ in range(3):
            with pytest.raises(BusyError):
                submit(collection.row, Item("more", data=picture(9)), wait=False)
        gate.set()
        assert all(future.result(30) for future in futures)
        assert collection.add([picture(i) for i in range(30)]).inputs == 30
        assert len(check(collection, tmp_path)) == 30


def test_closing_while_busy_finishes_what_was_taken(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library", encoder="classic")
    row = library.collection("a").row
    futures = [library.pipeline.submit(row, Item(f"{i}", data=picture(i))) for i in range(60)]
    library.close()
    assert all(future.done() for future in futures)
    assert len({future.result().image_id for future in futures}) == 60
    with pytest.raises(CategoriserError, match="closed"):
        library.pipeline.submit(row, Item("late", data=picture(99)))
    with Library.open(tmp_path / "library") as again:
        assert len(check(again.collection("a"), tmp_path)) == 60


def test_a_collection_deleted_under_way_leaves_nothing(pictures_library: Library) -> None:
    row = pictures_library.collection("a").row
    futures = [pictures_library.pipeline.submit(row, Item(f"{i}", data=picture(i))) for i in range(60)]
    pictures_library.delete_collection("a")
    for future in futures:
        error = future.exception(30)
        assert error is None or isinstance(error, NotFoundError), error
    pictures_library.storage.delivery.flush()
    assert not [path for path in pictures_library.storage.folder.rglob(f"*{row.key}*/**/*") if path.is_file()]
    assert pictures_library.storage.store(row).count(row.key) == 0
    collection = pictures_library.collection("a")
    assert collection.add(picture(1)).filed


def test_many_threads_on_few_collections(tmp_path: Path) -> None:
    source = [picture(i) for i in range(120)]
    failures: list[BaseException] = []
    with Library.open(tmp_path / "library", encoder="classic", waiting_limit=16, open_collections=2) as library:

        def work(thread: int) -> None:
            rng = np.random.default_rng(thread)
            try:
                for step in range(6):
                    collection = library.collection(f"c{rng.integers(3)}")
                    collection.add([source[i] for i in rng.integers(0, 120, 12)])
                    known = list(collection.assignments())
                    some = known[rng.integers(len(known))]
                    with suppress(NotFoundError):  # somebody else deleted it
                        collection.search(image_id=some)
                    if step % 3 == thread % 3:
                        collection.run()
                        collection.delete(known[: rng.integers(4)])
                    collection.categories()
                    collection.images(limit=5)
                    collection.events(limit=5)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        assert failures == []
        before = {f"c{i}": check(library.collection(f"c{i}"), tmp_path) for i in range(3)}
        assert left_over(library) == {"inbox": 0, "outbox": 0}
    with Library.open(tmp_path / "library", encoder="classic") as library:
        assert {name: check(library.collection(name), tmp_path) for name in before} == before
