"""The catalog is tested on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from categoriser.catalog import Database, collections, sqlite_url
from categoriser.catalog.collections import CollectionRow
from tests.postgres import cluster


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
    server: str = request.getfixturevalue("postgres_url")
    name = f"test_{abs(hash(tmp_path)):x}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(server).set(database=name)


@pytest.fixture
def database(url: str | sa.URL) -> Iterator[Database]:
    """A database with our tables."""
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def collection(database: Database) -> CollectionRow:
    """An empty collection."""
    with database.write() as connection:
        return collections.create(
            connection, "a", encoder_id="classic", encoder_spec="classic", dimension=4, granularity="balanced"
        )
