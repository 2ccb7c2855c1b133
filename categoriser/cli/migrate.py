"""``categoriser migrate``."""

from __future__ import annotations

from typing import Annotated

import typer

from categoriser.cli.options import LIBRARY, JsonOption, LibraryOption, refuse_service
from categoriser.cli.output import counted, print_json, print_table, say
from categoriser.library.migrating import do_migration, plan_migration


def migrate(
    library: LibraryOption = LIBRARY,
    to: Annotated[str, typer.Option(help="A revision, head for the newest, or an older one to go back.")] = "head",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only shown.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the versions of the tables and bring them up to date, as opening a library does, or back."""
    refuse_service()
    made = (do_migration if yes else plan_migration)(library, to)
    if json:
        print_json(made)
        return
    rows = [(one.id, "yes" if one.applied else "", one.summary) for one in made.revisions]
    print_table("Tables", ("revision", "there", "what it brought"), rows)
    if not made.steps:
        say("Nothing to do.")
        return
    way = "back" if made.down else "forward"
    names = ", ".join(one.id for one in made.steps)
    say(f"{counted(len(made.steps), 'step')} {way} to {to}: {names}.")
    if made.down:
        say("What the older tables have no place for is deleted. Make a backup before: `categoriser backup FOLDER`.")
    say("Nothing was changed; `categoriser migrate --yes`, with the same options, does it.")
