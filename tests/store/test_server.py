"""What is the server adapter's own: its connection, its physical collection, its missing extra."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from categoriser.domain import Points
from categoriser.errors import CategoriserError, EncoderMismatchError
from categoriser.store import QdrantServerStore

WITHOUT_CLIENT = """
import sys
sys.modules["qdrant_client"] = None
from categoriser.errors import MissingExtraError
from categoriser.store.qdrant_server import QdrantServerStore

try:
    QdrantServerStore("http://127.0.0.1:6333", 8, "name")
except MissingExtraError as error:
    print(error)
"""


def test_without_the_client_the_error_names_the_command() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_CLIENT], capture_output=True, text=True, timeout=60, check=False
    )
    assert "pip install -e '.[server]'" in answer.stdout, answer.stderr


@pytest.fixture
def client() -> Any:
    return pytest.importorskip("qdrant_client", reason="qdrant-client is not installed (extra 'server')")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "qdrant"


def opened(client: Any, folder: Path, dimension: int) -> QdrantServerStore:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        return QdrantServerStore(
            "local", dimension, "test", make_client=lambda: client.AsyncQdrantClient(path=str(folder))
        )


def test_an_existing_physical_collection_is_used_again(client: Any, folder: Path, make_points: Any) -> None:
    points: Points = make_points(["a", "b"])
    store = opened(client, folder, 8)
    store.put("mine", points)
    store.close()
    store.close()
    again = opened(client, folder, 8)
    assert again.count("mine") == 2
    again.close()


def test_another_dimension_is_refused(client: Any, folder: Path) -> None:
    opened(client, folder, 8).close()
    with pytest.raises(EncoderMismatchError, match="dimension 8"):
        opened(client, folder, 9)
    opened(client, folder, 8).close()


def test_a_server_that_does_not_answer_is_named(client: Any) -> None:
    url = "http://127.0.0.1:9"

    def connect() -> Any:
        return client.AsyncQdrantClient(url=url, timeout=2, check_compatibility=False)

    with pytest.raises(CategoriserError, match=url):
        QdrantServerStore(url, 8, "test", make_client=connect)


def test_a_closed_store_says_so(client: Any, folder: Path, make_points: Any) -> None:
    store = opened(client, folder, 8)
    store.close()
    with pytest.raises(CategoriserError, match="closed"):
        store.count("mine")
