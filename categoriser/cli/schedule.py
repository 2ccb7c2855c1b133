"""``categoriser schedule``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from categoriser.cli.options import LIBRARY, JsonOption, LibraryOption
from categoriser.cli.output import print_json, print_table
from categoriser.cli.reach import UrlOption, whole
from categoriser.cli.reachable import ReachableLibrary
from categoriser.domain import ScheduleEntry
from categoriser.errors import ConfigurationError

_PAGE = 1000


def schedule(
    collection: Annotated[
        str | None, typer.Argument(metavar="[COLLECTION]", help="This one only; needed to change its schedule.")
    ] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    every: Annotated[str | None, typer.Option(help="Run every so often: 30m, 6h or 1d.")] = None,
    cron: Annotated[str | None, typer.Option(help='Run at the times of a cron expression: "0 3 * * *".')] = None,
    off: Annotated[bool, typer.Option("--off", help="Run only as the collection grows.")] = False,
    default: Annotated[bool, typer.Option("--default", help="Run when the deployment's settings say.")] = False,
    json: JsonOption = False,
) -> None:
    """Show next and last scheduled runs, or change when the service runs the job on a collection."""
    chosen = [
        *([] if every is None else [f"every {every}"]),
        *([] if cron is None else [cron.strip()]),
        *([""] if off else []),
        *([None] if default else []),
    ]
    if len(chosen) > 1 or (chosen and collection is None) or (cron is not None and not cron.strip()):
        raise ConfigurationError("Name a collection and one of --every, --cron, --off and --default.")
    with whole(url, library) as opened:
        if collection is None:
            entries = _all(opened)
        else:
            found = opened.collection(collection)
            if chosen:
                found.set_schedule(chosen[0])
            entries = [found.schedule()]
    if json:
        print_json({"schedules": entries})
        return
    rows = [
        (
            one.collection,
            (one.schedule or "off") + ("" if one.own else " (default)"),
            _when(one.next_at),
            _when(one.started_at),
            None if one.seconds is None else f"{one.seconds:.1f} s",
            _came_of(one),
        )
        for one in entries
    ]
    print_table("Scheduled runs", ("collection", "schedule", "next", "last", "took#", "result"), rows)


def _all(library: ReachableLibrary) -> list[ScheduleEntry]:
    entries: list[ScheduleEntry] = []
    while page := library.schedule(after=entries[-1].collection if entries else "", limit=_PAGE):
        entries += page
    return entries


def _came_of(entry: ScheduleEntry) -> str | None:
    if entry.report is None:
        return entry.problem or entry.outcome
    shown = ("spawned", "split", "merged", "moved")
    return ", ".join(f"{entry.report[name]} {name}" for name in shown if name in entry.report)


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
