"""Every migration goes up, down and up again with rows in all tables, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.catalog import Database, sqlite_url
from categoriser.catalog.revisions import begun, migrate, revisions
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library.migrating import do_migration, plan_migration
from tests.whole import check, picture

_EMPTY = {"alembic_version", "inbox_bytes"}  # the latter has to be empty before going back, and says so


def _value(column: sa.Column[Any]) -> Any:
    """Something that a column takes, other than its default."""
    kind = column.type
    if isinstance(kind, sa.JSON):
        return {"a": [1, None, "ü"]}
    if isinstance(kind, sa.Boolean):
        return True
    if isinstance(kind, sa.LargeBinary):
        return b"\x00\xff"
    if isinstance(kind, sa.DateTime):
        return datetime(2026, 1, 2, tzinfo=UTC)
    if isinstance(kind, sa.String):
        return "seven"[: kind.length or 5]
    return 7.5 if isinstance(kind, sa.Float) else 7


def _fill(engine: sa.Engine) -> None:
    """A row in every table that has none yet."""
    found = sa.MetaData()
    with engine.connect() as connection, begun(connection):
        found.reflect(connection)
        for table in found.sorted_tables:
            if table.name in _EMPTY or connection.execute(sa.select(table).limit(1)).first() is not None:
                continue
            values = {column.name: _value(column) for column in table.columns}
            if "parent_key" in values:
                values["parent_key"] = None  # a view, which going back deletes
            for column in table.columns:
                for key in column.foreign_keys:
                    values[column.name] = connection.execute(sa.select(key.column).limit(1)).scalar_one()
            connection.execute(sa.insert(table), [values])


def _rows(engine: sa.Engine) -> dict[str, list[dict[str, Any]]]:
    found = sa.MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        return {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in found.sorted_tables
            if table.name != "alembic_version"
        }


def _same(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> None:
    """Tables and columns that both have hold the same."""
    for name in before.keys() & after.keys():
        assert len(before[name]) == len(after[name]), name
        for one, other in zip(before[name], after[name], strict=True):
            both = one.keys() & other.keys()
            assert {key: one[key] for key in both} == {key: other[key] for key in both}, name


def test_every_migration_goes_up_down_and_up_again_and_loses_no_row(url: sa.URL) -> None:
    database = Database(url, revision=None)
    engine = database.engine
    try:
        steps = [one.id for one in revisions(engine)]
        assert len(steps) >= 7
        for place, step in enumerate(steps):
            migrate(engine, step)
            _fill(engine)
            filled = _rows(engine)
            assert all(rows for name, rows in filled.items() if name not in _EMPTY), step
            migrate(engine, steps[place - 1] if place else "base")
            back = _rows(engine)
            _same(filled, back)
            migrate(engine, step)
            _same(back, _rows(engine))
            _fill(engine)
        assert all(one.applied for one in revisions(engine))
        migrate(engine, "base")
        assert _rows(engine) == {}
        migrate(engine)
    finally:
        database.close()


def test_a_library_goes_back_and_forth_and_is_whole(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        photos = library.collection("photos")
        photos.add([picture(seed) for seed in range(12)])
        photos.run()
        before = photos.assignments()
    shown = plan_migration(tmp_path / "library", "0006")
    assert shown.down
    assert [one.id for one in shown.steps][-1] == "0007"
    assert do_migration(tmp_path / "library", "0006").steps == []
    assert not plan_migration(tmp_path / "library").down
    with Library.open(tmp_path / "library") as library:
        assert check(library.collection("photos"), tmp_path) == before
    assert plan_migration(tmp_path / "library").steps == []


def test_a_library_from_the_future_is_refused_in_one_sentence(tmp_path: Path) -> None:
    Library.open(tmp_path / "library", encoder="classic").close()
    database = Database(sqlite_url(tmp_path / "library" / "catalog.sqlite"))
    with database.write() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    database.close()
    for attempt in (
        lambda: Library.open(tmp_path / "library"),
        lambda: plan_migration(tmp_path / "library"),
        lambda: do_migration(tmp_path / "library", "0001"),
    ):
        with pytest.raises(ConfigurationError, match="newer version of categoriser: update this one") as refused:
            attempt()
        assert "\n" not in str(refused.value)


def test_what_makes_no_sense_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        plan_migration(tmp_path / "nowhere")
    Library.open(tmp_path / "library", encoder="classic").close()
    with pytest.raises(ConfigurationError, match="no revision '4711'"):
        do_migration(tmp_path / "library", "4711")
