"""The promise that an accepted picture will be filed: an inbox entry on disk, many pictures per commit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy.engine import Connection

from categoriser.catalog import collections, images, inbox, outbox
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.outbox import Order
from categoriser.errors import NotFoundError
from categoriser.state import Storage

_GROUP = 64  # pictures per commit at most


@dataclass(slots=True, eq=False)
class _Request:
    collection: CollectionRow
    entry: Mapping[str, Any]
    data: bytes | None  # of an original that we keep
    number: int | None = None
    error: Exception | None = None
    settled: bool = False
    orders: list[Order] = field(default_factory=list)


class Acceptance:
    """Group commit: while one thread waits for the disk, the requests of others gather and share the next commit."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._waiting: list[_Request] = []
        self._guard = threading.Lock()
        self._committing = threading.Lock()

    def accept(self, collection: CollectionRow, entry: Mapping[str, Any], data: bytes) -> int:
        """Number of the inbox entry, which is durable on return, as is the original if it is to be stored.

        Where several processes share the library the entry is this one's to file, unless it names another ``owner``.

        Raises:
            NotFoundError: the collection was deleted.
            CategoriserError: the disk is full or the database cannot be written.
        """
        if self._storage.presence is not None:
            entry = {"owner": self._storage.presence.name, **entry}
        request = _Request(collection, entry, data if entry["stored"] else None)
        if request.data is not None:
            self._storage.media.keep_original(collection.key, entry["sha256"], request.data)
        with self._guard:
            self._waiting.append(request)
        with self._committing:
            if not request.settled:
                self._commit_waiting()
        if request.error is not None:
            raise request.error
        if request.number is None:
            self._storage.drop_files(collection.key)
            raise NotFoundError(f"Collection {collection.name!r} was deleted meanwhile.")
        return request.number

    def _commit_waiting(self) -> None:
        with self._guard:
            group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
        try:
            self._commit(group)
        except Exception as error:
            for request in group:
                request.error = error
        for request in group:
            request.settled = True

    def _commit(self, group: list[_Request]) -> None:
        media = self._storage.media
        with media.settling:
            with self._storage.database.write() as connection:
                for _, same in groupby(sorted(group, key=_collection_id), key=_collection_id):
                    _note(connection, list(same))
            for request in group:
                if request.data is not None and request.number is not None:
                    # an image with the same bytes may have been deleted since we wrote the file
                    media.keep_original(request.collection.key, request.entry["sha256"], request.data)
        self._storage.delivery.deliver(*(order for request in group for order in request.orders))


def _collection_id(request: _Request) -> int:
    return request.collection.id


def _note(connection: Connection, requests: list[_Request]) -> None:
    """Inbox entries for pictures of one collection; without numbers when it was deleted."""
    collection = requests[0].collection
    if not collections.keep(connection, collection.id):
        return
    if inbox.has_failed(connection, collection.id):
        for request in requests:
            cleared = clear_failed(connection, collection, request.entry["sha256"], request.entry["source"])
            request.orders = [cleared] if cleared is not None else []
    numbers = inbox.accept(connection, collection.id, [request.entry for request in requests])
    for request, number in zip(requests, numbers, strict=True):
        request.number = number


def clear_failed(
    connection: Connection, collection: CollectionRow, digest: str | None, source: str | None
) -> Order | None:
    """Forget earlier failures of an input that is tried again, and files that only those needed."""
    cleared = inbox.clear_failed(connection, collection.id, sha256=digest, source=source)
    unused = [one for one in images.unused_files(connection, collection.id, cleared) if one != digest]
    return outbox.forget(connection, collection, unused) if unused else None
