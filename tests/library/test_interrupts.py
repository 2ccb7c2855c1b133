"""Ctrl-C at the worst moments: it ends what it should end, nothing waits for ever, and nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from categoriser import Library
from categoriser.library import adding
from categoriser.library.interrupts import interrupts_held
from categoriser.pipeline.fair_threads import FairThreads
from tests.waiting import wait_until
from tests.whole import check, left_over, pictures


@pytest.fixture(autouse=True)
def _ordinary_signals() -> Iterator[None]:
    """Whoever started the tests may have set SIGINT to be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _closed(library: Library) -> bool:
    closing = threading.Thread(target=library.close, daemon=True)
    closing.start()
    closing.join(60)
    return not closing.is_alive()


def test_between_a_place_in_line_and_the_handing_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pictures(tmp_path / "pictures", 12)
    hand_over, number = FairThreads.submit, [0]

    def interrupted(self: FairThreads, collection_id: int, work: Any) -> None:
        number[0] += 1
        if number[0] == 5:
            signal.raise_signal(signal.SIGINT)  # the lane has the picture, and its reader does not
        hand_over(self, collection_id, work)

    monkeypatch.setattr(FairThreads, "submit", interrupted)
    library = Library.open(tmp_path / "library", encoder="classic")
    try:
        with pytest.raises(KeyboardInterrupt):
            library.collection("mine").add(folder)
    finally:
        ended = _closed(library)
    assert ended
    assert number[0] == 5  # the fifth was handed over as a whole, and none after it
    with Library.open(tmp_path / "library") as again:
        collection = again.collection("mine")
        assert len(collection.images()) == 5
        report = collection.add(folder)
        assert (len(report.filed), len(report.known)) == (7, 5)
        check(collection, tmp_path)
        assert not any(left_over(again).values())


def test_while_the_last_ones_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, blocked = pictures(tmp_path / "pictures", 3), threading.Event()
    hand_over = FairThreads.submit

    def slow(self: FairThreads, collection_id: int, work: Any) -> None:
        def late() -> None:
            blocked.wait(30)
            work()

        hand_over(self, collection_id, late)

    monkeypatch.setattr(FairThreads, "submit", slow)
    seen: list[str] = []

    def waiting(futures: Any, seconds: float) -> None:
        seen.append("waits")
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(adding, "wait", waiting)
    library = Library.open(tmp_path / "library", encoder="classic")
    try:
        with pytest.raises(KeyboardInterrupt):  # although none of the pictures is done
            library.collection("mine").add(folder)
    finally:
        blocked.set()
        ended = _closed(library)
    assert ended
    assert seen == ["waits"]
    with Library.open(tmp_path / "library") as again:
        collection = again.collection("mine")
        wait_until(lambda: len(collection.images()) == 3)


def test_a_second_one_is_not_held() -> None:
    came = []

    def press(times: int) -> None:
        with interrupts_held():
            for time in range(times):
                signal.raise_signal(signal.SIGINT)
                came.append(time)

    with pytest.raises(KeyboardInterrupt):
        press(3)
    assert came == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_came_last_is_raised_at_the_end() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_held():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_handles_the_signal_goes_on_doing_so() -> None:
    told: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: told.append(number))
    with interrupts_held() as looked:
        signal.raise_signal(signal.SIGINT)
        looked()
    assert told == [signal.SIGINT]


def test_other_threads_are_left_alone() -> None:
    failed: list[BaseException] = []

    def elsewhere() -> None:
        try:
            with interrupts_held() as looked:
                looked()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert not failed
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
