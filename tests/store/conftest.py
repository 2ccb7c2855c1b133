"""The stores that the contract is tested on, and small batches to put into them."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from categoriser.domain import FloatMatrix, Points
from categoriser.store import QdrantEdgeStore, VectorStore

DIMENSION = 8


@pytest.fixture(scope="session", params=["edge", "edge-compacted", "client-local-mode", "server"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    """One open store of dimension 8; tests keep apart by the names of their collections."""
    if request.param == "edge":
        opened: VectorStore = QdrantEdgeStore(tmp_path_factory.mktemp("edge") / "vectors", DIMENSION)
        yield opened
        opened.close()
    elif request.param == "edge-compacted":
        yield from _compacted_store(tmp_path_factory.mktemp("edge") / "vectors")
    elif request.param == "client-local-mode":
        yield from _local_store()
    else:
        yield from _server_store()


@pytest.fixture
def collection(store: VectorStore) -> Iterator[str]:
    """A collection name that nobody used before."""
    name = f"collection-{uuid4()}"
    yield name
    store.drop(name)


@pytest.fixture(scope="session")
def make_points() -> Callable[..., Points]:
    """Return a function that makes a batch with the given image ids; what is not given is drawn from a fixed seed."""

    def make(
        image_ids: Sequence[str],
        *,
        vectors: FloatMatrix | None = None,
        micro_ids: Sequence[int] | None = None,
        added_at: Sequence[float] | None = None,
    ) -> Points:
        count = len(image_ids)
        if vectors is None:
            vectors = np.random.default_rng(count).standard_normal((count, DIMENSION)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Points(
            image_ids=image_ids,
            vectors=vectors,
            micro_ids=np.array(range(count) if micro_ids is None else micro_ids, dtype=np.int64),
            added_at=list(map(float, range(count))) if added_at is None else added_at,
        )

    return make


def _compacted_store(folder: Path) -> Iterator[VectorStore]:
    """One that is compacted again and again while it is asked."""
    opened, stop, failures = QdrantEdgeStore(folder, DIMENSION), threading.Event(), list[str]()

    def compact() -> None:
        try:
            while opened.compact() and not stop.wait(0.05):
                pass
        except Exception as error:
            failures.append(repr(error))

    assert opened.compact()
    thread = threading.Thread(target=compact, daemon=True)
    thread.start()
    yield opened
    assert thread.is_alive()
    stop.set()
    thread.join()
    assert not failures
    opened.close()


def _local_store() -> Iterator[VectorStore]:
    client = pytest.importorskip("qdrant_client", reason="qdrant-client is not installed (extra 'server')")
    from categoriser.store import QdrantServerStore

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        opened = QdrantServerStore(
            "local", DIMENSION, "test", make_client=lambda: client.AsyncQdrantClient(location=":memory:")
        )
    yield opened
    opened.close()


def _server_store() -> Iterator[VectorStore]:
    url = os.environ.get("QDRANT_URL")
    if not url:
        pytest.skip("QDRANT_URL names no Qdrant server")
    client = pytest.importorskip("qdrant_client", reason="qdrant-client is not installed (extra 'server')")
    from categoriser.store import QdrantServerStore

    name, key = f"categoriser-test-{uuid4()}", os.environ.get("QDRANT_API_KEY")
    opened = QdrantServerStore(url, DIMENSION, name, key)
    try:
        yield opened
    finally:
        opened.close()
        client.QdrantClient(url=url, api_key=key).delete_collection(name)
