"""``categoriser backup`` and ``categoriser restore``."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from categoriser.cli.options import LIBRARY, JsonOption, LibraryOption, refuse_service
from categoriser.cli.output import counted, print_json, progress, say, tell
from categoriser.cli.reach import service
from categoriser.errors import CategoriserError
from categoriser.library import Library
from categoriser.library.backup import Backups
from categoriser.library.backup import restore as make_from

_PAUSE = 0.5  # seconds between looks at a backup that a service makes


def backup(
    destination: Annotated[
        str, typer.Argument(help="Folder of the backup; with --url the name of one in the service's backup folder.")
    ],
    library: LibraryOption = LIBRARY,
    link: Annotated[
        bool, typer.Option("--link", help="On the same disk: files get a second name instead of a copy.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="CATEGORISER_URL",
            help="Ask the service at this address, which has the library open; its key in CATEGORISER_KEY.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Copy the library while it works; files that an earlier backup there has are not copied again."""
    if url:
        report = _asked(url, destination)
    else:
        with Library.open(library, create=False, resume=False) as opened, progress("Backing up") as advance:
            made = Backups(opened).make(Path(destination), link=link, progress=advance)
        report = dataclasses.asdict(made)
    if json:
        print_json(report)
        return
    say(
        f"{counted(report['images'], 'image')} of {counted(report['collections'], 'collection')} as of "
        f"{_told(report['moment'])}: {report['vectors']:,} vectors, {report['originals']:,} originals, "
        f"{report['waiting']:,} waiting; all counts agree."
    )
    say(
        f"{counted(report['files_copied'], 'file')} copied ({report['bytes_copied'] / 1e6:,.1f} MB), "
        f"{report['files_kept']:,} were there; {report['seconds']:.1f} s. It lies in {report['folder']}."
    )
    if report["outside"]:
        tell(f"{counted(report['outside'], 'image')} of files of yours: these stay where they are and are not in it.")


def restore(
    source: Annotated[Path, typer.Argument(help="Folder of the backup.")],
    library: LibraryOption = LIBRARY,
    json: JsonOption = False,
) -> None:
    """Make a library from a backup in a folder that is empty or does not exist."""
    refuse_service()
    with progress("Restoring") as advance:
        report = make_from(source, library, progress=advance)
    if json:
        print_json(report)
        return
    say(
        f"{counted(report.images, 'image')} of {counted(report.collections, 'collection')} as of "
        f"{_told(report.moment)} are in {report.folder}, with {report.originals:,} originals; all counts agree. "
        f"{report.seconds:.1f} s."
    )
    if report.waiting:
        say(f"{counted(report.waiting, 'picture')} that waited then will be filed at the next start.")
    for problem in report.problems:
        tell(problem, style="yellow")


def _asked(url: str, name: str) -> dict[str, Any]:
    with service(url) as client:
        state = client.begin_backup(name)
        while state.status == "running":
            time.sleep(_PAUSE)
            state = client.backup()
    if state.report is None:
        raise CategoriserError(state.problem or "The backup did not come to its end; see the log of the service.")
    return state.report.model_dump()


def _told(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
