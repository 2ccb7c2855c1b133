"""``categoriser failed``: what cannot be filed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    JsonOption,
    LibraryOption,
)
from categoriser.cli.output import counted, print_json, print_refused, progress, say, tell
from categoriser.cli.reach import UrlOption, looked_at, worked_with
from categoriser.domain import LARGEST_NUMBER
from categoriser.errors import ConfigurationError

commands = typer.Typer(
    help="Pictures that were accepted and cannot be filed, with the reasons.", invoke_without_command=True
)

After = Annotated[int, typer.Option(min=0, max=LARGEST_NUMBER, help="Cursor to start behind.")]
Limit = Annotated[int, typer.Option(min=1, help="Length of the page.")]
Cursors = Annotated[
    list[int] | None,
    typer.Argument(metavar="[CURSOR]...", min=0, max=LARGEST_NUMBER, help="As `failed list --json` names them."),
]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


@commands.callback()
def _listed(
    context: typer.Context,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    after: After = 0,
    limit: Limit = 1000,
    json: JsonOption = False,
) -> None:
    """Without a command: as `list`."""
    if context.invoked_subcommand is None:
        _list(url, library, collection, after, limit, json=json)


@commands.command("list")
def list_failed(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    after: After = 0,
    limit: Limit = 1000,
    json: JsonOption = False,
) -> None:
    """List pictures that were accepted and cannot be filed, with the reasons."""
    _list(url, library, collection, after, limit, json=json)


@commands.command()
def retry(
    cursors: Cursors = None,
    every: All = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Try failed pictures again; those whose bytes were not kept stay listed."""
    chosen = _chosen(cursors, every=every)
    with worked_with(url, library, collection) as found, progress("Trying again") as advance:
        advance(0, None)
        count = found.failures().retry(chosen)
        failures = found.failures()
        failures.wait()
        left = failures.count()[0]
    if json:
        print_json({"retried": count, "failed": left})
    else:
        say(f"{counted(count, 'picture')} tried again; {left:,} cannot be filed now.")


@commands.command()
def discard(
    cursors: Cursors = None,
    every: All = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many would be forgotten.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Forget failed pictures with what was kept of them. Your own files stay."""
    chosen = _chosen(cursors, every=every)
    with looked_at(url, library, collection) as found:
        failures = found.failures()
        doomed, count = failures.count(chosen)[0], 0
        if not dry_run:
            if not yes and not typer.confirm(f"Forget {counted(doomed, 'failed picture')} for good?", err=True):
                tell("Nothing was forgotten.")
                raise typer.Exit(1)
            count = failures.discard(chosen)
    if json:
        print_json({"discarded": count, "would_discard": doomed, "dry_run": dry_run})
    else:
        say(f"{doomed:,} would be forgotten." if dry_run else f"{counted(count, 'failed picture')} forgotten.")


def _list(url: str | None, library: Path, collection: str, after: int, limit: int, *, json: bool) -> None:
    with looked_at(url, library, collection) as found:
        page = found.failed(after=after, limit=limit)
    if json:
        print_json({"failed": page, "next": page[-1].cursor if page else after})
    elif page:
        print_refused(page, "all with --json.")
    else:
        say("None.")


def _chosen(cursors: list[int] | None, *, every: bool) -> list[int] | None:
    if bool(cursors) == every:
        raise ConfigurationError("Give the cursors of failed pictures, or --all, and not both.")
    return None if every else cursors
