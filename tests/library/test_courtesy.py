"""What nobody waits for gives way to what somebody waits for, and comes to its end all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from categoriser.pipeline import courtesy
from categoriser.pipeline.courtesy import Courtesy
from categoriser.pipeline.fair_queue import FairQueue


class Pieces:
    """Work of several threads that nobody waits for."""

    def __init__(self, way: Courtesy, pool: ThreadPoolExecutor) -> None:
        self._way, self._pool = way, pool
        self._guard = threading.Lock()
        self._at_once = 0
        self.most_at_once = 0
        self.word = threading.Event()
        self.begun = threading.Semaphore(0)

    def begin(self) -> Future[None]:
        return self._pool.submit(self._piece)

    def _piece(self) -> None:
        with self._way.giving_way():
            with self._guard:
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            self.begun.release()
            assert self.word.wait(60)
            with self._guard:
                self._at_once -= 1


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as made:
        yield made


def test_where_nobody_waits_everything_is_done_side_by_side(pool: ThreadPoolExecutor) -> None:
    pieces = Pieces(Courtesy(), pool)
    done = [pieces.begin() for _ in range(3)]
    for _ in done:
        assert pieces.begun.acquire(timeout=60)
    pieces.word.set()
    for one in done:
        one.result(60)
    assert pieces.most_at_once == 3


def test_while_somebody_waits_it_is_done_one_piece_at_a_time(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courtesy, "_REST", 0.0)
    way = Courtesy()
    pieces = Pieces(way, pool)
    way.begin()
    done = [pieces.begin() for _ in range(3)]
    assert pieces.begun.acquire(timeout=60)
    assert not pieces.begun.acquire(timeout=0.2)  # the others stand back
    pieces.word.set()
    for one in done:  # without that the picture that somebody waits for was answered: nothing starves
        one.result(60)
    assert pieces.most_at_once == 1


def test_between_two_pieces_there_is_a_rest_as_long_as_somebody_waits() -> None:
    way = Courtesy()
    way.begin()
    with way.giving_way():
        time.sleep(0.1)
    begun = time.monotonic()
    with way.giving_way():
        pass
    assert time.monotonic() - begun >= 0.1


def test_when_nobody_waits_any_more_all_go_on(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "_REST", 1e6)
    monkeypatch.setattr(courtesy, "_MORE", 0.05)
    way = Courtesy()
    pieces = Pieces(way, pool)
    pieces.word.set()
    way.begin()
    pieces.begin().result(60)
    resting = [pieces.begin() for _ in range(3)]
    assert not any(one.done() for one in resting)
    way.end()
    for one in resting:
        one.result(60)


def test_while_a_picture_is_accepted_it_is_one_piece_at_a_time_without_rests(pool: ThreadPoolExecutor) -> None:
    way = Courtesy()
    pieces = Pieces(way, pool)
    accepted: Future[None] = Future()
    way.accept(accepted)
    first = pieces.begin()
    assert pieces.begun.acquire(timeout=60)
    others = [pieces.begin() for _ in range(2)]
    assert not pieces.begun.acquire(timeout=0.2)
    accepted.set_result(None)
    for _ in others:
        assert pieces.begun.acquire(timeout=60)
    pieces.word.set()
    for one in (first, *others):
        one.result(60)


def test_a_queue_gives_the_next_one_of_some_keys_only() -> None:
    queue: FairQueue[tuple[int, bool], str] = FairQueue()
    queue.put((1, True), "later 1")
    queue.put((1, False), "now 1")
    queue.put((2, True), "later 2")
    assert queue.get(among=lambda key: not key[1]) == "now 1"
    assert queue.get(timeout=0, among=lambda key: not key[1]) is None
    assert queue.get() == "later 1"
    queue.close()
    assert queue.get(among=lambda key: not key[1]) is None
    assert queue.get() == "later 2"
    assert queue.get() is None
