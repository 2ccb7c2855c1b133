"""The service as those see it who run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from categoriser.api.models.backup import BackupInfo
from categoriser.api.models.collections import CollectionInfo, CollectionPage
from categoriser.api.models.schedule import ScheduleInfo, SchedulePage
from categoriser.api.models.status import Health, Ready
from categoriser.client.description import PAGE, Call, Pages, as_model, pages
from categoriser.client.place import Place, ask, each


class Operating(Place):
    """Health, collections, schedules, backups."""

    @ask
    def health(self) -> Call[Health]:
        """Whether the service answers."""
        return Call("GET", "/healthz", as_model(Health), repeatable=True)

    @ask
    def ready(self) -> Call[Ready]:
        """Whether it may be sent work, and why not; that it may not is an answer too, and waited for by nobody."""
        return Call("GET", "/readyz", as_model(Ready), also=frozenset((503,)))

    @ask
    def metrics(self) -> Call[str]:
        """Prometheus's text format."""
        return Call("GET", "/metrics", lambda answer: answer.text, repeatable=True)

    @each
    def collections(self) -> Pages[CollectionInfo]:
        """All collections that the key may read, by name."""
        return pages(
            lambda after: self._get(CollectionPage, "collections", after=after, limit=PAGE),
            lambda page: page.collections,
            lambda page: page.next,
        )

    @each
    def schedules(self) -> Pages[ScheduleInfo]:
        """When the job runs on each collection."""
        return pages(
            lambda after: self._get(SchedulePage, "schedule", after=after, limit=PAGE),
            lambda page: page.schedules,
            lambda page: page.next,
        )

    @ask
    def begin_backup(self, name: str) -> Call[BackupInfo]:
        """Begin a backup into a folder of that name; ``backup`` says how far it is."""
        body: Mapping[str, Any] = {"name": name}
        return self._send("POST", BackupInfo, "backup", json=body)

    @ask
    def backup(self) -> Call[BackupInfo]:
        """The last backup that was asked for."""
        return self._get(BackupInfo, "backup")
