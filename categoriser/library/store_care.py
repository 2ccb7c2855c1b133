"""What a Qdrant server is asked to do beside keeping vectors: snapshots, and shards for large collections."""

from __future__ import annotations

import logging

from categoriser import store as stores
from categoriser.catalog import collections
from categoriser.errors import CategoriserError, ConfigurationError
from categoriser.library.library import Library

_log = logging.getLogger(__name__)


def snapshots(library: Library) -> dict[str, str]:
    """Let the server write down all vectors; encoder → name that the snapshot has there.

    Raises:
        ConfigurationError: vectors are embedded.
        CategoriserError: the server refuses.
    """
    made: dict[str, str] = {}
    with library.storage.database.read() as connection:
        encoders = collections.encoders(connection)
    for encoder_id, dimension in encoders.items():
        store = library.storage.delivery.store(encoder_id, dimension)
        if not isinstance(store, stores.QdrantServerStore):
            raise ConfigurationError("Vectors are embedded: copy the library's folder while nobody has it open.")
        made[encoder_id] = store.snapshot()
    return made


def promote_if_large(library: Library, collection_id: int) -> bool:
    """Give a collection that has grown large a shard of its own; says whether it got one now."""
    least = library.settings.store.own_shards_from
    if not least:
        return False
    with library.storage.database.read() as connection:
        row = collections.get(connection, collection_id)
        large = row is not None and collections.size(connection, collection_id) >= least
    if row is None or not large:
        return False
    store = library.storage.store(row)
    if not isinstance(store, stores.QdrantServerStore) or store.has_own_shard(row.key):
        return False
    try:
        with library.storage.states.excluding(collection_id):  # nobody writes it meanwhile
            return store.promote(row.key)
    except CategoriserError as error:  # it is found where it was, and the next run tries again
        _log.warning("collection %s got no shard of its own: %s", row.key, error)
        return False
