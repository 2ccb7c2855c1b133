"""Uploads that are answered before they are filed, and answers that are given again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from categoriser.catalog import collections, idempotency, images, inbox, outbox, uploads
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.idempotency import Attempt
from categoriser.catalog.tables import Record
from categoriser.domain import Failure
from categoriser.errors import ConflictError, NotFoundError, RejectedError
from categoriser.intake import Item, Limits, check_format, sha256
from categoriser.library.searching import label_of
from categoriser.pipeline import Promised, promised_entry

if TYPE_CHECKING:
    from categoriser.library.library import Library

INLINE: Final = 512 * 1024  # bytes of a picture that the database keeps until it is filed; larger ones go to a file
_MOST_INLINE: Final = 256 * 1024 * 1024  # in all; beyond, every picture goes to a file
_IN_PROGRESS_SECONDS: Final = 120.0  # after which the process that answers is taken for dead

State = Literal["waiting", "filed", "refused", "deleted"]


@dataclass(frozen=True, slots=True)
class UploadedPicture:
    """One picture of an upload, as of now."""

    name: str
    state: State
    image_id: str | None = None
    category: str | None = None
    label: str | None = None
    tentative: bool = False  # the next run decides anew about the category
    stacked_on: str | None = None
    code: str | None = None  # refused: a word for programs
    reason: str | None = None  # refused: why; waiting: why the last attempt failed
    attempts: int = 0  # that failed for now
    retry_at: float | None = None  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was answered with an id."""

    id: str
    accepted_at: float  # seconds since the epoch
    expires_at: float
    pictures: Sequence[UploadedPicture]


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer that was given before."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class InProgressError(ConflictError):
    """A request with the same Idempotency-Key is being answered."""


class ReusedKeyError(RejectedError):
    """An Idempotency-Key came with two different requests."""


class Uploads:
    """The upload hook's memory; every call names a collection."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._storage = library.storage
        self._settings = library.settings.uploads
        self._limits = Limits(max_bytes=library.settings.max_bytes, max_pixels=library.settings.max_pixels)
        self._owner = secrets.token_hex(8)
        self._alone = not library.settings.database  # nobody else can be answering a request

    @property
    def is_quick(self) -> bool:
        """Whether small pictures are prepared without waiting for a disk."""
        return self._library.pipeline.feeder.waiting_bytes < _MOST_INLINE

    def prepare(self, row: CollectionRow, item: Item) -> Promised:
        """What has to become durable of an item, checked as far as that is quick; large pictures are on disk then.

        Raises:
            RejectedError: it is no picture, or its id or name cannot be used.
        """
        if item.url is not None:
            return Promised(item.name, promised_entry(item, None))
        data = item.data or b""
        check_format(data, self._limits)
        digest = sha256(data)
        entry = promised_entry(item, digest)
        if len(data) <= INLINE and self.is_quick:
            return Promised(item.name, entry, data)
        self._storage.media.keep_original(row.key, digest, data)
        return Promised(item.name, entry)

    def promise(
        self, row: CollectionRow, promised: Sequence[Promised], *, remembered: bool = True
    ) -> tuple[str, Future[list[int]]]:
        """Id of a new upload, and what tells that it is durable: then each picture will be filed or listed as failed.

        Nobody can ask about one that is not ``remembered``.

        Raises:
            CrowdedError: too many pictures of the collection wait.
            BusyError: too many wait in all.
        """
        feeder, taken = self._library.pipeline.feeder, sum(one.refused is None for one in promised)
        feeder.check_room(row, taken)
        token = uploads.new_token()
        try:
            future = self._library.pipeline.acceptance.promise(row, promised, token if remembered else None)
        except BaseException:
            feeder.settled(row, taken)
            raise
        future.add_done_callback(lambda _: feeder.settled(row, taken))
        return token, future

    def get(self, row: CollectionRow, token: str) -> Upload:
        """What became of an upload.

        Raises:
            NotFoundError: the collection has none with this id, or not any more.
        """
        with self._storage.database.read() as connection:
            found = uploads.find(connection, row.id, token)
            items = [] if found is None else uploads.items(connection, [token])
            known = images.describe(connection, row.id, [one["image_id"] for one in items if one["image_id"]])
        if found is None:
            raise NotFoundError(f"Collection {row.name!r} has no upload {token[:64]!r}, or not any more.")
        return self._upload(row, found, items, known)

    def page(self, row: CollectionRow, *, after: str | None = None, limit: int = 100) -> list[Upload]:
        """Uploads, newest first.

        Args:
            row: of the collection.
            after: id of the upload before the page.
            limit: length of the page.

        Raises:
            NotFoundError: there is no upload ``after``.
        """
        with self._storage.database.read() as connection:
            before = None
            if after is not None:
                last = uploads.find(connection, row.id, after)
                if last is None:
                    raise NotFoundError(f"Collection {row.name!r} has no upload {after[:64]!r}, or not any more.")
                before = int(last["id"])
            found = uploads.page(connection, row.id, before=before, limit=limit)
            items = uploads.items(connection, [one["token"] for one in found])
            known = images.describe(connection, row.id, [one["image_id"] for one in items if one["image_id"]])
        of: dict[str, list[Record]] = {}
        for item in items:
            of.setdefault(item["token"], []).append(item)
        return [self._upload(row, one, of.get(one["token"], []), known) for one in found]

    def begin(self, row: CollectionRow, caller: str, key: str, fingerprint: str) -> Attempt | Replay:
        """Take an Idempotency-Key, or what was answered under it.

        Raises:
            InProgressError: a request with this key is being answered.
            ReusedKeyError: the key came with another request.
            NotFoundError: the collection was deleted.
        """
        attempt = Attempt(row.id, caller, key, fingerprint, self._owner, time.time())
        with self._storage.database.write() as connection:
            if collections.get(connection, row.id) is None:
                raise NotFoundError(f"Collection {row.name!r} was deleted meanwhile.")
            earlier = idempotency.begin(connection, attempt)
            if earlier is not None and earlier.at < attempt.at - 3600 * self._settings.idempotency_hours:
                idempotency.forget(connection, attempt)
                earlier = idempotency.begin(connection, attempt)
            dead = earlier is not None and earlier.status is None and self._is_dead(earlier.owner, earlier.at)
            if dead and earlier is not None and idempotency.release(connection, attempt, earlier.owner):
                earlier = idempotency.begin(connection, attempt)
        if earlier is None:
            return attempt
        if earlier.fingerprint != fingerprint:
            raise ReusedKeyError("This Idempotency-Key came with another request before; use a new key for a new one.")
        if earlier.status is None:
            raise InProgressError("A request with this Idempotency-Key is being answered; ask again in a moment.")
        return Replay(earlier.status, earlier.headers, earlier.body)

    def finish(self, attempt: Attempt, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Remember what was answered."""
        with self._storage.database.write() as connection:
            idempotency.finish(connection, attempt, status, headers, body)

    def release(self, attempt: Attempt) -> None:
        """Nothing was done: the key may be used again."""
        with self._storage.database.write() as connection:
            idempotency.release(connection, attempt, self._owner)

    def tidy(self) -> None:
        """Forget what is older than it has to be kept."""
        now = time.time()
        with self._storage.database.write() as connection:
            uploads.expire(connection, now - 3600 * self._settings.keep_hours)
            idempotency.expire(connection, now - 3600 * self._settings.idempotency_hours)

    def _is_dead(self, owner: str, at: float) -> bool:
        return (self._alone and owner != self._owner) or at < time.time() - _IN_PROGRESS_SECONDS

    def _upload(
        self, row: CollectionRow, found: Record, items: Sequence[Record], known: Mapping[str, Record]
    ) -> Upload:
        expires = found["accepted_at"] + 3600 * self._settings.keep_hours
        return Upload(found["token"], found["accepted_at"], expires, [_picture(row, one, known) for one in items])


class Failures:
    """Accepted pictures of one collection that cannot be filed: look, try again, discard."""

    def __init__(self, library: Library, row: CollectionRow) -> None:
        self._library = library
        self._row = row

    def page(self, *, after: int = 0, limit: int = 100) -> list[Failure]:
        """In order of arrival, those after a cursor."""
        with self._library.storage.database.read() as connection:
            rows = inbox.failed(connection, self._row.id, after=after, limit=limit)
        return [_failure(one) for one in rows]

    def count(self, cursors: Sequence[int] | None = None) -> tuple[int, int]:
        """Number of failed pictures, those named by their cursors or all, and of those that can be tried again."""
        with self._library.storage.database.read() as connection:
            return inbox.count_failed(connection, self._row.id, cursors)

    def retry(self, cursors: Sequence[int] | None = None) -> int:
        """Try again, those named or all, as far as their bytes are to be had; returns their number."""
        with self._library.storage.database.write() as connection:
            numbers = inbox.retry(connection, self._row.id, cursors)
        self._library.pipeline.tell(self._row, numbers)
        return len(numbers)

    def wait(self) -> None:
        """Wait until all that waits was tried; nothing more is taken from the inbox by this process then."""
        self._library.pipeline.feeder.close()
        self._library.pipeline.wait_idle()
        self._library.settle(self._row)

    def discard(self, cursors: Sequence[int] | None = None) -> int:
        """Forget failed pictures with what was kept of them, those named or all; returns their number."""
        storage = self._library.storage
        with storage.database.write() as connection:
            count, digests = inbox.discard(connection, self._row.id, cursors)
            unused = images.unused_files(connection, self._row.id, digests)
            order = outbox.forget(connection, self._row, unused) if unused else None
        if order is not None:
            storage.delivery.deliver(order)
        return count


def _failure(row: Record) -> Failure:
    again = bool(row["stored"] or row["source"] or row["kept"])
    return Failure(row["source"] or row["name"], row["reason"], row["id"], row["accepted_at"], row["attempts"], again)


def _picture(row: CollectionRow, item: Record, known: Mapping[str, Record]) -> UploadedPicture:
    plain = UploadedPicture(item["name"], "deleted", item["image_id"])
    if item["reason"] is not None:
        return replace(plain, state="refused", code=item["code"], reason=item["reason"])
    if item["waiting"]:
        facts: dict[str, Any] = {"attempts": item["attempts"], "retry_at": item["next_at"], "reason": item["problem"]}
        return replace(plain, state="waiting", **facts)
    stored = known.get(item["image_id"]) if item["image_id"] else None
    if stored is None:
        return plain
    return replace(
        plain,
        state="filed",
        category=row.category_id(stored["category"]),
        label=label_of(stored["category"], stored["label"]),
        tentative=stored["tentative"],
        stacked_on=stored["head_id"],
    )
