"""Shows and changes the version of a library's tables while nobody has the library open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from categoriser.catalog import Database, sqlite_url
from categoriser.catalog.ownership import own
from categoriser.catalog.revisions import Revision, migrate, revisions
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.settings import Settings
from categoriser.state.queue import prepare
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
    with _database(folder, Settings.load(**settings), alone=False) as database:
        return _planned(revisions(database.engine), to)


def do_migration(folder: Path, to: str = "head", **settings: Any) -> Migration:
    """Do it: all of it or nothing. Make a backup before going down: what older tables do not have is deleted.

    Raises:
        See ``plan_migration``.
    """
    chosen = Settings.load(**settings)
    with _database(folder, chosen, alone=to != "head" or not chosen.is_shared) as database:
        if _planned(revisions(database.engine), to).steps:
            migrate(database.engine, to)
        if chosen.is_shared and chosen.shared.queue and to == "head":
            prepare(database.engine)
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
def _database(folder: Path, settings: Settings, *, alone: bool) -> Iterator[Database]:
    """Tables as they are. ``alone``: nobody else may have a shared library open; others never may."""
    folder = folder.expanduser().absolute()
    file = folder / "catalog.sqlite"
    if not settings.database and not file.is_file():
        raise NotFoundError(f"There is no library in {folder}; make one with `categoriser add`, or give its folder.")
    with ExitStack() as opening:
        if not settings.is_shared:
            opening.callback(owned_library(folder).release)
        database = Database(settings.database or sqlite_url(file), revision=None)
        opening.callback(database.close)
        if settings.database and (alone or not settings.is_shared):
            opening.callback(own(database.engine))
        yield database
