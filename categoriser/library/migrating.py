"""Shows and changes the version of a library's tables while nobody has the library open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from categoriser.catalog import Database, sqlite_url
from categoriser.catalog.ownership import own
from categoriser.catalog.revisions import Revision, migrate, revisions
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.settings import Settings
from categoriser.state.storage import owned_library


@dataclass(frozen=True, slots=True)
class Migration:
    """What it takes to bring tables to a revision. ``steps``: up or down, in the order in which they are done."""

    revisions: list[Revision]
    down: bool
    steps: list[Revision]


def plan_migration(folder: Path, to: str = "head", **settings: Any) -> Migration:
    """What a migration would do.

    Raises:
        NotFoundError: there is no library.
        LibraryInUseError: another process has it open.
        ConfigurationError: there is no such revision, or a newer version made the database.
    """
    with _database(folder, settings) as database:
        return _planned(revisions(database.engine), to)


def do_migration(folder: Path, to: str = "head", **settings: Any) -> Migration:
    """Do it: all of it or nothing. Make a backup before going down: what older tables do not have is deleted.

    Raises:
        See ``plan_migration``.
    """
    with _database(folder, settings) as database:
        made = _planned(revisions(database.engine), to)
        if made.steps:
            migrate(database.engine, to)
        return _planned(revisions(database.engine), to)


def _planned(known: list[Revision], to: str) -> Migration:
    ids = [one.id for one in known]
    if to not in {"head", "base", *ids}:
        raise ConfigurationError(f"There is no revision {to!r}; `categoriser migrate` lists all there are.")
    wanted = len(known) if to == "head" else 0 if to == "base" else ids.index(to) + 1
    has = sum(one.applied for one in known)
    steps = known[has:wanted] if wanted >= has else list(reversed(known[wanted:has]))
    return Migration(known, wanted < has, steps)


@contextmanager
def _database(folder: Path, settings: dict[str, Any]) -> Iterator[Database]:
    folder = folder.expanduser().absolute()
    chosen = Settings.load(**settings)
    file = folder / "catalog.sqlite"
    if not chosen.database and not file.is_file():
        raise NotFoundError(f"There is no library in {folder}; make one with `categoriser add`, or give its folder.")
    lock = owned_library(folder)
    try:
        database = Database(chosen.database or sqlite_url(file), revision=None)
        try:
            let_go = own(database.engine) if chosen.database else None
            try:
                yield database
            finally:
                if let_go is not None:
                    let_go()
        finally:
            database.close()
    finally:
        lock.release()
