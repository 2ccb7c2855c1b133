"""Threads that work for collections in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable

from categoriser.pipeline.fair_queue import FairQueue


class FairThreads:
    """A fixed number of threads, started as they are needed; few of them do work that nobody waits for."""

    def __init__(self, number: int, name: str, *, unhurried: int) -> None:
        """``unhurried``: pieces of work at a time that nobody waits for and that keep a processor busy."""
        self._number = number
        self._room = unhurried
        self._later: FairQueue[tuple[int, Callable[[], None]]] = FairQueue()
        self._name = name
        self._queue: FairQueue[Callable[[], None]] = FairQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._guard = threading.Lock()

    def submit(self, collection_id: int, work: Callable[[], None], *, unhurried: bool = False) -> None:
        """Do it when the collection's turn comes; it must not raise."""
        if unhurried:
            with self._guard:
                if self._room == 0:
                    self._later.put(collection_id, (collection_id, work))
                    return
                self._room -= 1
            self._start(collection_id, lambda: self._unhurried(work))
        else:
            self._start(collection_id, work)

    def _start(self, collection_id: int, work: Callable[[], None]) -> None:
        with self._guard:
            if self._idle <= len(self._queue) and len(self._threads) < self._number:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put(collection_id, work)

    def close(self) -> None:
        """Do what waits, and end."""
        self._queue.close()
        for thread in self._threads:
            thread.join()

    def _unhurried(self, work: Callable[[], None]) -> None:
        work()
        with self._guard:
            following = self._later.get(timeout=0)
            if following is None:
                self._room += 1
                return
        self._start(following[0], lambda: self._unhurried(following[1]))

    def _work(self) -> None:
        while True:
            with self._guard:
                self._idle += 1
            work = self._queue.get()
            with self._guard:
                self._idle -= 1
            if work is None:
                return
            work()
