"""The front half of the way: read, recognise, accept into the inbox, decode."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from categoriser.catalog import collections, images, inbox, storable_text
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import Filed, FloatVector
from categoriser.encoders import Encoder
from categoriser.errors import ConflictError, NotFoundError, RejectedError, UnreachableError, code_of
from categoriser.intake import Encoded, Fetcher, Item, Limits, Picture, decode, read, sha256, thumbnail
from categoriser.pipeline.acceptance import Acceptance, clear_failed
from categoriser.pipeline.image_id import check_id
from categoriser.pipeline.jobs import encoder_failed
from categoriser.pipeline.kept import Kept
from categoriser.pipeline.waiting import waiting_item
from categoriser.state import Storage

_WRITERS = 4  # threads that wait for the disk
_ID_LENGTH = 32  # hex digits of the content hash that make an id: 128 bits

_log = logging.getLogger(__name__)

Accepted = Callable[[str], None]  # told the image id


@dataclass(slots=True)
class Submission:
    """A picture that came in, and what its sender was promised."""

    item: Item | None  # None: what the inbox has
    inbox_id: int | None = None  # set as soon as there is an entry
    promised: bool = True  # durable in the inbox before anything else is done
    accepted: Accepted | None = None

    def tell(self, image_id: str) -> None:
        """It is durable, or known; or nothing was promised."""
        if self.accepted is not None:
            self.accepted(image_id)


@dataclass(frozen=True, slots=True)
class Fetchers:
    """One for the addresses of strangers, and one that may enter our own network for those that a setting names."""

    public: Fetcher
    inside: Fetcher

    def close(self) -> None:
        """Release all connections."""
        self.public.close()
        self.inside.close()


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded picture."""

    image_id: str
    prepared: npt.NDArray[Any] | None  # what the encoder takes; None: there is a vector
    facts: Mapping[str, Any]  # columns of the images table
    read_at: float  # moment of time.perf_counter
    vector: FloatVector | None = None  # it was encoded elsewhere
    kept: Kept | None = None  # there is no inbox entry


class Reception:
    """Turns inputs into decoded pictures; thread-safe."""

    def __init__(
        self, storage: Storage, fetchers: Fetchers, limits: Limits, thumbnail_side: int, acceptance: Acceptance
    ) -> None:
        self._storage = storage
        self._fetchers = fetchers
        self._limits = limits
        self._thumbnail_side = thumbnail_side
        self._acceptance = acceptance
        self._writers = ThreadPoolExecutor(_WRITERS, "keep")

    def close(self) -> None:
        """Write what is to be written, and end."""
        self._writers.shutdown()

    def receive(self, collection: CollectionRow, submission: Submission, encoder: Encoder) -> Received | Filed:
        """Read and decode one input, or an entry of the inbox; on return it is durable there if that was promised.

        A picture that is known already is answered at once.

        Raises:
            RejectedError: it cannot be filed; the inbox keeps the reason, unless an entry of it may be tried again.
            EncoderFailedError: the encoder cannot prepare it; the inbox keeps it.
            NotFoundError: the collection was deleted, or the entry withdrawn.
        """
        item, entry = submission.item, None
        if item is None and submission.inbox_id is not None:
            item, entry = waiting_item(self._storage, collection, submission.inbox_id)
        if item is None:
            raise RejectedError("There is neither a picture nor an entry of the inbox; give one of them.")
        try:
            return self._receive(collection, submission, item, encoder, entry)
        except OSError:
            if self._gone(collection):  # its folders went while we wrote
                raise NotFoundError(f"Collection {collection.name!r} was deleted meanwhile.") from None
            raise

    def _receive(
        self,
        collection: CollectionRow,
        submission: Submission,
        item: Item,
        encoder: Encoder,
        resumed: Record | None,
    ) -> Received | Filed:
        digest: str | None = None
        kept: Kept | None = None
        media = self._storage.media
        try:
            fetched = self._fetched(collection, item)
            if fetched is not None:
                return self._settled(collection, fetched, submission)
            _check_names(item)
            made = item.encoded if item.encoded is not None and item.encoded.encoder_id == encoder.id else None
            data, digest = self._read(item, made)
            image_id = item.image_id or digest[:_ID_LENGTH]
            there = self._there(collection, submission, item, image_id, digest)
            if there is not None:
                return there
            read_at = time.perf_counter()
            columns = {**_entry(item), "image_id": image_id, "sha256": digest}
            promised = submission.promised or made is not None or submission.inbox_id is not None
            accepting = self._accept(collection, submission.inbox_id, item, columns, data) if promised else None
            writing = None if promised else self._writers.submit(media.keep_original, collection.key, digest, data)
            try:  # while the disk writes
                picture = made or decode(data, side=encoder.image_side, limits=self._limits)
                small, prepared = self._drawn(picture, encoder)
            except Exception:
                if writing is not None:
                    submission.inbox_id = self._accept_failed(collection, columns, data, writing)
                raise
            finally:
                if accepting is not None:
                    submission.inbox_id = accepting.result()[0]
                submission.tell(image_id)
        except RejectedError as error:
            if submission.inbox_id is None or not isinstance(error, UnreachableError):
                self._fail(collection, item, digest, submission.inbox_id, error)
            raise
        if resumed is not None:
            resumed = self._resumed(collection, item, resumed, digest, data)
        if writing is None:
            media.keep_thumbnail(collection.key, digest, small)
        else:
            kept = Kept(columns, data, small, writing)
        return Received(
            image_id=image_id,
            prepared=prepared,
            vector=None if made is None else made.vector,
            kept=kept,
            read_at=read_at,
            facts=self._facts(resumed, item, digest, picture),
        )

    def _fetched(self, collection: CollectionRow, item: Item) -> Record | None:
        """A picture that came from the same address under the same id: of a table read again nothing is fetched."""
        if item.url is None or item.image_id is None:
            return None
        known = self._known(collection, item.image_id)
        return known if known is not None and known["source"] == item.source else None

    def _there(
        self,
        collection: CollectionRow,
        submission: Submission,
        item: Item,
        image_id: str,
        digest: str,
    ) -> Filed | None:
        """The answer for a picture that is known already.

        Raises:
            ConflictError: its id belongs to another one.
        """
        known = self._known(collection, image_id)
        if known is None:
            return None
        if known["sha256"] != digest:
            raise ConflictError(
                f"The id {image_id!r} belongs to another picture already; delete that one first or use another id."
            )
        if submission.inbox_id is None:
            self._follow(collection, known, item)
        return self._settled(collection, known, submission)

    def _resumed(self, collection: CollectionRow, item: Item, entry: Record, digest: str, data: bytes) -> Record:
        """The inbox entry of one that goes on, once its original lies in our folder."""
        if item.data is not None:  # the database keeps it until it is filed, and no longer
            self._storage.media.keep_original(collection.key, digest, data)
        return entry if item.url is None else {**entry, "stored": True}

    def _read(self, item: Item, made: Encoded | None) -> tuple[bytes, str]:
        """Bytes, and what names them; of a file that was read elsewhere no bytes."""
        if made is not None:
            return b"", made.sha256
        data = read(item, self._fetchers.inside if item.inside else self._fetchers.public, self._limits)
        return data, sha256(data)

    def _drawn(self, picture: Picture | Encoded, encoder: Encoder) -> tuple[bytes, npt.NDArray[Any] | None]:
        """The thumbnail, and what the encoder takes if there is no vector yet."""
        if not isinstance(picture, Picture):
            return picture.thumbnail, None
        try:
            prepared = np.asarray(encoder.prepare(picture.image))
        except Exception as error:
            _log.exception("a picture could not be prepared for the encoder")
            failure = encoder_failed(encoder, error)
            raise failure from failure.__cause__
        return thumbnail(picture.image, self._thumbnail_side), prepared

    def _accept(
        self, collection: CollectionRow, inbox_id: int | None, item: Item, columns: Record, data: bytes
    ) -> Future[list[int]]:
        """The number of the entry once it is durable and depends on the caller's address no more."""
        if inbox_id is None:
            return self._acceptance.accept(collection, columns, data)
        if item.url is not None:
            return self._acceptance.complete(collection, inbox_id, columns["image_id"], columns["sha256"], data)
        there: Future[list[int]] = Future()
        there.set_result([inbox_id])
        return there

    def _accept_failed(self, collection: CollectionRow, columns: Record, data: bytes, writing: Future[None]) -> int:
        """Keep what was promised to nobody and cannot be filed, to be looked up and tried again; returns its number."""
        writing.exception()  # what is written later would outlast whatever becomes of the entry
        try:
            return self._acceptance.accept(collection, columns, data).result()[0]
        except Exception:
            self._storage.forget_files(collection.key, [columns["sha256"]])
            raise

    def _facts(self, resumed: Record | None, item: Item, digest: str, picture: Picture | Encoded) -> Mapping[str, Any]:
        entry = resumed or _entry(item)  # a resumed item is only our copy: what came with the picture is in the inbox
        return {
            "sha256": digest,
            "phash": picture.fingerprint,
            "name": entry["name"],
            "source": entry["source"],
            "stored": entry["stored"],
            "metadata": entry["metadata"],
            "format": picture.format,
            "width": picture.width,
            "height": picture.height,
            "taken_at": picture.taken_at,
        }

    def _gone(self, collection: CollectionRow) -> bool:
        """Whether the collection was deleted; then nothing of it may stay, whoever wrote it last."""
        with self._storage.database.read() as connection:
            gone = collections.get(connection, collection.id) is None
        if gone:
            self._storage.drop_files(collection.key)
        return gone

    def _known(self, collection: CollectionRow, image_id: str) -> Record | None:
        check_id(image_id)
        if not self._storage.states.may_hold(collection.id, image_id):
            return None
        with self._storage.database.glance() as connection:
            if not images.exists(connection, collection.id, image_id):  # far cheaper, and the usual answer
                return None
        with self._storage.database.read() as connection:
            return images.describe(connection, collection.id, [image_id]).get(image_id)

    def _follow(self, collection: CollectionRow, known: Record, item: Item) -> None:
        """A file that is not where it was has been moved: remember where it was found."""
        before = known["source"]
        if item.path is None or known["stored"] or before is None or before == item.source or Path(before).is_file():
            return
        entry = _entry(item)
        with self._storage.database.write() as connection:
            images.set_source(connection, collection.id, known["image_id"], source=entry["source"], name=entry["name"])

    def _settled(self, collection: CollectionRow, known: Record, submission: Submission) -> Filed:
        if submission.inbox_id is not None:
            with self._storage.database.write() as connection:
                inbox.settle(connection, [submission.inbox_id])
        submission.tell(known["image_id"])
        return Filed(
            image_id=known["image_id"],
            category=collection.category_id(known["category"]),
            known=True,
            stacked_on=known["head_id"],
            tentative=known["tentative"],
            label=known["label"],
        )

    def _fail(
        self, collection: CollectionRow, item: Item, digest: str | None, inbox_id: int | None, error: RejectedError
    ) -> None:
        entry = {**_entry(item), "stored": False, "sha256": digest, "url": item.url, "inside": item.inside}
        if inbox_id is None and digest is None and entry["source"] is None:
            return  # nothing that could be found again: an empty row of a table
        with self._storage.database.write() as connection:
            if inbox_id is not None:
                inbox.fail(connection, inbox_id, str(error), code_of(error))
            elif collections.get(connection, collection.id) is not None:
                clear_failed(connection, collection, digest, entry["source"])
                if item.image_id is not None and item.image_id == storable_text(item.image_id):
                    entry["image_id"] = item.image_id
                inbox.refuse(connection, collection.id, entry, str(error))


def _check_names(item: Item) -> None:
    if item.source is not None and item.source != storable_text(item.source):
        raise RejectedError(f"The name {storable_text(item.source)!r} is not valid text (UTF-8); rename the file.")


def promised_entry(item: Item, digest: str | None) -> dict[str, Any]:
    """What the inbox keeps of an item that is answered before it is read: its address, or bytes with a digest.

    Raises:
        RejectedError: the caller's id cannot be one.
    """
    _check_names(item)
    if item.image_id is not None:
        check_id(item.image_id)
    image_id = item.image_id or (None if digest is None else digest[:_ID_LENGTH])
    return {
        **_entry(item),
        "image_id": image_id,
        "sha256": digest,
        "stored": digest is not None,
        "url": item.url,
        "inside": item.inside,
    }


def _entry(item: Item) -> dict[str, Any]:
    """What the inbox keeps of an item. ``stored``: it has no file of its own, so we keep the original."""
    return {
        "name": storable_text(item.name),
        "source": None if item.source is None else storable_text(item.source),
        "stored": item.path is None,
        "metadata": dict(item.metadata) or None,
    }
