"""What is printed where: results on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from categoriser.domain import Refused
from categoriser.library.adding import Progress as ProgressCallback

SHOWN: Final = 20  # refused inputs on a screen
_PIPE_WIDTH: Final = 160


def screen() -> Console:
    """Standard output for people; wide when it is not a terminal, so that nothing is cut."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=_PIPE_WIDTH if piped else None, highlight=False)


def messages() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False)


def plain(value: object) -> Text:
    """A value as text that neither rich nor the terminal takes for a command."""
    return Text("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value)))


def in_options(sentence: str) -> str:
    """A sentence written for every face, with settings named as the options that they are here."""
    sentence = re.sub(r"""encoder ?= ?["']([^"']+)["']""", r"--encoder \1", sentence)
    return re.sub(r"""device ?= ?["']([^"']+)["']""", r"CATEGORISER_DEVICE=\1", sentence)


def print_json(value: Any) -> None:
    """One JSON document; always ASCII, whatever names hold."""
    typer.echo(json.dumps(value, default=_plain_data))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; columns whose name ends in "#" hold numbers."""
    table = Table()
    for column in columns:
        table.add_column(column.removesuffix("#"), justify="right" if column.endswith("#") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain("" if cell is None else cell) for cell in row))
    screen().print(plain(title), style="bold", soft_wrap=True)
    screen().print(table)


def counted(number: int, thing: str, things: str | None = None) -> str:
    """A number of things: 1 image, 2 images."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def say(sentence: str) -> None:
    """A result for people."""
    screen().print(plain(sentence), soft_wrap=True)


def tell(sentence: str, style: str = "") -> None:
    """A message beside the result."""
    messages().print(plain(sentence), style=style, soft_wrap=True)


def print_refused(refused: Sequence[Refused], hint: str) -> None:
    """The first refused inputs with their reasons, and how to see the others."""
    if not refused:
        return
    say(f"{len(refused)} refused:")
    for one in refused[:SHOWN]:  # lines and no table: paths stay whole and can be copied
        say(f"  {one.item}")
        say(f"      {one.reason}")
    if len(refused) > SHOWN:
        say(f"… and {len(refused) - SHOWN} more; {hint}")


@contextmanager
def progress(label: str) -> Iterator[ProgressCallback]:
    """A bar on standard error that is fed with the number done and, when known, of all."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate("{task.speed}"),
        TimeElapsedColumn(),
        console=messages(),
    )
    with bar:
        task: TaskID = bar.add_task(str(plain(label)), total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        try:
            yield advance
        except BaseException:
            bar.live.transient = True  # what went wrong is said next: no half a bar above it
            raise


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """A spinner on standard error for what has no steps."""
    with messages().status(label):
        yield


class _Rate(TextColumn):
    def render(self, task: Any) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")


def _plain_data(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return str(value) if isinstance(value, os.PathLike) else list(value)  # type: ignore[call-overload]
