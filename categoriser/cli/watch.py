"""``categoriser watch``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    EncoderOption,
    JsonOption,
    LibraryOption,
    library_to_fill,
)
from categoriser.cli.output import counted, messages, plain, print_json, say, tell
from categoriser.errors import ConfigurationError
from categoriser.library.watching import WatchReport
from categoriser.library.watching import watch as watch_folder


def watch(
    folder: Annotated[Path, typer.Argument(help="Folder to watch.")],
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    encoder: EncoderOption = None,
    recursive: Annotated[bool, typer.Option(help="Watch sub-folders too.")] = True,
    settle: Annotated[float, typer.Option(min=0, help="Seconds without a change until a file is complete.")] = 1.0,
    poll: Annotated[bool, typer.Option("--poll", help="Look again and again, for network file systems.")] = False,
    json: JsonOption = False,
) -> None:
    """File the pictures of a folder, and new and changed ones as they appear, until Ctrl-C or SIGTERM."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder; give the folder to watch.")
    stop = threading.Event()
    handlers = {which: signal.signal(which, lambda *_: stop.set()) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        with library_to_fill(library, encoder) as opened:
            target = opened.collection_for_pictures(collection)
            with messages().status(plain(f"Adding {folder}")) as line:

                def advance(done: int, total: int | None) -> None:
                    line.update(plain(f"Adding {folder}: {done:,} of {total or 0:,}"))

                def told(report: WatchReport) -> None:
                    line.update(plain(f"Watching {folder}: {_counts(report)}. Stop with Ctrl-C."))
                    for one in report.last:
                        tell(f"Refused: {one.item}: {one.reason}")

                report = watch_folder(
                    target,
                    folder,
                    stop=stop,
                    told=told,
                    recursive=recursive,
                    settle_seconds=settle,
                    poll=poll,
                    progress=advance,
                )
    finally:
        _restore(handlers)
    if json:
        print_json({"filed": report.filed, "known": report.known, "refused": report.refused})
    else:
        say(f"Stopped: {_counts(report)}.")


def _counts(report: WatchReport) -> str:
    writing = f", {counted(report.incomplete, 'file')} still being written" if report.incomplete else ""
    return f"{report.filed:,} filed, {report.known:,} known before, {report.refused:,} refused{writing}"


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for which, handler in handlers.items():
        signal.signal(which, handler)
