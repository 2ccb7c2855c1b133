"""A PostgreSQL cluster and a vector store that several processes can share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from categoriser import Library
from tests.postgres import cluster

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed (extra 'server')")

from tests.qdrant_stand_in import vector_server

Open = Callable[..., Library]


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """URL of a PostgreSQL cluster, and of the vector store."""
    with cluster() as database, vector_server() as store:
        yield database, store


@pytest.fixture
def settings(servers: tuple[str, str]) -> dict[str, Any]:
    """Settings of a library that several processes share, on a database of its own."""
    url, store = sa.make_url(servers[0]), servers[1]
    name = f"test_{uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return {
        "database": url.set(database=name).render_as_string(hide_password=False),
        "store": {"url": store, "grpc": False, "prefix": name},
        "shared": {"lease_seconds": 2.0},
    }


@pytest.fixture
def opened(settings: dict[str, Any], tmp_path: Path) -> Iterator[Open]:
    """Opens the library once more, as another process would; all are closed at the end."""
    libraries: list[Library] = []

    def open_once_more(encoder: str = "vectors:8", **more: Any) -> Library:
        libraries.append(Library.open(tmp_path / "library", encoder=encoder, **(settings | more)))
        return libraries[-1]

    yield open_once_more
    for library in reversed(libraries):
        library.close()
