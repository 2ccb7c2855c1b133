"""The front half of the way: read, recognise, accept into the inbox, decode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from categoriser.catalog import collections, images, inbox, storable_text
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import Filed
from categoriser.encoders import Encoder
from categoriser.errors import ConflictError, NotFoundError, RejectedError
from categoriser.intake import Fetcher, Item, Limits, Picture, decode, read, sha256, thumbnail
from categoriser.pipeline.acceptance import Acceptance, clear_failed
from categoriser.pipeline.filing import check_id
from categoriser.state import Storage

_ID_LENGTH = 32  # hex digits of the content hash that make an id: 128 bits

Accepted = Callable[[str], None]  # told the image id


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded picture that is in the inbox."""

    image_id: str
    prepared: npt.NDArray[Any]  # what the encoder takes
    facts: Mapping[str, Any]  # columns of the images table
    inbox_id: int


class Reception:
    """Turns inputs into decoded pictures; thread-safe."""

    def __init__(self, storage: Storage, fetcher: Fetcher, limits: Limits, thumbnail_side: int) -> None:
        self._storage = storage
        self._fetcher = fetcher
        self._limits = limits
        self._thumbnail_side = thumbnail_side
        self._acceptance = Acceptance(storage)

    def receive(
        self,
        collection: CollectionRow,
        item: Item,
        encoder: Encoder,
        inbox_id: int | None,
        accepted: Accepted | None = None,
    ) -> Received | Filed:
        """Read and decode one input; on return it is durable in the inbox.

        A picture that is known already is answered at once. ``accepted`` is told the id once it is durable, or known.

        Raises:
            RejectedError: it cannot be filed; the inbox keeps the reason.
            NotFoundError: the collection was deleted.
        """
        try:
            return self._receive(collection, item, encoder, inbox_id, accepted)
        except OSError:
            if self._gone(collection):  # its folders went while we wrote
                raise NotFoundError(f"Collection {collection.name!r} was deleted meanwhile.") from None
            raise

    def leave(self, collection: CollectionRow, item: Item) -> Filed | str:
        """Accept one input for whoever comes first, and do not decode it; the id, or the answer if it is known.

        What turns out to be no picture is found among what failed.

        Raises:
            RejectedError: it cannot be read.
            NotFoundError: the collection was deleted.
        """
        _check_names(item)
        data = read(item, self._fetcher, self._limits)
        digest = sha256(data)
        image_id = item.image_id or digest[:_ID_LENGTH]
        known = self._known(collection, image_id)
        if known is not None and known["sha256"] == digest:
            return self._settled(collection, known, None, None)
        entry = {**_entry(item), "image_id": image_id, "sha256": digest, "stored": True, "owner": None}
        self._acceptance.accept(collection, entry, data)
        return image_id

    def _receive(
        self, collection: CollectionRow, item: Item, encoder: Encoder, inbox_id: int | None, accepted: Accepted | None
    ) -> Received | Filed:
        digest: str | None = None
        resumed = inbox_id
        try:
            if item.url is not None and item.image_id is not None:
                known = self._known(collection, item.image_id)
                if known is not None and known["source"] == item.source:  # a table read again: nothing is fetched twice
                    return self._settled(collection, known, inbox_id, accepted)
            _check_names(item)
            data = read(item, self._fetcher, self._limits)
            digest = sha256(data)
            image_id = item.image_id or digest[:_ID_LENGTH]
            known = self._known(collection, image_id)
            if known is not None:
                if known["sha256"] == digest:
                    if inbox_id is None:
                        self._follow(collection, known, item)
                    return self._settled(collection, known, inbox_id, accepted)
                raise ConflictError(
                    f"The id {image_id!r} belongs to another picture already; delete that one first or use another id."
                )
            if inbox_id is None:
                entry = {**_entry(item), "image_id": image_id, "sha256": digest}
                inbox_id = self._acceptance.accept(collection, entry, data)
            if accepted is not None:
                accepted(image_id)
            picture = decode(data, side=encoder.image_side, limits=self._limits)
        except RejectedError as error:
            self._fail(collection, item, digest, inbox_id, error)
            raise
        self._storage.media.keep_thumbnail(collection.key, digest, thumbnail(picture.image, self._thumbnail_side))
        return Received(
            image_id=image_id,
            prepared=np.asarray(encoder.prepare(picture.image)),
            inbox_id=inbox_id,
            facts=self._facts(resumed, item, digest, picture),
        )

    def _facts(self, resumed: int | None, item: Item, digest: str, picture: Picture) -> Mapping[str, Any]:
        entry: Record | None = None
        if resumed is not None:  # the item is only our copy: what came with the picture is in the inbox
            with self._storage.database.read() as connection:
                entry = inbox.get(connection, resumed)
        entry = entry or _entry(item)
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
        with self._storage.database.read() as connection:
            if not images.exists(connection, collection.id, image_id):  # far cheaper, and the usual answer
                return None
            return images.describe(connection, collection.id, [image_id]).get(image_id)

    def _follow(self, collection: CollectionRow, known: Record, item: Item) -> None:
        """A file that is not where it was has been moved: remember where it was found."""
        before = known["source"]
        if item.path is None or known["stored"] or before is None or before == item.source or Path(before).is_file():
            return
        entry = _entry(item)
        with self._storage.database.write() as connection:
            images.set_source(connection, collection.id, known["image_id"], source=entry["source"], name=entry["name"])

    def _settled(
        self, collection: CollectionRow, known: Record, inbox_id: int | None, accepted: Accepted | None
    ) -> Filed:
        if inbox_id is not None:
            with self._storage.database.write() as connection:
                inbox.settle(connection, [inbox_id])
        if accepted is not None:
            accepted(known["image_id"])
        return Filed(
            image_id=known["image_id"],
            category=collection.category_id(known["category"]),
            known=True,
            stacked_on=known["head_id"],
        )

    def _fail(
        self, collection: CollectionRow, item: Item, digest: str | None, inbox_id: int | None, error: RejectedError
    ) -> None:
        entry = {**_entry(item), "stored": False, "sha256": digest}
        if inbox_id is None and digest is None and entry["source"] is None:
            return  # nothing that could be found again: an empty row of a table
        with self._storage.database.write() as connection:
            if inbox_id is not None:
                inbox.fail(connection, inbox_id, str(error))
            elif collections.get(connection, collection.id) is not None:
                clear_failed(connection, collection, digest, entry["source"])
                if item.image_id is not None and item.image_id == storable_text(item.image_id):
                    entry["image_id"] = item.image_id
                inbox.refuse(connection, collection.id, entry, str(error))


def _check_names(item: Item) -> None:
    if item.source is not None and item.source != storable_text(item.source):
        raise RejectedError(f"The name {storable_text(item.source)!r} is not valid text (UTF-8); rename the file.")


def _entry(item: Item) -> dict[str, Any]:
    """What the inbox keeps of an item. ``stored``: it has no file of its own, so we keep the original."""
    return {
        "name": storable_text(item.name),
        "source": None if item.source is None else storable_text(item.source),
        "stored": item.path is None,
        "metadata": dict(item.metadata) or None,
    }
