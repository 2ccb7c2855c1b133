"""Takes accepted pictures from the inbox into the pipeline, as fast as it files them and collection by collection.

Only numbers are kept in memory, so a million may wait. One that failed for now comes back later.
"""

from __future__ import annotations

import heapq
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

import sqlalchemy as sa

from categoriser.catalog import inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed
from categoriser.errors import (
    BusyError,
    CategoriserError,
    ConfigurationError,
    CrowdedError,
    EncoderFailedError,
    NotFoundError,
    RejectedError,
    StoppingError,
    UnreachableError,
    code_of,
)
from categoriser.pipeline.fair_queue import FairQueue
from categoriser.pipeline.room import SharedRoom
from categoriser.settings_uploads import UploadSettings
from categoriser.state import Storage

_JITTER: Final = (0.8, 1.2)
_NOT_ITS_OWN: Final = 4  # attempts that the pause is for when all pictures have the problem
_log = logging.getLogger(__name__)

Submit = Callable[[CollectionRow, int], Future[Filed]]  # waits for room


class Feeder:
    """One thread beside a pipeline."""

    def __init__(self, storage: Storage, submit: Submit, settings: UploadSettings, *, most: int) -> None:
        """``most``: pictures of the inbox that are under way at a time; the rest of the pipeline stays free."""
        self._storage = storage
        self._submit = submit
        self._settings = settings
        self._queue: FairQueue[int, tuple[CollectionRow, int, int]] = FairQueue()  # entry, bytes in the database
        self._later: list[tuple[float, int, CollectionRow]] = []  # a heap: when, entry
        self._guard = threading.Lock()
        self._room = threading.BoundedSemaphore(most)
        self._bytes = 0  # in the database, of entries that wait
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._shared = None
        if storage.presence is not None:
            self._shared = SharedRoom(storage, settings.waiting, settings.waiting_per_collection)

    @property
    def counts(self) -> bool:
        """Whether looking for room may wait for the database."""
        return self._shared is not None

    def check_room(self, collection: CollectionRow, pictures: int = 0) -> None:
        """Whether more pictures may be accepted, over all processes that share the inbox.

        Args:
            collection: where they are to go.
            pictures: that take their places now, until ``settled`` is called; 0 only asks.

        Raises:
            CrowdedError: too many of the collection wait already.
            BusyError: too many wait in all.
        """
        if self._shared is None:
            room = len(self._queue) < self._settings.waiting
            own = self._queue.length_of(collection.id) < self._settings.waiting_per_collection
        else:
            room, own = self._shared.take(collection.id, pictures)
        if not room:
            raise BusyError("More accepted pictures wait to be filed than may wait; send this one again later.")
        if not own:
            raise CrowdedError(
                f"{self._settings.waiting_per_collection:,} pictures of collection {collection.name!r} wait to be "
                "filed already; send this one again later."
            )

    def settled(self, collection: CollectionRow, pictures: int) -> None:
        """Pictures that took places are durable, and counted as such from now on, or were given up."""
        if self._shared is not None:
            self._shared.settled(collection.id, pictures)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the database keeps for them."""
        return self._bytes

    def tell(self, collection: CollectionRow, numbers: Sequence[int], sizes: Sequence[int] = ()) -> None:
        """These entries are durable and wait to be filed."""
        if self._stopping.is_set():
            return  # the next start finds them
        self._start()
        with self._guard:
            self._bytes += sum(sizes)
        for place, number in enumerate(numbers):
            self._queue.put(collection.id, (collection, number, sizes[place] if sizes else 0))

    def come_back(self, collection: CollectionRow, number: int, error: BaseException) -> None:
        """An entry failed and not for good: try it again later, or give it up after enough attempts."""
        try:
            with self._storage.database.read() as connection:
                entry = inbox.get(connection, number)
            if entry is None or entry["reason"] is not None:
                return
            attempts = int(entry["attempts"]) + 1
            its_own = isinstance(error, UnreachableError | EncoderFailedError)  # others are about all pictures
            with self._storage.database.write() as connection:
                if isinstance(error, ConfigurationError) or (its_own and attempts >= self._settings.attempts):
                    inbox.fail(connection, number, str(error), code_of(error))
                    return
                at = time.time() + self._pause(attempts if its_own else _NOT_ITS_OWN)
                if its_own or entry["problem"] != str(error):  # once is enough to say it of a hundred thousand
                    inbox.defer(connection, number, str(error), at)
        except (CategoriserError, sa.exc.SQLAlchemyError):  # the disk is full, the database away
            _log.exception("entry %d of the inbox could not be put off", number)
            at = time.time() + self._settings.longest_retry_seconds
        with self._guard:
            heapq.heappush(self._later, (at, number, collection))
        self._start()
        self._queue.wake()

    def tell_later(self, collection: CollectionRow, numbers: Sequence[int]) -> None:
        """These entries wait for what all of them need, such as an encoder that cannot be opened now."""
        with self._guard:
            for number in numbers:
                heapq.heappush(self._later, (time.time() + self._pause(_NOT_ITS_OWN), number, collection))
        self._start()
        self._queue.wake()

    def stop(self) -> None:
        """Take nothing more: what waits is taken at the next start."""
        self._stopping.set()
        self._queue.close()

    def close(self) -> None:
        """Take all that waits now, and end; what comes back later is left to the next start."""
        self._queue.close()
        with self._guard:
            thread = self._thread
        if thread is not None:
            thread.join()
        self._stopping.set()

    def _start(self) -> None:
        with self._guard:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._work, name="inbox", daemon=True)
                self._thread.start()

    def _pause(self, attempts: int) -> float:
        first, longest = self._settings.retry_seconds, self._settings.longest_retry_seconds
        spread: float = random.uniform(*_JITTER)  # noqa: S311 - spreads load, guards nothing
        return min(longest, first * 2.0 ** min(attempts - 1, 30)) * spread

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._take_due()
            taken = self._queue.get(timeout=self._patience())
            if taken is None:
                if self._queue.closed and not len(self._queue):
                    return
                continue
            row, number, size = taken
            with self._guard:
                self._bytes -= size
            self._feed(row, number)

    def _feed(self, row: CollectionRow, number: int) -> None:
        self._room.acquire()
        try:
            future = self._submit(row, number)
        except ConfigurationError as error:
            self._room.release()
            self.come_back(row, number, error)
        except CategoriserError:  # closed meanwhile
            self._room.release()
        else:
            future.add_done_callback(lambda _: self._room.release())

    def _take_due(self) -> None:
        now = time.time()
        with self._guard:
            due = []
            while self._later and self._later[0][0] <= now:
                due.append(heapq.heappop(self._later))
        for _, number, row in due:
            self._queue.put(row.id, (row, number, 0))

    def _patience(self) -> float:
        with self._guard:
            first = self._later[0][0] if self._later else None
        return 60.0 if first is None else min(60.0, max(0.0, first - time.time()))


def passing(error: BaseException | None) -> bool:
    """Whether a failure to file an accepted picture is worth another attempt later."""
    if error is None or isinstance(error, NotFoundError | StoppingError):
        return False
    return isinstance(error, UnreachableError) or not isinstance(error, RejectedError)
