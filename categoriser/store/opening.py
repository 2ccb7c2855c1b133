"""Opens the vector store that the settings name."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from categoriser.server_settings import StoreSettings
from categoriser.store.base import VectorStore


def store_name(encoder_id: str) -> str:
    """A name for an encoder's vectors that no other encoder has, for folders and for collections of a server."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", encoder_id)[:60]
    return f"{readable}-{hashlib.sha256(encoder_id.encode()).hexdigest()[:8]}"


def open_store(settings: StoreSettings, folder: Path, encoder_id: str, dimension: int) -> VectorStore:
    """The store of an encoder's vectors: on the server that the settings name, else in a folder.

    Raises:
        MissingExtraError: qdrant-client is not installed.
        EncoderMismatchError: it holds vectors of another dimension.
        CategoriserError: the server does not answer or refuses.
    """
    name = store_name(encoder_id)
    if not settings.url:
        from categoriser.store.qdrant_edge import QdrantEdgeStore  # noqa: PLC0415

        return QdrantEdgeStore(folder / name, dimension)
    from categoriser.store.layout import Layout  # noqa: PLC0415
    from categoriser.store.qdrant_server import QdrantServerStore  # noqa: PLC0415

    return QdrantServerStore(
        settings.url,
        dimension,
        f"{settings.prefix}-{name}",
        settings.api_key.get_secret_value() or None,
        grpc=settings.grpc,
        grpc_port=settings.grpc_port,
        timeout_seconds=settings.timeout_seconds,
        layout=Layout(
            shards=settings.shards,
            replicas=settings.replicas,
            write_consistency=settings.write_consistency,
            ordering=settings.ordering,
            quantisation=settings.quantisation,
            bits=settings.bits,
            oversampling=settings.oversampling,
            own_shards=settings.own_shards_from > 0,
            conditional=settings.conditional,
        ),
    )
