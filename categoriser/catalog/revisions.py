"""Versions of the tables: which one a database has, which there are, and the way between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from categoriser.errors import ConfigurationError

_KEY = 0x6D696772617465  # of the advisory lock
_migrating = threading.Lock()  # Alembic keeps the migration under way in a global variable


@dataclass(frozen=True, slots=True)
class Revision:
    """One step; ``applied``: a database has it."""

    id: str
    summary: str
    applied: bool


def revisions(engine: sa.Engine) -> list[Revision]:
    """All steps from the first to the newest.

    Raises:
        ConfigurationError: a newer version made the database.
    """
    script = ScriptDirectory.from_config(_config())
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    steps = list(reversed(list(script.walk_revisions())))
    if current is not None and current not in {step.revision for step in steps}:
        raise from_the_future(engine)
    done = {step.revision for step in script.iterate_revisions(current, "base")} if current else set()
    return [Revision(step.revision, step.doc, step.revision in done) for step in steps]


def migrate(engine: sa.Engine, to: str = "head") -> None:
    """Bring the tables to a revision, up or down, all of it or nothing.

    Raises:
        ConfigurationError: there is no such revision, or a newer version made the database.
    """
    config = _config()
    with _migrating, engine.connect() as connection, begun(connection):
        if engine.dialect.name == "postgresql":  # replicas that start together: the second finds nothing left to do
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEY)))
        script, current = ScriptDirectory.from_config(config), MigrationContext.configure(connection)
        known = {step.revision for step in script.walk_revisions()}
        has = current.get_current_revision()
        if has is not None and has not in known:
            raise from_the_future(engine)
        if to not in known | {"head", "base"}:
            raise ConfigurationError(f"There is no revision {to!r}; `categoriser migrate` lists all there are.")
        config.attributes["connection"] = connection
        try:
            down = to == "base" or (has is not None and to != "head" and _before(script, to, has))
            (command.downgrade if down else command.upgrade)(config, to)
        except (CommandError, RuntimeError) as error:
            raise ConfigurationError(
                f"The database {engine.url!r} cannot be brought to {to!r}: {str(error).rstrip('.')}."
            ) from error


@contextmanager
def begun(connection: Connection) -> Iterator[None]:
    """A transaction that writes: committed at the end, or rolled back."""
    with connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield


def from_the_future(engine: sa.Engine) -> ConfigurationError:
    """The refusal of a database whose revision nobody here knows."""
    return ConfigurationError(
        f"The database {engine.url!r} was made by a newer version of categoriser: update this one, or restore a backup "
        "that it made."
    )


def _before(script: ScriptDirectory, one: str, other: str) -> bool:
    return one != other and one in {step.revision for step in script.iterate_revisions(other, "base")}


def _config() -> Config:
    config = Config()
    # doubled: the value goes through an interpolation
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
