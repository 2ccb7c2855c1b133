"""Failed pictures of a collection of a service."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.client import RemoteCollection


class RemoteFailures:
    """See ``categoriser.cli.reachable.FailedPictures``."""

    def __init__(self, collection: RemoteCollection) -> None:
        self._collection = collection

    def count(self, cursors: Sequence[int] | None = None) -> tuple[int, int]:
        failed = self._collection.discard_failed(cursors, preview=True).discarded
        return failed, self._collection.retry_failed(cursors, preview=True).retried

    def retry(self, cursors: Sequence[int] | None = None) -> int:
        return self._collection.retry_failed(cursors).retried

    def wait(self) -> None:
        """A service tries by itself, in its own time: ``failed list`` tells what came of it."""

    def discard(self, cursors: Sequence[int] | None = None) -> int:
        return self._collection.discard_failed(cursors).discarded
