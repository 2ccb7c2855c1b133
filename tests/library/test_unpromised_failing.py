"""Pictures that nobody was promised anything about, where several things go wrong at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from categoriser import CategoriserError, EncoderFailedError, Library, NotFoundError, UnreadablePictureError
from categoriser.catalog import inbox
from categoriser.encoders.classic import ClassicEncoder
from categoriser.errors import StoppingError
from categoriser.intake import Item, sha256
from categoriser.library.uploads import Failures
from categoriser.pipeline import fair_threads, pipeline
from categoriser.pipeline.jobs import Job
from categoriser.state.media import Media
from tests.library.test_unpromised import files, sent, torn
from tests.waiting import wait_until
from tests.whole import check, left_over, picture


def late_originals(library: Library, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Originals are written once the event is set."""
    keep, may = library.storage.media.keep_original, threading.Event()

    def slow(*arguments: Any) -> None:
        if threading.current_thread().name.startswith("keep"):
            may.wait(30)
        keep(*arguments)

    monkeypatch.setattr(library.storage.media, "keep_original", slow)
    return may


def full(*_: object) -> None:
    raise CategoriserError("The disk is full.")


def test_one_that_can_be_neither_filed_nor_kept_is_told_the_truth_and_leaves_nothing(
    pictures_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = pictures_library.collection("a")
    for part in ("prepare", "encode_prepared"):
        with monkeypatch.context() as patch:
            patch.setattr(ClassicEncoder, part, lambda *_: 1 / 0)
            patch.setattr(pictures_library.pipeline.acceptance, "_commit", full)
            with pytest.raises(CategoriserError, match="disk is full"):
                sent(collection, 1).result()
        assert left_over(pictures_library)["inbox"] == 0
        assert files(pictures_library, collection) == []


@pytest.mark.parametrize("whole", [False, True])
def test_nothing_is_written_once_what_became_of_it_was_told(
    pictures_library: Library, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Its failed entry, or all of its collection, is deleted at once, and the disk is slow."""
    collection = pictures_library.collection("a")
    key, may = collection.row.key, late_originals(pictures_library, monkeypatch)
    item = Item("t.jpg", data=torn(1))
    answer = pictures_library.pipeline.submit(collection.row, item, promised=False)
    time.sleep(0.2)
    assert not answer.done()  # it waits for the disk, too
    if whole:
        pictures_library.delete_collection("a")
    may.set()
    with pytest.raises(NotFoundError if whole else UnreadablePictureError):
        answer.result(30)
    if not whole:
        assert Failures(pictures_library, collection.row).discard() == 1
    folders = pictures_library.storage.media.folders(key)
    wait_until(lambda: not [path for folder in folders for path in folder.rglob("*") if path.is_file()])
    assert left_over(pictures_library)["inbox"] == 0


def test_a_file_that_fails_when_all_else_is_done_costs_its_own_picture_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, may = sha256(picture(1)), threading.Event()
    with Library.open(tmp_path / "library", encoder="classic") as library, monkeypatch.context() as patch:
        collection, media = library.collection("a"), library.storage.media
        keep = media.keep_original

        def late(key: str, digest: str, data: bytes) -> None:
            if digest == bad and threading.current_thread().name.startswith("keep"):
                may.wait(30)
                raise OSError(28, "No space left on device")
            keep(key, digest, data)

        other = sent(collection, 9).result(30).image_id
        patch.setattr(media, "keep_original", late)
        answers = [sent(collection, seed) for seed in (0, 1, 2)]
        jobs = library.pipeline._lanes._lanes[collection.row.id].jobs
        wait_until(lambda: len(jobs) <= 2 and all(job.ready for job in jobs))
        with ThreadPoolExecutor(1) as threads:  # who corrects the collection does not wait for the disk
            assert threads.submit(collection.delete, [other]).result(10) == 1
        may.set()
        assert not answers[0].result(30).known
        with pytest.raises(OSError, match="No space"):
            answers[1].result(30)
        assert not answers[2].result(30).known
        assert left_over(library)["inbox"] == 1
        check(collection, tmp_path)
    _comes_back(tmp_path, 3)


@pytest.mark.parametrize("written", [False, True])
def test_a_slow_thumbnail_does_not_outlast_what_it_is_of(
    pictures_library: Library, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Its original cannot be written, or nothing can encode it, and it cannot be kept either."""
    collection, media = pictures_library.collection("a"), pictures_library.storage.media
    show, may, shown = media.keep_thumbnail, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> None:
        may.wait(30)
        show(*arguments)
        shown.set()

    with monkeypatch.context() as patch:
        patch.setattr(media, "keep_thumbnail", slow)
        patch.setattr(pictures_library.pipeline.acceptance, "_commit", full)
        patch.setattr(*((ClassicEncoder, "encode_prepared") if written else (media, "keep_original")), full)
        answer = sent(collection, 1)
        time.sleep(0.2)
        may.set()
        with pytest.raises(CategoriserError, match="disk is full"):
            answer.result(30)
        assert shown.wait(30)
    assert files(pictures_library, collection) == []
    assert left_over(pictures_library)["inbox"] == 0


@pytest.mark.parametrize(
    ("owner", "part", "problem"),
    [
        (pipeline, "EncoderThreads", RuntimeError("can't start new thread")),
        (Media, "keep_thumbnail", OSError(28, "No space left on device")),
    ],
)
def test_what_fails_behind_the_decoding_costs_one_picture_which_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, part: str, problem: Exception
) -> None:
    def failing(*_: object) -> None:
        raise problem

    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        with monkeypatch.context() as patch:
            patch.setattr(owner, part, failing)
            with pytest.raises(type(problem)):
                sent(collection, 1).result(30)
        assert (len(collection), left_over(library)["inbox"]) == (0, 1)
        assert not sent(collection, 2).result(30).known
    _comes_back(tmp_path, 2)


def _comes_back(folder: Path, number: int) -> None:
    """What was kept in the inbox is filed at the next start."""
    with Library.open(folder / "library") as library:
        wait_until(lambda: left_over(library)["inbox"] == 0)
        collection = library.collection("a")
        assert len(check(collection, folder)) == number
        assert len(files(library, collection)) == 2 * number


def test_one_that_is_given_up_while_others_are_looked_at_leaves_no_files(
    pictures_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, encode = threading.Event(), ClassicEncoder.encode_prepared

    def waiting(self: ClassicEncoder, batch: Any) -> Any:
        may.wait(30)
        return encode(self, batch)

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", waiting)
    collection, lanes = pictures_library.collection("a"), pictures_library.pipeline._lanes
    first, second, forget = sent(collection, 1), sent(collection, 2), lanes._forget
    wait_until(lambda: len(files(pictures_library, collection)) == 4)
    jobs = list(lanes._lanes[collection.row.id].jobs)

    def between(job: Job) -> None:
        jobs[0].answer(StoppingError("given up"))
        forget(job)

    monkeypatch.setattr(lanes, "_forget", between)
    jobs[1].answer(StoppingError("given up"))  # one after the other, as they are answered where all is given up
    may.set()
    assert pictures_library.pipeline.wait_idle(30)
    assert (first.done(), second.done()) == (True, True)
    assert len(files(pictures_library, collection)) == 2 * len(collection)


def test_one_that_comes_behind_a_known_one_waits_for_nothing_that_nobody_waits_for(pictures_library: Library) -> None:
    collection, courtesy = pictures_library.collection("a"), pictures_library.pipeline._courtesy
    sent(collection, 1).result()
    begun, may = threading.Event(), threading.Event()

    def piece() -> None:
        with courtesy.giving_way():
            begun.set()
            may.wait(30)

    thread = threading.Thread(target=piece)
    thread.start()
    try:
        assert begun.wait(30)
        assert sent(collection, 1).result(10).known
        assert not sent(collection, 2).result(10).known
    finally:
        may.set()
        thread.join()


def test_a_thread_that_cannot_be_started_costs_one_picture_and_nothing_else(
    pictures_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, pipeline = pictures_library.collection("a"), pictures_library.pipeline

    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(fair_threads.threading, "Thread", NoThread)
        with pytest.raises(RuntimeError, match="new thread"):
            sent(collection, 1)
    assert (pipeline.under_way, pipeline.idle, pipeline._reading) == (0, True, 0)
    assert not sent(collection, 2).result(30).known


def test_one_that_waits_comes_back_although_the_database_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = {"retry_seconds": 0.05, "longest_retry_seconds": 0.2}
    with Library.open(tmp_path / "library", encoder="classic", uploads=soon) as library:
        collection, asked, get = library.collection("a"), threading.Event(), inbox.get

        def away(*_: object) -> None:
            monkeypatch.setattr(inbox, "get", get)
            asked.set()
            raise sa.exc.OperationalError("SELECT", {}, ConnectionError("the server closed the connection"))

        monkeypatch.setattr(inbox, "get", away)
        with monkeypatch.context() as patch:
            patch.setattr(ClassicEncoder, "encode_prepared", lambda *_: 1 / 0)
            with pytest.raises(EncoderFailedError, match="tried again"):
                sent(collection, 1).result()
            assert asked.wait(30)
        wait_until(lambda: left_over(library)["inbox"] == 0)
        assert len(check(collection, tmp_path)) == 1
