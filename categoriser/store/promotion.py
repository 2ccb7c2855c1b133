"""Gives a large tenant shards of its own on a Qdrant server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from categoriser.errors import CategoriserError
from categoriser.store.layout import TOGETHER, tenant

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, models

_LOOK_SECONDS: Final = 0.5
Ask = Callable[..., Any]


def promoted(ask: Ask, client: AsyncQdrantClient, name: str, collection: str, patience_seconds: float) -> bool:
    """Copy a tenant's points into a shard of its own, wait, and delete them where they were.

    As long as the new shard is not active the server goes on to answer from the old one.

    Raises:
        CategoriserError: the copy takes too long; repeating goes on.
    """
    from qdrant_client import models  # noqa: PLC0415

    everything = models.Filter(must=[tenant(collection)])
    state = _state(ask, client, name, collection)
    if state is None:
        ask(client.create_shard_key, name, collection, initial_state=models.ReplicaState.PARTIAL)
        points = models.ReplicatePoints(filter=everything, from_shard_key=TOGETHER, to_shard_key=collection)
        ask(client.cluster_collection_update, name, models.ReplicatePointsOperation(replicate_points=points))
    until = time.monotonic() + patience_seconds
    while (now := _state(ask, client, name, collection)) != models.ReplicaState.ACTIVE:
        if time.monotonic() > until:
            raise CategoriserError(
                f"The shard of collection {collection} is {now} after {patience_seconds:.0f} s; look at the server and "
                "try again. Until then its points are found where they were."
            )
        time.sleep(_LOOK_SECONDS)
    old = models.FilterSelector(filter=everything)
    ask(client.delete, name, old, wait=True, shard_key_selector=TOGETHER)
    return state is None


def is_promoted(ask: Ask, client: AsyncQdrantClient, name: str, collection: str) -> bool:
    """Whether a tenant's own shards are active."""
    from qdrant_client import models  # noqa: PLC0415

    return _state(ask, client, name, collection) == models.ReplicaState.ACTIVE


def _state(ask: Ask, client: AsyncQdrantClient, name: str, collection: str) -> models.ReplicaState | None:
    """Of a tenant's own shards: active when all are; None when it has none."""
    from qdrant_client import models  # noqa: PLC0415

    info: models.CollectionClusterInfo = ask(client.collection_cluster_info, name)
    states = [one.state for one in info.local_shards if one.shard_key == collection]
    states += [one.state for one in info.remote_shards if one.shard_key == collection]
    return next((one for one in states if one != models.ReplicaState.ACTIVE), states[0]) if states else None
