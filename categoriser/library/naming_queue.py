"""Collections that want names, one after the other in a thread of their own: no upload waits for a name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable


class NamingQueue:
    """Each collection waits once, however often it was put there."""

    def __init__(self, name: Callable[[int], None]) -> None:
        """``name`` names one collection and fails for none."""
        self._name = name
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._under_way: int | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, collection_id: int) -> None:
        """Name it soon, and once more if it is just being named."""
        with self._changed:
            if self._closed:
                return
            self._waiting[collection_id] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="naming", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits or is being named."""
        with self._changed:
            return not self._waiting and self._under_way is None

    def holds(self, collection_id: int) -> bool:
        """Whether it waits or is being named."""
        with self._changed:
            return self._has(collection_id)

    def settle(self, collection_id: int) -> None:
        """Wait until it neither waits nor is being named."""
        with self._changed:
            self._changed.wait_for(lambda: not self._has(collection_id))

    def close(self) -> None:
        """Come to the end of what waits, and take no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _has(self, collection_id: int) -> bool:
        return collection_id in self._waiting or collection_id == self._under_way

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                self._under_way, _ = self._waiting.popitem(last=False)
            try:
                self._name(self._under_way)
            finally:
                with self._changed:
                    self._under_way = None
                    self._changed.notify_all()
