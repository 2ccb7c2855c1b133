"""``categoriser worker``."""

from __future__ import annotations

from typing import Annotated

import typer

from categoriser.cli.options import LIBRARY, EncoderOption, JsonOption, LibraryOption
from categoriser.cli.output import print_json, say
from categoriser.cli.process import keep_few_arenas
from categoriser.library import Library
from categoriser.telemetry.logs import configure_logging


def worker(
    library: LibraryOption = LIBRARY,
    encoder: EncoderOption = None,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End as soon as the queue is empty.")] = False,
    json: JsonOption = False,
) -> None:
    """Do the work that services left in the queue, until Ctrl-C or SIGTERM: file pictures, run the job, name."""
    keep_few_arenas()
    from categoriser.worker import work  # noqa: PLC0415

    with Library.open(library, encoder, resume=False) as opened:
        configure_logging(opened.settings.operations)
        work(opened, lambda: _introduce(json=json), until_empty=until_empty)


def _introduce(*, json: bool) -> None:
    if json:
        print_json({"working": True})
    else:
        say("Working on the queue. Stop it with Ctrl-C.")
