"""What the vector store still has to be told: written with the decision, deleted once the store has it on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.round_trips import is_together, later
from categoriser.catalog.tables import Record, outbox
from categoriser.domain import FloatVector, IntVector, Points

Operation = Literal["put", "move", "delete", "forget", "drop"]


@dataclass(frozen=True, slots=True)
class Order:
    """One call for a vector store, or for the files: "forget" names contents in ``image_ids``, not images."""

    id: int
    collection_key: str
    encoder_id: str
    dimension: int
    operation: Operation
    image_ids: Sequence[str]
    micro_ids: IntVector | None
    points: Points | None  # of a put


def put(connection: Connection, collection: CollectionRow, points: Points) -> Order:
    """Order: write these points."""
    return put_later(connection, collection, points)()


def put_later(connection: Connection, collection: CollectionRow, points: Points) -> Callable[[], Order]:
    """As ``put``; to be had as of ``later``."""
    return _write(
        connection,
        collection,
        "put",
        points.image_ids,
        micro_ids=points.micro_ids.astype(np.int64).tobytes(),
        vectors=np.ascontiguousarray(points.vectors, np.float32).tobytes(),
        added_at=np.asarray(points.added_at, np.float64).tobytes(),
    )


def move(connection: Connection, collection: CollectionRow, image_ids: Sequence[str], micro_ids: IntVector) -> Order:
    """Order: these points changed their micro-cluster."""
    return _write(connection, collection, "move", image_ids, micro_ids=micro_ids.astype(np.int64).tobytes())()


def delete(connection: Connection, collection: CollectionRow, image_ids: Sequence[str]) -> Order:
    """Order: delete these points."""
    return _write(connection, collection, "delete", image_ids)()


def forget(connection: Connection, collection: CollectionRow, digests: Sequence[str]) -> Order:
    """Order: delete the files with these contents, unless an image has them again by then."""
    return _write(connection, collection, "forget", digests)()


def drop(connection: Connection, collection: CollectionRow) -> Order:
    """Order: delete all points and files of the collection."""
    return _write(connection, collection, "drop", [])()


def unfinished(connection: Connection, *, after: int = 0, limit: int = 50) -> list[Order]:
    """Orders that may not have reached the store's disk, in order."""
    query = sa.select(outbox).where(outbox.c.id > after).order_by(outbox.c.id).limit(limit)
    return [_order(dict(row._mapping)) for row in connection.execute(query)]


def of_collection(connection: Connection, collection_key: str, *, after: int = 0, limit: int = 50) -> list[Order]:
    """Unfinished orders of one collection, in order."""
    here = sa.and_(outbox.c.collection_key == collection_key, outbox.c.id > after)
    query = sa.select(outbox).where(here).order_by(outbox.c.id).limit(limit)
    return [_order(dict(row._mapping)) for row in connection.execute(query)]


def has_any(connection: Connection, collection_key: str) -> bool:
    """Whether a collection has unfinished orders."""
    return connection.execute(_HAS_ANY, {"of": collection_key}).first() is not None


def vectors_under_way(connection: Connection, collection_key: str) -> dict[str, FloatVector]:
    """Image id → the vector that the store may not have yet, of one collection."""
    query = sa.select(outbox).where(outbox.c.collection_key == collection_key, outbox.c.operation == "put")
    found: dict[str, FloatVector] = {}
    for row in connection.execute(query.order_by(outbox.c.id)):
        points = _order(dict(row._mapping)).points
        if points is not None:
            found.update(zip(points.image_ids, points.vectors, strict=True))
    return found


def waiting_collections(connection: Connection, *, after: str = "", limit: int = 100) -> list[str]:
    """Keys of collections with unfinished orders, sorted."""
    found = sa.select(outbox.c.collection_key).where(outbox.c.collection_key > after).distinct()
    return list(connection.execute(found.order_by(outbox.c.collection_key).limit(limit)).scalars())


def finish(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete orders that are on the store's disk."""
    if numbers:
        connection.execute(sa.delete(outbox).where(outbox.c.id == sa.bindparam("n")), [{"n": n} for n in numbers])


def _write(
    connection: Connection,
    collection: CollectionRow,
    operation: Operation,
    image_ids: Sequence[str],
    **blobs: bytes,
) -> Callable[[], Order]:
    values: dict[str, Any] = {
        "collection_key": collection.key,
        "encoder_id": collection.encoder_id,
        "dimension": collection.dimension,
        "operation": operation,
        "image_ids": list(image_ids),
        **blobs,
    }
    if is_together(connection):
        connection.execute(_INSERT_INLINE, _NO_BLOBS | values)
        rows = later(connection, _NUMBER, {})
    else:
        rows = later(connection, _INSERT, _NO_BLOBS | values)
    return lambda: _order({"id": rows()[0][0], **_NO_BLOBS, **values})


_INSERT = sa.insert(outbox).returning(outbox.c.id)
_INSERT_INLINE = sa.insert(outbox).inline()
_NUMBER = sa.text("SELECT currval(pg_get_serial_sequence('outbox', 'id'))")  # of what this connection wrote last
_HAS_ANY = sa.select(outbox.c.id).where(outbox.c.collection_key == sa.bindparam("of")).limit(1)
_NO_BLOBS = dict.fromkeys(("micro_ids", "vectors", "added_at"))


def _order(values: Record) -> Order:
    micro_ids = None if values["micro_ids"] is None else np.frombuffer(values["micro_ids"], np.int64)
    points = None
    if values["vectors"] is not None and micro_ids is not None:
        points = Points(
            image_ids=values["image_ids"],
            vectors=np.frombuffer(values["vectors"], np.float32).reshape(-1, values["dimension"]),
            micro_ids=micro_ids,
            added_at=np.frombuffer(values["added_at"], np.float64).tolist(),
        )
    return Order(
        id=values["id"],
        collection_key=values["collection_key"],
        encoder_id=values["encoder_id"],
        dimension=values["dimension"],
        operation=values["operation"],
        image_ids=values["image_ids"],
        micro_ids=micro_ids,
        points=points,
    )
