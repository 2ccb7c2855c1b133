"""What a point in Qdrant carries besides its vector, the same in every adapter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID, uuid5

import numpy as np

from categoriser.domain import FloatMatrix, Points
from categoriser.errors import CategoriserError, ConfigurationError, InvalidVectorError

COLLECTION = "collection"
MICRO_ID = "micro_id"
IMAGE_ID = "image_id"
ADDED_AT = "added_at"
ORDER = "order"  # number of the order that wrote the point last; only where updates are conditional

_ROOT = UUID("8f0c1f0e-6a52-5c0e-9a5b-3f7c2d8a41b6")  # fixed for ever: every stored point id depends on it


class Record(Protocol):
    """A stored point as the clients hand it out."""

    @property
    def payload(self) -> Any: ...  # mapping of the four fields above

    @property
    def vector(self) -> Any: ...  # list of floats


def point_ids(collection: str, image_ids: Sequence[str]) -> list[UUID]:
    """Return the point id of each image: a pure function of both names, so that a replay meets its own point.

    Raises:
        InvalidVectorError: an image id is no valid Unicode (a file name with undecodable bytes, for example).
    """
    space = _namespace(collection)
    ids = []
    for image_id in image_ids:
        try:
            ids.append(uuid5(space, image_id))
        except UnicodeEncodeError:
            raise InvalidVectorError(f"Image {image_id!r}: the id is not valid Unicode; rename it.") from None
    return ids


def payloads(collection: str, points: Points) -> Iterator[dict[str, Any]]:
    """Yield the payload of each point; plain Python values, for the clients know no numpy."""
    micro_ids = np.asarray(points.micro_ids, dtype=np.int64).tolist()
    times = np.asarray(points.added_at, dtype=np.float64).tolist()
    for image_id, micro_id, added_at in zip(points.image_ids, micro_ids, times, strict=True):
        yield {COLLECTION: collection, MICRO_ID: micro_id, IMAGE_ID: image_id, ADDED_AT: added_at}


def owned(collection: str, payload: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return ``payload`` if its point belongs to ``collection``: the last door, should a filter ever fail.

    Raises:
        CategoriserError: it belongs to another collection.
    """
    if payload is None or payload.get(COLLECTION) != collection:
        raise CategoriserError(
            f"The vector store answered for collection {collection!r} with a point that is not of it; "
            "nothing was returned. This is a defect or a damaged store: please report it."
        )
    return payload


def gathered(collection: str, records: Sequence[Record], dimension: int) -> Points:
    """Return stored points as one batch, in the order given."""
    rows = [owned(collection, record.payload) for record in records]
    vectors: FloatMatrix = np.empty((len(rows), dimension), dtype=np.float32)
    for i, record in enumerate(records):
        vectors[i] = record.vector
    return Points(
        image_ids=[row[IMAGE_ID] for row in rows],
        vectors=vectors,
        micro_ids=np.array([row[MICRO_ID] for row in rows], dtype=np.int64),
        added_at=[float(row[ADDED_AT]) for row in rows],
    )


@lru_cache(maxsize=4096)
def _namespace(collection: str) -> UUID:
    # nested, not joined: no pair of names can be spelt as another pair
    try:
        return uuid5(_ROOT, collection)
    except UnicodeEncodeError:
        raise ConfigurationError(f"Collection {collection!r}: the name is not valid Unicode; choose another.") from None
