"""The promise that an accepted picture will be filed: an inbox entry on disk, many pictures per commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog import images, inbox, outbox, together, uploads
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.outbox import Order
from categoriser.errors import BusyError, CategoriserError, NotFoundError, code_of
from categoriser.pipeline.courtesy import Courtesy
from categoriser.state import Storage

_GROUP: Final = 256  # pictures per commit at most, unless one upload alone has more
_GROUP_BYTES: Final = 8 * 1024 * 1024
_ATTEMPTS: Final = 3  # at writing a group, of whose collections some are deleted at the same time


@dataclass(frozen=True, slots=True)
class Promised:
    """One picture of an upload that is answered before it is filed, or why it is refused.

    ``entry``: columns of the inbox. ``data``: its bytes, where the database is to keep them.
    """

    name: str
    entry: Mapping[str, Any] = field(default_factory=dict)
    data: bytes | None = field(default=None, repr=False)
    refused: CategoriserError | None = None


@dataclass(slots=True, eq=False)
class _Request:
    """Pictures of one collection that become durable together."""

    collection: CollectionRow
    entries: Sequence[Mapping[str, Any]]
    kept: Sequence[tuple[str, bytes]] = ()  # originals for our folder, by digest
    data: Sequence[bytes | None] = ()  # for the database to keep, one for each entry
    promised: Sequence[Promised] = ()
    token: str | None = None  # of the upload
    fetched: int | None = None  # the entry that the only one of ``entries`` completes
    numbers: list[int] = field(default_factory=list)  # of the inbox entries
    error: BaseException | None = None
    orders: list[Order] = field(default_factory=list)
    future: Future[list[int]] = field(default_factory=Future)

    @property
    def size(self) -> int:
        """Bytes for the database."""
        return sum(len(one) for one in self.data if one is not None)

    def kept_by_database(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of those entries whose bytes the database keeps."""
        return ((n, one) for n, one in zip(self.numbers, self.data, strict=False) if one is not None)


Told = Callable[[CollectionRow, Sequence[int], Sequence[int]], None]  # inbox numbers, and bytes in the database of each


class Acceptance:
    """Group commit: while one thread waits for the disk, the requests of others gather and share the next commit.

    One thread commits: whoever wants something durable does other work, or goes on with an event loop, until told.
    """

    def __init__(self, storage: Storage, told: Told, courtesy: Courtesy) -> None:
        """``told`` hears of promised entries as soon as they are durable; ``courtesy``: of whom is waited for."""
        self._storage = storage
        self._courtesy = courtesy
        self._told = told
        self._waiting: list[_Request] = []
        self._guard = threading.Condition()
        self._committing = False
        self._numbers = inbox.Numbers()
        self._thread: threading.Thread | None = None
        self._promises_end = False
        self._closed = False

    def accept(self, collection: CollectionRow, entry: Mapping[str, Any], data: bytes) -> Future[list[int]]:
        """Make an inbox entry durable, and the original if it is to be stored; the future has its number.

        Where several processes share the library the entry is this one's to file, unless it names another ``owner``.
        The future fails with NotFoundError when the collection was deleted, and with CategoriserError when the disk is
        full or the database cannot be written.
        """
        kept = [(entry["sha256"], data)] if entry["stored"] else []
        return self._begin(_Request(collection, [self._mine(entry)], kept))

    def complete(
        self, collection: CollectionRow, number: int, image_id: str, digest: str, data: bytes
    ) -> Future[list[int]]:
        """Keep what was fetched for an entry that was only an address; the future is as of ``accept``."""
        entry = {"image_id": image_id, "sha256": digest, "source": None}
        return self._begin(_Request(collection, [entry], [(digest, data)], fetched=number))

    def promise(self, collection: CollectionRow, promised: Sequence[Promised], token: str | None) -> Future[list[int]]:
        """Make an upload durable; the future has the numbers of the entries that were not refused.

        The future fails with NotFoundError when the collection was deleted.
        """
        wanted = [one for one in promised if one.refused is None]
        request = _Request(
            collection,
            # where there are workers it is theirs
            [one.entry if self._storage.has_workers else self._mine(one.entry) for one in wanted],
            data=[one.data for one in wanted],
            promised=promised,
            token=token,
        )
        durable = self._begin(request, promise=True)
        self._courtesy.accept(durable)
        return durable

    def _mine(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where several processes share the library: ours to file, as long as we live."""
        presence = self._storage.presence
        return entry if presence is None else {**entry, "owner": presence.name}

    def end_promises(self) -> None:
        """Take no more of them; those that were taken are durable and told on return."""
        with self._guard:
            self._promises_end = True
            self._guard.wait_for(lambda: not self._waiting and not self._committing)

    def close(self) -> None:
        """Commit what waits and stop."""
        with self._guard:
            self._promises_end = self._closed = True
            self._guard.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _begin(self, request: _Request, *, promise: bool = False) -> Future[list[int]]:
        with self._guard:
            if self._closed or (promise and self._promises_end):
                raise CategoriserError("The library is closed; open it again to add pictures.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="accept", daemon=True)
                self._thread.start()
            self._waiting.append(request)
            self._guard.notify_all()
        return request.future

    def _work(self) -> None:
        while True:
            with self._guard:
                self._committing = False
                self._guard.notify_all()
                self._guard.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                self._committing = True
            self._commit_waiting()

    def _commit_waiting(self) -> None:
        with self._guard:
            last, pictures, size = 0, 0, 0
            for request in self._waiting:
                pictures, size = pictures + len(request.entries), size + request.size
                if last and (pictures > _GROUP or size > _GROUP_BYTES):
                    break
                last += 1
            group, self._waiting = self._waiting[:last], self._waiting[last:]
        if not group:
            return
        try:
            self._commit(group)
        except BaseException as error:
            for request in group:
                request.error = request.error or error
        for request in group:
            self._answer(request)

    def _answer(self, request: _Request) -> None:
        if isinstance(request.error, NotFoundError):
            self._storage.drop_files(request.collection.key)
        if request.error is not None:
            request.future.set_exception(request.error)
            return
        request.future.set_result(request.numbers)
        if request.promised:
            self._told(request.collection, request.numbers, [0 if one is None else len(one) for one in request.data])

    def _commit(self, group: list[_Request]) -> None:
        media = self._storage.media
        for request in group:  # before others wait for what is settled here
            self._keep_originals(request)
        with media.settling:
            self._check_files(group)
            self._write(group)
            for request in group:
                self._keep_originals(request)  # an image with the same bytes may have been deleted since
        orders = [order for request in group for order in request.orders]
        if orders:
            self._storage.delivery.deliver(*orders)

    def _write(self, group: Sequence[_Request]) -> None:
        """All in one transaction; only where a collection turns out to be deleted it is found out first which."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._storage.database.write() as connection:
                    if attempt:
                        _sort_out(connection, group)
                    _note(connection, [request for request in group if request.error is None], self._numbers)
            except sa.exc.IntegrityError:
                self._numbers = inbox.Numbers()  # a server that was put back to an earlier time gives some out again
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return

    def _keep_originals(self, request: _Request) -> None:
        """Of one request; a collection that is deleted at the same time takes its folder with it."""
        if request.error is not None:
            return
        try:
            for digest, data in request.kept:
                self._storage.media.keep_original(request.collection.key, digest, data)
        except OSError as error:
            request.error = error

    def _check_files(self, group: Sequence[_Request]) -> None:
        """Of promised pictures that lie in our folder, none may have gone with an image of the same bytes since."""
        for request in group:
            for entry, data in zip(request.entries, request.data, strict=False):
                if entry["stored"] and data is None:
                    path = self._storage.media.original(request.collection.key, entry["sha256"])
                    if not path.exists():
                        request.error = BusyError("An image with the same bytes was just deleted; send this one again.")


def _note(connection: Connection, alive: Sequence[_Request], ahead: inbox.Numbers) -> None:
    """Inbox entries for all pictures, and what their uploads are.

    Raises:
        sqlalchemy.exc.IntegrityError: one of the collections was deleted.
    """
    new = [request for request in alive if request.fetched is None]
    values = [{**entry, "collection_id": request.collection.id} for request in new for entry in request.entries]
    taken = ahead.take(connection, len(values)) if values else []
    with together(connection):
        asked = inbox.have_failed_later(connection, {request.collection.id for request in alive})
        numbers = iter(inbox.accept_all(connection, values, taken))
        for request in new:
            request.numbers = [next(numbers) for _ in request.entries]
        inbox.keep_bytes(connection, {number: data for one in new for number, data in one.kept_by_database()})
        _note_uploads(connection, [request for request in new if request.token is not None])
    failed = asked()
    for request in alive:
        if request.collection.id not in failed:
            request.error = _deleted(request)
            continue
        if failed[request.collection.id]:
            cleared = [clear_failed(connection, request.collection, e["sha256"], e["source"]) for e in request.entries]
            request.orders = [order for order in cleared if order is not None]
        if request.fetched is not None:
            entry = request.entries[0]
            inbox.fetched(connection, request.fetched, image_id=entry["image_id"], sha256=entry["sha256"])
            request.numbers = [request.fetched]


def _sort_out(connection: Connection, group: Sequence[_Request]) -> None:
    """An error for those whose collection was deleted."""
    there = inbox.have_failed_later(connection, {request.collection.id for request in group})()
    for request in group:
        if request.error is None and request.collection.id not in there:
            request.error = _deleted(request)


def _deleted(request: _Request) -> NotFoundError:
    return NotFoundError(f"Collection {request.collection.name!r} was deleted meanwhile.")


def _note_uploads(connection: Connection, requests: Sequence[_Request]) -> None:
    now = time.time()
    rows, items = [], []
    for request in requests:
        rows.append({"collection_id": request.collection.id, "token": request.token, "accepted_at": now})
        numbers = iter(request.numbers)
        for place, one in enumerate(request.promised):
            refused = one.refused
            items.append(
                {
                    "token": request.token,
                    "place": place,
                    "name": one.name,
                    "image_id": one.entry.get("image_id"),
                    "inbox_id": None if refused is not None else next(numbers),
                    "code": None if refused is None else code_of(refused)[:32],
                    "reason": None if refused is None else str(refused),
                }
            )
    uploads.note(connection, rows, items)


def clear_failed(
    connection: Connection, collection: CollectionRow, digest: str | None, source: str | None
) -> Order | None:
    """Forget earlier failures of an input that is tried again, and files that only those needed."""
    if digest is None and source is None:
        return None
    cleared = inbox.clear_failed(connection, collection.id, sha256=digest, source=source)
    unused = [one for one in images.unused_files(connection, collection.id, cleared) if one != digest]
    return outbox.forget(connection, collection, unused) if unused else None
