"""The part of a collection that tells others what happens."""

from __future__ import annotations

from contextlib import AbstractContextManager

from categoriser.catalog import events
from categoriser.catalog.feed import Wake
from categoriser.library.curation import Curation


class Outgoing(Curation):
    """Events as they happen, and webhooks."""

    def last_cursor(self) -> int:
        """Cursor of the last event there was; 0 before the first."""
        with self._storage.database.read() as connection:
            return events.last(connection, self.row.id)

    def listening(self, wake: Wake) -> AbstractContextManager[None]:
        """Within the block ``wake`` is called, by any thread, after every commit of events by this process."""
        return self._storage.database.feed.listening(self._id, wake)
