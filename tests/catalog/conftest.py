"""The catalog is tested on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from categoriser.catalog import Database, collections, sqlite_url
from categoriser.catalog.collections import CollectionRow
from tests.postgres import cluster, new_database


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server of our own."""
    with cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | sa.URL:
    """An empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "catalog.sqlite")
    return new_database(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def catalog_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with our tables, to be copied."""
    path = tmp_path_factory.mktemp("catalog") / "catalog.sqlite"
    Database(sqlite_url(path)).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with our tables."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("catalog_file"), tmp_path / "catalog.sqlite")
        opened = Database(sqlite_url(path))
    else:
        opened = Database(new_database(request.getfixturevalue("postgres_url"), tables=True))
    yield opened
    opened.close()


@pytest.fixture
def collection(database: Database) -> CollectionRow:
    """An empty collection."""
    with database.write() as connection:
        return collections.create(
            connection, "a", encoder_id="classic", encoder_spec="classic", dimension=4, granularity="balanced"
        )
