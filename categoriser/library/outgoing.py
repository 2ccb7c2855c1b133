"""The part of a collection that tells others what happens."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from categoriser.catalog import events
from categoriser.catalog.feed import Wake
from categoriser.library.curation import Curation
from categoriser.library.webhooks.registry import Webhooks

if TYPE_CHECKING:
    from categoriser.library.library import Library


class Outgoing(Curation):
    """Events as they happen, and webhooks."""

    _library: Library

    @property
    def webhooks(self) -> Webhooks:
        """Who is told of the events of this collection."""
        return Webhooks(self._storage.database, self._library.settings.webhooks, self.row)

    def last_cursor(self) -> int:
        """Cursor of the last event there was; 0 before the first."""
        with self._storage.database.read() as connection:
            return events.last(connection, self.row.id)

    def listening(self, wake: Wake) -> AbstractContextManager[None]:
        """Within the block ``wake`` is called, by any thread, after every commit of events by this process."""
        return self._storage.database.feed.listening(self._id, wake)
