"""Takes images, or a whole collection, out of everything that knows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from categoriser.catalog import collections, events, groups, images, inbox, outbox, storable_text, taxonomy, views
from categoriser.catalog.tables import Record
from categoriser.state import Storage


def remove_images(storage: Storage, collection_id: int, image_ids: Sequence[str]) -> int:
    """Delete images with everything that is known about them; returns how many there were."""
    storage.delivery.ready()
    wanted = [image_id for image_id in dict.fromkeys(image_ids) if image_id == storable_text(image_id)]
    with storage.states.writing(collection_id) as state:
        collection, grouping = state.collection, state.grouping
        with storage.database.read() as connection:
            found = images.describe(connection, collection_id, wanted)
        orders = []
        leaving = state.positions.of([row["row"] for row in found.values()])
        heads: dict[int, int | None] = {}
        if found:
            heads_before = grouping.head_of.copy()
            grouping.remove(leaving)
            restacked = np.setdiff1d(np.flatnonzero(heads_before != grouping.head_of), leaving).tolist()
            row_at, head_of = state.positions.row, grouping.head_of
            heads = {row_at(one): None if (head := int(head_of[one])) < 0 else row_at(head) for one in restacked}
        with storage.database.write() as connection:
            digests = inbox.forget_failed(connection, collection_id, wanted)
            if found:
                images.delete(connection, collection_id, list(found))
                images.set_heads(connection, collection_id, heads)
                events.forget_images(connection, collection_id, list(found))
                _uncount(connection, collection_id, found)
                orders.append(outbox.delete(connection, collection, list(found)))
                digests += [row["sha256"] for row in found.values() if row["sha256"]]
            unused = images.unused_files(connection, collection_id, digests)
            views.forget_descriptions(connection, collection_id, unused)
            if unused:
                orders.append(outbox.forget(connection, collection, unused))
        state.forget(leaving)
        storage.delivery.deliver(*orders)
        return len(found)


def _uncount(connection: Connection, collection_id: int, gone: Mapping[str, Record]) -> None:
    """Take deleted images out of the counts and exemplars; categories that are left empty end."""
    counts = Counter(row["micro"] for row in gone.values())
    taxonomy.count_images(connection, collection_id, {micro: -number for micro, number in counts.items()})
    taxonomy.forget_exemplars(connection, collection_id, gone.keys())
    touched = {row["category"] for row in gone.values()} - {None}
    ended = taxonomy.emptied(connection, collection_id, touched) if touched else []
    taxonomy.retire(connection, collection_id, dict.fromkeys(ended))
    log: list[Mapping[str, Any]] = [{"kind": "retire", "category": number} for number in ended]
    if ended:
        empty = groups.settle(connection, collection_id).ended
        log += [{"kind": "group-end", "detail": {"group": number}} for number in empty]
    events.append(connection, collection_id, log)


def remove_collection(storage: Storage, collection_id: int) -> int | None:
    """Delete a collection, or a view, with all that belongs to it; returns how many images it had.

    None when there is no such collection any more. Its views are to be deleted first; the files of callers stay.
    """
    with storage.states.excluding(collection_id):
        with storage.database.write() as connection:
            row = collections.get(connection, collection_id)
            if row is None:
                return None
            size = collections.size(connection, collection_id)
            order = outbox.drop(connection, row)
            collections.delete(connection, collection_id)
        storage.delivery.deliver(order)
    return size
