"""A library on PostgreSQL is backed up into a file and restored to either kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.errors import ConfigurationError
from categoriser.intake import Item
from categoriser.library.backup import Backups, restore
from categoriser.library.repair import find_faults
from tests.waiting import wait_until
from tests.whole import check, picture


def _new_database(server: str, name: str) -> str:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def promised(library: Library, number: int) -> str:
    """Promise a picture and wait until that is durable; returns the id of the upload."""
    row = library.collection("photos").row
    token, durable = library.uploads.promise(row, [library.uploads.prepare(row, Item("x", data=picture(number)))])
    durable.result()
    return token


def states(library: Library, token: str) -> list[str]:
    """What became of the pictures of an upload."""
    return [one.state for one in library.uploads.get(library.collection("photos").row, token).pictures]


def test_a_library_moves_between_postgresql_and_sqlite_by_a_backup(tmp_path: Path, postgres_url: str) -> None:
    first, second = (_new_database(postgres_url, f"{name}_{abs(hash(tmp_path)):x}") for name in ("one", "two"))
    with Library.open(tmp_path / "library", encoder="classic", database=first) as library:
        photos = library.collection("photos")
        token = promised(library, 50)
        wait_until(lambda: states(library, token) == ["filed"])
        photos.add([picture(seed) for seed in range(12)])
        photos.run()
        for category in photos.categories():
            photos.lock(category.id)
        before, events = photos.assignments(), photos.events(limit=1000)
        assert Backups(library).make(tmp_path / "backup").images == 13
    restore(tmp_path / "backup", tmp_path / "as-sqlite")
    restore(tmp_path / "backup", tmp_path / "as-postgresql", database=second)
    with pytest.raises(ConfigurationError, match="holds collections already"):
        restore(tmp_path / "backup", tmp_path / "again", database=second)
    assert not (tmp_path / "again").exists()
    for folder, settings in (("as-sqlite", {}), ("as-postgresql", {"database": second})):
        with Library.open(tmp_path / folder, "classic", **settings) as library:
            assert find_faults(library) == []
            photos = library.collection("photos")
            assert check(photos, tmp_path) == before
            assert photos.events(limit=1000) == events
            library.pipeline.feeder.stop()
            assert states(library, promised(library, 51)) == ["waiting"]
            assert states(library, token) == ["filed"]  # although the other one may have its number
            library.collection("another").add([picture(99)])  # ids go on
            photos.add([picture(100)])
            check(photos, tmp_path)
