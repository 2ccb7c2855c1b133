"""The trail: who changed what and who was refused, written in batches behind the requests.

Up to a quarter of a second of it is lost when the process is killed; an orderly end writes everything.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from categoriser.catalog import Database, audit, keys, storable_text

_GATHERING: Final = 0.25  # seconds
_MOST: Final = 20_000  # entries in memory while the database cannot be written
_COARSE: Final = 600.0  # seconds between two notes that a key was used
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deed:
    """One entry. ``cursor`` is given when it is written."""

    at: float  # seconds since the epoch
    who: str | None  # public id of the key; None: nobody showed a valid one
    kind: str  # key | token | session | local | nobody
    route: str  # method and template, without names
    collection: str | None
    status: int  # that was answered
    denied: bool
    code: str | None = None  # why, of what was denied
    cursor: int = 0


class Trail:
    """Collects entries and writes them in a thread of its own, which ends when there is nothing left to write."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._entries: list[Deed] = []
        self._used: dict[str, float] = {}
        self._noted: dict[str, float] = {}  # when the use of a key was last written
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    def record(self, deed: Deed) -> None:
        """Add an entry."""
        with self._changed:
            if len(self._entries) < _MOST:
                self._entries.append(deed)
            else:
                _log.error("the trail cannot be written, and is incomplete: %s by %s", deed.route, deed.who)
            self._start()

    def used(self, public_id: str) -> None:
        """A key was used."""
        now = self._clock()
        if now - self._noted.get(public_id, 0.0) < _COARSE:
            return
        with self._changed:
            self._noted[public_id] = self._used[public_id] = now
            self._start()

    def flush(self) -> None:
        """Write what was collected."""
        with self._writing:
            with self._changed:
                entries, self._entries = self._entries, []
                used, self._used = self._used, {}
            if not entries and not used:
                return
            try:
                with self._database.write() as connection:
                    audit.append(connection, [_values(deed) for deed in entries])
                    keys.note_use(connection, used)
            except BaseException:
                with self._changed:
                    self._entries = (entries + self._entries)[:_MOST]
                raise

    def page(
        self,
        *,
        before: int | None = None,
        who: str | None = None,
        collection: str | None = None,
        denied: bool | None = None,
        limit: int = 100,
    ) -> list[Deed]:
        """Entries before a cursor, the newest first."""
        self.flush()
        with self._database.read() as connection:
            found = audit.page(connection, before=before, who=who, collection=collection, denied=denied, limit=limit)
        return [Deed(**row) for row in found]

    def close(self) -> None:
        """Write everything and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._write()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._write_regularly, name="trail", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _write_regularly(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._entries or self._used)
                if self._closed:
                    return
                self._changed.wait_for(lambda: self._closed, _GATHERING)
            self._write()

    def _write(self) -> None:
        try:
            self.flush()
        except Exception:  # what it tells of has happened; the entries are kept and written with the next ones
            _log.exception("the trail could not be written; trying again")


def _values(deed: Deed) -> dict[str, object]:
    values = dataclasses.asdict(deed)
    del values["cursor"]
    name = deed.collection
    return {**values, "collection": None if name is None else storable_text(name)[:255]}
