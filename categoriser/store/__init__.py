"""Where vectors live: one Protocol, and Qdrant in process or as a server behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from categoriser.store.base import VectorStore

if TYPE_CHECKING:
    from categoriser.store.qdrant_edge import QdrantEdgeStore
    from categoriser.store.qdrant_server import QdrantServerStore

__all__ = ["QdrantEdgeStore", "QdrantServerStore", "VectorStore"]


def __getattr__(name: str) -> Any:
    # on demand: each adapter brings an engine or a client that the other one does not need
    if name == "QdrantEdgeStore":
        from categoriser.store.qdrant_edge import QdrantEdgeStore  # noqa: PLC0415

        return QdrantEdgeStore
    if name == "QdrantServerStore":
        from categoriser.store.qdrant_server import QdrantServerStore  # noqa: PLC0415

        return QdrantServerStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
