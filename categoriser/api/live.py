"""Open streams of events: how many there are, and how they end when the service does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from fastapi.concurrency import run_in_threadpool

from categoriser.domain import Event
from categoriser.errors import BusyError, NotFoundError
from categoriser.library import Collection
from categoriser.settings_outgoing import LiveSettings

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """Events, oldest first, and the cursor to go on from: behind all that was looked at."""

    events: Sequence[Event]
    next: int


class Streams:
    """The open streams of one event loop. One costs a cursor and a bell, whether or not anything happens."""

    def __init__(self, limit: int, poll_seconds: float, recheck_seconds: float) -> None:
        self._limit = limit
        self._poll_seconds = poll_seconds
        self._recheck_seconds = recheck_seconds
        self._bells: set[asyncio.Event] = set()
        self._closing = False

    @classmethod
    def of(cls, settings: LiveSettings) -> Streams:
        """As the settings say."""
        return cls(settings.streams, settings.poll_seconds, settings.recheck_seconds)

    def __len__(self) -> int:
        return len(self._bells)

    def check(self) -> None:
        """Refuse one more while there is no room.

        Raises:
            BusyError: as many are open as may be, or the service is ending.
        """
        if self._closing or len(self._bells) >= self._limit:
            raise BusyError(f"{len(self._bells)} streams of events are open and no more can be; try again later.")

    def close(self) -> None:
        """End all streams; to be called in their event loop."""
        self._closing = True
        for bell in self._bells:
            bell.set()

    async def follow(
        self, collection: Collection, after: int, types: Sequence[str], allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[Batch]:
        """Batches of events after a cursor, for as long as the service runs and the collection is there.

        ``allowed`` is asked now and then whether the reader still may.

        The bell rings at every commit of this process; other processes are heard of by looking now and then.
        """
        with self._bell() as bell, collection.listening(_from_any_thread(bell)):
            asked = time.monotonic()
            while not self._closing:
                if time.monotonic() - asked >= self._recheck_seconds:
                    if not await allowed():
                        return
                    asked = time.monotonic()
                bell.clear()  # before looking: what is committed after the look rings it again
                try:
                    found, following = await run_in_threadpool(
                        collection.events_and_next, after=after, types=types, limit=_PAGE
                    )
                except NotFoundError:  # the collection was deleted
                    return
                if following != after:
                    after = following
                    yield Batch(found, following)
                if len(found) < _PAGE and not self._closing:
                    await _rung(bell, min(self._poll_seconds, self._recheck_seconds))

    @contextmanager
    def _bell(self) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)


def _from_any_thread(bell: asyncio.Event) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def ring() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(bell.set)

    return ring


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(bell.wait(), seconds)
    except TimeoutError:
        return
