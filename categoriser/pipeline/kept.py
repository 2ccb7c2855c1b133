"""A picture that nobody was promised anything about before it is filed: it needs no inbox entry, unless that fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from categoriser.catalog import inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.outbox import Order
from categoriser.pipeline.acceptance import clear_failed
from categoriser.state import Storage
from categoriser.state.media import Media


@dataclass(frozen=True, slots=True)
class Kept:
    """Its files, which are written while it is decoded and encoded, and its columns of the inbox if it has to wait."""

    entry: Mapping[str, Any]
    data: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)
    written: Future[None]  # the original
    shown: Future[None] = field(default_factory=Future)  # the thumbnail

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes."""
        return str(self.entry["sha256"])

    def problem(self) -> BaseException | None:
        """Wait until its files are written, all of them; why they could not be."""
        errors = [one.exception() for one in (self.written, self.shown)]
        return next((error for error in errors if error is not None), None)

    def show(self, media: Media, key: str) -> None:
        """Write its thumbnail."""
        try:
            media.keep_thumbnail(key, self.digest, self.thumbnail)
        except BaseException as error:
            self.shown.set_exception(error)
        else:
            self.shown.set_result(None)

    def settle(self, media: Media, key: str) -> None:
        """Its image is there. Write again what was deleted meanwhile, with another image of the same bytes."""
        media.keep_original(key, self.digest, self.data)
        if not media.thumbnail(key, self.digest).exists():
            media.keep_thumbnail(key, self.digest, self.thumbnail)


def settle_failures(connection: Connection, collection: CollectionRow, kept: Sequence[Kept]) -> list[Order]:
    """They are being filed: forget that they could not be earlier."""
    orders = [clear_failed(connection, collection, one.digest, one.entry["source"]) for one in kept]
    return [order for order in orders if order is not None]


def refuse(connection: Connection, collection: CollectionRow, kept: Kept, reason: str) -> list[Order]:
    """Keep one that cannot be filed, so that it can be looked up and tried again."""
    orders = settle_failures(connection, collection, [kept])
    inbox.refuse(connection, collection.id, {**kept.entry, "url": None, "inside": False}, reason)
    return orders


def forget(storage: Storage, collection: CollectionRow, kept: Kept) -> None:
    """It was given up: delete its files unless an image has them.

    Raises:
        OSError: they cannot be deleted.
    """
    kept.problem()
    storage.forget_files(collection.key, [kept.digest])
