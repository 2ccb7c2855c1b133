"""Where the bytes of an accepted picture are to be had."""

from __future__ import annotations

from pathlib import Path

from categoriser.catalog import inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.errors import NotFoundError
from categoriser.intake import Item
from categoriser.state import Storage


def waiting_item(storage: Storage, collection: CollectionRow, number: int) -> tuple[Item, Record]:
    """An entry of the inbox as an item: its bytes, our copy, the caller's file or the address.

    Raises:
        NotFoundError: it does not wait any more.
    """
    with storage.database.glance() as connection:
        found = inbox.with_bytes(connection, number)
    if found is None or found[0]["reason"] is not None or found[0]["collection_id"] != collection.id:
        raise NotFoundError(f"Entry {number} of the inbox does not wait any more; nothing needs to be done.")
    entry, data = found
    digest, source = entry["sha256"], entry["source"]
    # an id that the content gave is asked for anew: the caller's file may hold other bytes by now
    image_id = entry["image_id"]
    if image_id is not None and digest is not None and digest.startswith(image_id):
        image_id = None
    if data is not None:
        return Item(entry["name"], data=data, image_id=image_id), entry
    if entry["stored"] and digest is not None:
        return Item(entry["name"], path=storage.media.original(collection.key, digest), image_id=image_id), entry
    address = entry["url"] or (source if source is not None and "://" in source else None)
    if address is not None:
        return Item(entry["name"], url=address, image_id=image_id, inside=bool(entry["inside"])), entry
    if source is None:
        problem = "What was sent was not kept; send it again."
        return Item(entry["name"], image_id=image_id, problem=problem), entry
    return Item(entry["name"], path=Path(source), image_id=image_id), entry
