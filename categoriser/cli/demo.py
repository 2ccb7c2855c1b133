"""``categoriser demo``."""

from __future__ import annotations

import dataclasses
import shlex
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from categoriser.cli.options import EncoderOption, JsonOption
from categoriser.cli.output import messages, plain, print_json, print_refused, print_table, progress, say
from categoriser.demo import DemoReport, Plan, tell
from categoriser.demo.report import Json
from categoriser.demo.story import COLLECTION

_SHOWN = 20


class Labels(StrEnum):
    """Where true classes are known from."""

    FOLDERS = "folders"


def demo(
    images: Annotated[Path | None, typer.Argument(help="A folder of pictures; without it handwritten digits.")] = None,
    encoder: EncoderOption = None,
    output: Annotated[Path, typer.Option(help="Folder for everything the demo writes.")] = Path("demo"),
    labels: Annotated[
        Labels | None, typer.Option(help="The folder of a picture is its true class: print scores.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pictures, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random order.")] = 0,
    words: Annotated[str, typer.Option(help="What to search for if the encoder reads words.")] = "something red",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the service running until Ctrl-C.")] = False,
    json: JsonOption = False,
) -> None:
    """Show everything on a folder of pictures: upload over HTTP, categories, search, and a page to look at."""
    plan = Plan(images, encoder, output, limit, seed, labels is Labels.FOLDERS, words, keep)
    report = tell(plan, _Terminal(json=json))
    if not keep:
        _show(report, json=json)
        if not json:
            serve = ["categoriser", "serve", "--library", str(output / "library")]
            say(f"Or in the browser: {shlex.join(serve)}, then open http://127.0.0.1:8642/c/{COLLECTION}")
    if report.refused or report.lost or report.doubled or not report.accepted:
        raise typer.Exit(1)


class _Terminal:
    """Standard error, and standard output for what came out."""

    def __init__(self, *, json: bool) -> None:
        self._json = json

    def progress(self, label: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
        return progress(label)

    def fell_back(self, wanted: str, reason: str) -> None:
        text = (
            f"{reason}\n\nThe demo goes on with the encoder classic instead: it groups by look (colour, shape, "
            f"texture), not by meaning, so the categories will be much worse than those of {wanted}."
        )
        messages().print(Panel(plain_lines(text), title=f"{wanted} cannot be had", border_style="bold yellow"))

    def started(self, service: Json) -> None:
        where, encoder, device = service["listening"], service["encoder"], service["device"]
        messages().print(plain(f"The service listens on {where}; encoder {encoder} on {device}: {service['summary']}."))

    def stay(self, report: DemoReport, address: str) -> None:
        _show(report, json=self._json)
        messages().print(plain(f"Open {address}; Ctrl-C ends the service."))
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def plain_lines(text: str) -> Text:
    """Several lines as they are."""
    joined = plain("")
    for number, line in enumerate(text.split("\n")):
        joined.append("\n" if number else "").append_text(plain(line))
    return joined


def _show(report: DemoReport, *, json: bool) -> None:
    if json:
        print_json({**dataclasses.asdict(report), "rate": report.rate})
    else:
        _print(report)


def _print(report: DemoReport) -> None:
    rows = [
        (
            one["label"],
            "provisional" if one["provisional"] else "",
            one["id"],
            f"{one['size']:,}",
            "" if one["cohesion"] is None else f"{one['cohesion']:.2f}",
        )
        for one in report.categories[:_SHOWN]
    ]
    print_table(f"{len(report.categories)} categories", ("name", "", "id", "images#", "cohesion#"), rows)
    if len(report.categories) > _SHOWN:
        say(f"… and {len(report.categories) - _SHOWN} more")
    say(f"Unsorted: {report.unsorted:,}")
    for search in report.searches:
        title = f"Search for “{search.name}”" if search.by_words else f"Search with picture {search.name}"
        found = [(f"{one['score']:.3f}", one["name"], one["label"] or "Unsorted") for one in search.results]
        print_table(title, ("score#", "picture", "category"), found)
    print_refused(report.refused, "all with --json.")
    if report.agreement is not None:
        one = report.agreement
        say(f"Against the known classes: ACC {one.accuracy:.3f}, NMI {one.nmi:.3f}, ARI {one.ari:.3f}")
    say(
        f"{report.accepted:,} of {report.offered:,} pictures accepted ({report.again:,} the same again, "
        f"{len(report.refused):,} refused), lost: {report.lost}, doubled: {report.doubled}"
    )
    say(f"{report.rate:,.0f} pictures/s ({report.seconds:.1f} s)")
    say(f"Look at {report.page}")
