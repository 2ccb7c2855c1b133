"""The front half of the way: read, recognise, accept into the inbox, decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from categoriser.catalog import images, inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed
from categoriser.encoders import Encoder
from categoriser.errors import ConflictError, RejectedError
from categoriser.intake import Fetcher, Item, Limits, decode, read, sha256, thumbnail
from categoriser.state import Storage

_ID_LENGTH = 32  # hex digits of the content hash that make an id: 128 bits


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

    def receive(
        self, collection: CollectionRow, item: Item, encoder: Encoder, inbox_id: int | None
    ) -> Received | Filed:
        """Read and decode one input; on return it is durable in the inbox.

        A picture that is known already is answered at once.

        Raises:
            RejectedError: it cannot be filed; if it was in the inbox, it stays there with the reason.
        """
        if item.url is not None and item.image_id is not None:
            known = self._known(collection, item.image_id)
            if known is not None and known["source"] == item.source:
                return self._settled(collection, known, inbox_id)  # a table read again: nothing is fetched twice
        try:
            data = read(item, self._fetcher, self._limits)
        except RejectedError as error:
            self._fail(inbox_id, error)
            raise
        digest = sha256(data)
        image_id = item.image_id or digest[:_ID_LENGTH]
        known = self._known(collection, image_id)
        if known is not None:
            if known["sha256"] == digest:
                return self._settled(collection, known, inbox_id)
            conflict = ConflictError(
                f"The id {image_id!r} belongs to another picture already; delete that one first or use another id."
            )
            self._fail(inbox_id, conflict)
            raise conflict
        number = inbox_id if inbox_id is not None else self._accept(collection, item, image_id, digest, data)
        try:
            picture = decode(data, side=encoder.image_side, limits=self._limits)
        except RejectedError as error:
            self._fail(number, error)
            raise
        media = self._storage.media
        media.keep_thumbnail(collection.key, digest, thumbnail(picture.image, self._thumbnail_side))
        return Received(
            image_id=image_id,
            prepared=np.asarray(encoder.prepare(picture.image)),
            inbox_id=number,
            facts={
                "sha256": digest,
                "phash": picture.fingerprint,
                "name": item.name,
                "source": item.source,
                "stored": item.path is None or media.original(collection.key, digest).exists(),
                "format": picture.format,
                "width": picture.width,
                "height": picture.height,
                "taken_at": picture.taken_at,
                "metadata": dict(item.metadata) or None,
            },
        )

    def _accept(self, collection: CollectionRow, item: Item, image_id: str, digest: str, data: bytes) -> int:
        stored = item.path is None  # what has no file of its own we keep
        if stored:
            self._storage.media.keep_original(collection.key, digest, data)
        entry = {
            "image_id": image_id,
            "sha256": digest,
            "name": item.name,
            "source": item.source,
            "stored": stored,
            "metadata": dict(item.metadata) or None,
        }
        with self._storage.database.write() as connection:
            inbox.clear_failed(connection, collection.id, digest)
            return inbox.accept(connection, collection.id, entry)

    def _known(self, collection: CollectionRow, image_id: str) -> Mapping[str, Any] | None:
        with self._storage.database.read() as connection:
            return images.describe(connection, collection.id, [image_id]).get(image_id)

    def _settled(self, collection: CollectionRow, known: Mapping[str, Any], inbox_id: int | None) -> Filed:
        if inbox_id is not None:
            with self._storage.database.write() as connection:
                inbox.settle(connection, [inbox_id])
        return Filed(
            image_id=known["image_id"],
            category=collection.category_id(known["category"]),
            known=True,
            stacked_on=known["head_id"],
        )

    def _fail(self, inbox_id: int | None, error: RejectedError) -> None:
        if inbox_id is not None:
            with self._storage.database.write() as connection:
                inbox.fail(connection, inbox_id, str(error))
