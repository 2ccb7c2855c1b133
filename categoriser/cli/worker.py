"""``categoriser worker`` and ``categoriser prepare-server``."""

from __future__ import annotations

from typing import Annotated

import typer

from categoriser.catalog import Database
from categoriser.cli.options import LIBRARY, EncoderOption, JsonOption, LibraryOption
from categoriser.cli.output import print_json, say
from categoriser.errors import ConfigurationError
from categoriser.library import Library
from categoriser.settings import Settings
from categoriser.state.queue import prepare


def worker(
    library: LibraryOption = LIBRARY,
    encoder: EncoderOption = None,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End as soon as the queue is empty.")] = False,
    json: JsonOption = False,
) -> None:
    """Do the work that services left in the queue, until Ctrl-C or SIGTERM: file pictures, run the job, name."""
    from categoriser.worker import work  # noqa: PLC0415

    with Library.open(library, encoder, resume=False) as opened:
        work(opened, lambda: _introduce(json=json), until_empty=until_empty)


def prepare_server(json: JsonOption = False) -> None:
    """Bring the tables of the configured database up to date, and make those of the queue; services do so as well."""
    settings = Settings.load()
    if not settings.database:
        raise ConfigurationError("No database is configured: set the setting database to a PostgreSQL URL.")
    database = Database(settings.database)
    try:
        made = settings.is_shared and settings.shared.queue and prepare(database.engine)
    finally:
        database.close()
    if json:
        print_json({"tables": "up to date", "queue_made": bool(made)})
    else:
        say("All tables are up to date." if not made else "All tables are up to date; those of the queue were made.")


def _introduce(*, json: bool) -> None:
    if json:
        print_json({"working": True})
    else:
        say("Working on the queue. Stop it with Ctrl-C.")
