"""While somebody waits for a picture, what nobody waits for is done one piece at a time, with rests between.

Threads of Python take turns: each of a dozen that read, decode and write lets the one that somebody waits for wait a
moment, at every step that it takes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final

_REST: Final = 2.0  # times as long as the piece before took
_MORE: Final = 0.5  # seconds in which who was answered may send the next one


class Courtesy:
    """Who is waited for, and who gives way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hurried = 0
        self._accepting = 0
        self._giving_way = 0
        self._rest_until = 0.0
        self._alone_from = 0.0

    def begin(self) -> None:
        """Somebody waits for one more picture."""
        with self._changed:
            self._hurried += 1

    def end(self) -> None:
        """The picture was answered."""
        with self._changed:
            self._hurried -= 1
            if not self._hurried:
                self._alone_from = time.monotonic() + _MORE
                self._changed.notify_all()

    def accept(self, accepted: Future[Any]) -> None:
        """Until it is done, somebody waits for a picture to be accepted: only a moment, and no reason to rest."""
        with self._changed:
            self._accepting += 1
        accepted.add_done_callback(lambda _: self._accepted())

    def _accepted(self) -> None:
        with self._changed:
            self._accepting -= 1
            self._changed.notify_all()

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """Do a piece of work that nobody waits for."""
        with self._changed:
            while (pause := self._pause()) is None or pause > 0:
                self._changed.wait(pause)
            self._giving_way += 1
        begun = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                now = time.monotonic()
                self._rest_until = now + _REST * (now - begun)
                self._giving_way -= 1
                self._changed.notify()

    def _pause(self) -> float | None:
        """Seconds until the next piece may begin; None: not before something changes."""
        if self._giving_way and (self._hurried or self._accepting):
            return None
        now = time.monotonic()
        alone = None if self._hurried else self._alone_from - now
        rested = None if self._giving_way else self._rest_until - now
        known = [one for one in (alone, rested) if one is not None]
        return max(0.0, min(known)) if known else None
