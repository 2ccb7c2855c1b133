"""What happened: the log, and what could not be filed."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.api.models.failures import Discarded, FailedInfo, FailedList, Retried
from categoriser.api.models.log import EventInfo, EventPage
from categoriser.client.description import PAGE, Call, Pages, given, pages
from categoriser.client.place import Place, ask, each


class History(Place):
    """Events and dead letters."""

    @each
    def events(self, *, after: int = 0, types: Sequence[str] = ()) -> Pages[EventInfo]:
        """The log after a cursor, oldest first, up to now."""
        kinds = list(types) or None
        return pages(
            lambda cursor: self._get(EventPage, "events", after=cursor or after, types=kinds, limit=PAGE),
            lambda page: page.events,
            lambda page: page.next if len(page.events) == PAGE else None,
        )

    @ask
    def event_page(self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100) -> Call[EventPage]:
        """One page of the log, and where to go on."""
        return self._get(EventPage, "events", after=after, types=list(types) or None, limit=limit)

    @each
    def failed(self) -> Pages[FailedInfo]:
        """Pictures that were accepted and cannot be filed."""
        return pages(
            lambda after: self._get(FailedList, "failed", after=after or 0, limit=PAGE),
            lambda page: page.failed,
            lambda page: page.next if len(page.failed) == PAGE else None,
        )

    @ask
    def failed_page(self, *, after: int = 0, limit: int = 100) -> Call[FailedList]:
        """One page of these."""
        return self._get(FailedList, "failed", after=after, limit=limit)

    @ask
    def retry_failed(self, cursors: Sequence[int] | None = None, *, preview: bool = False) -> Call[Retried]:
        """Try failed pictures again, by default all; with ``preview`` only count."""
        body = given(cursors=None if cursors is None else list(cursors), preview=preview)
        return self._send("POST", Retried, "failed", "retry", json=body)

    @ask
    def discard_failed(self, cursors: Sequence[int] | None = None, *, preview: bool = False) -> Call[Discarded]:
        """Forget failed pictures for good, by default all; with ``preview`` only count."""
        body = given(cursors=None if cursors is None else list(cursors), preview=preview)
        return self._send("POST", Discarded, "failed", "discard", json=body)
