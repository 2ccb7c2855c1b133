"""Threads that work for collections in turn."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from categoriser.pipeline.fair_queue import FairQueue

_NICE: Final = 10  # of threads that give way: about a tenth of the share of others, where both want the processor


class FairThreads:
    """A fixed number of threads, started as they are needed."""

    def __init__(self, number: int, name: str, *, give_way: bool = False) -> None:
        """``give_way``: nobody waits for their work, and the processors are for others first (on Linux)."""
        self._number = number
        self._name = name
        self._give_way = give_way
        self._queue: FairQueue[int, Callable[[], None]] = FairQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._guard = threading.Lock()

    def submit(self, collection_id: int, work: Callable[[], None]) -> None:
        """Do it when the collection's turn comes; it must not raise."""
        with self._guard:
            if self._idle <= len(self._queue) and len(self._threads) < self._number:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system has no more: those that there are do it
                    if not self._threads:
                        raise
                else:
                    self._threads.append(thread)
        self._queue.put(collection_id, work)

    def close(self) -> None:
        """Do what waits, and end."""
        self._queue.close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        if self._give_way and sys.platform == "linux":  # elsewhere niceness is of the whole process
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while True:
            with self._guard:
                self._idle += 1
            work = self._queue.get()
            with self._guard:
                self._idle -= 1
            if work is None:
                return
            work()
