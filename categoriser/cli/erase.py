"""``categoriser erase``."""

from __future__ import annotations

from typing import Annotated

import typer

from categoriser.cli.options import LIBRARY, JsonOption, LibraryOption
from categoriser.cli.output import print_json, print_table, say, tell
from categoriser.cli.reach import UrlOption, whole
from categoriser.errors import ConfigurationError
from categoriser.library.erasing import Erasure


def erase_command(
    collection: Annotated[str, typer.Argument(help="Whose everything is deleted.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    preview: Annotated[bool, typer.Option("--preview", help="Only count what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Delete all that there is about a user and prove it by counts. Your own files stay."""
    if json and not (preview or yes):
        raise ConfigurationError("With --json nobody is asked: add --preview or --yes.")
    with whole(url, library) as opened:
        report = opened.preview_erasure(collection)
        if not preview:
            if not yes:
                _print(report)
                if not typer.confirm(f"Delete all of it for good, of {collection!r}?", err=True):
                    tell("Nothing was deleted.")
                    raise typer.Exit(1)
            report = opened.erase(collection)
    if json:
        print_json(report)
    else:
        _print(report)
    if report.after is not None and not report.complete:
        raise typer.Exit(1)


def _print(report: Erasure) -> None:
    after = report.after
    rows = [(what, number, None if after is None else after[what]) for what, number in report.before.items()]
    print_table(f"All there is about {report.collection}", ("what", "before#", "after#"), rows)
    if after is None:
        say("Nothing was deleted: this was a preview.")
    elif report.complete:
        say(f"Nothing is left. The trail calls it {report.key} from now on; keep this as proof.")
    else:
        say("Something is left: stop what still uploads to it, and repeat the command.")
