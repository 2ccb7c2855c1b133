"""All collections of a service."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.cli.remote.collection import Remote
from categoriser.cli.remote.values import as_plain, some
from categoriser.client import Client
from categoriser.domain import ScheduleEntry
from categoriser.errors import ForbiddenError, NotFoundError
from categoriser.library.erasing import Erasure


class RemoteLibrary:
    """See ``categoriser.cli.reachable.ReachableLibrary``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def collection(self, name: str) -> Remote:
        """One collection; nothing is asked yet."""
        return Remote(self._client.collection(name))

    def named(self, name: str) -> Remote:
        """A collection, or a view as COLLECTION//VIEW; a collection that has that very name comes first."""
        owner, mark, view = name.partition("//")
        whole = self._client.collection(name)
        if not mark:
            return Remote(whole)
        try:
            whole.info()
        except (NotFoundError, ForbiddenError):
            return Remote(self._client.collection(owner).view(view))
        return Remote(whole)

    def schedule(self, *, after: str = "", limit: int = 100) -> Sequence[ScheduleEntry]:
        wanted = (one for one in self._client.schedules() if one.collection > after)
        return [as_plain(ScheduleEntry, one) for one in some(wanted, limit)]

    def delete_collection(self, name: str) -> int:
        return self._client.collection(name).delete_collection()

    def preview_erasure(self, name: str) -> Erasure:
        return as_plain(Erasure, self._client.collection(name).erase())

    def erase(self, name: str) -> Erasure:
        return as_plain(Erasure, self._client.collection(name).erase(confirm=name))
