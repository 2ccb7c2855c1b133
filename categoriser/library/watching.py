"""Files the pictures of a folder as they appear and change."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import watchfiles

from categoriser.domain import Refused
from categoriser.errors import ConfigurationError
from categoriser.intake import from_folder, is_wanted
from categoriser.library.adding import AddReport, Progress

if TYPE_CHECKING:
    from categoriser.library.collection import Collection

_TICK: Final = 0.2  # seconds
_BATCH: Final = 256

_Seen = tuple[int, int]  # size, time of the last change


@dataclass(slots=True)
class WatchReport:
    """What was done so far."""

    filed: int = 0
    known: int = 0
    refused: int = 0
    incomplete: int = 0  # files that are still being written
    last: list[Refused] = field(default_factory=list)  # of the last batch

    def add(self, report: AddReport) -> None:
        """Count a batch."""
        self.filed += len(report.filed)
        self.known += len(report.known)
        self.refused += len(report.refused)
        self.last = list(report.refused)


def watch(
    collection: Collection,
    folder: Path,
    *,
    stop: threading.Event,
    told: Callable[[WatchReport], None],
    recursive: bool = True,
    settle_seconds: float = 1.0,
    poll: bool = False,
    progress: Progress | None = None,
) -> WatchReport:
    """File what a folder holds, then what appears or changes there, until told to stop; what is under way is finished.

    A file is taken once it has not changed for a while. One whose content changed is filed as another image; the image
    of its earlier content stays. Deleting a file deletes nothing here.

    Args:
        collection: where the pictures go.
        folder: to watch; folders that categoriser made are left out.
        stop: ends it.
        told: called after each batch, with all that was done so far.
        recursive: watch sub-folders too.
        settle_seconds: how long a file must stay as it is to count as complete.
        poll: look again and again instead of asking the system, for network file systems.
        progress: of the first pass.

    Raises:
        ConfigurationError: there is no such folder, or it is a library.
    """
    root = folder.expanduser().resolve()
    report = WatchReport()
    with _changes(root, recursive=recursive, poll=poll) as changes:  # first: nothing may come between
        report.add(collection.add(root, recursive=recursive, progress=progress))
        told(report)
        growing: dict[Path, tuple[_Seen, float]] = {}
        while not stop.is_set():
            for path in _wait(changes, stop):
                for found in _pictures(root, path, recursive=recursive):
                    growing[found] = (-1, -1), time.monotonic()
            ready = _settled(growing, settle_seconds)
            report.incomplete = len(growing)
            for start in range(0, len(ready), _BATCH):
                report.add(collection.add(ready[start : start + _BATCH]))
            if ready:
                told(report)
    return report


@contextmanager
def _changes(root: Path, *, recursive: bool, poll: bool) -> Iterator[queue.SimpleQueue[set[str]]]:
    """Sets of paths that changed, from a thread that watches already."""
    if not root.is_dir():
        raise ConfigurationError(f"{root} is not a folder; give the folder to watch.")
    found: queue.SimpleQueue[set[str]] = queue.SimpleQueue()
    stop, ready = threading.Event(), threading.Event()
    problems: list[Exception] = []

    def work() -> None:
        try:
            for changes in watchfiles.watch(
                root,
                watch_filter=None,
                debounce=200,
                step=50,
                stop_event=stop,
                rust_timeout=200,
                yield_on_timeout=True,
                recursive=recursive,
                force_polling=poll,
                raise_interrupt=False,
            ):
                ready.set()
                if changes:
                    found.put({path for kind, path in changes if kind is not watchfiles.Change.deleted})
        except Exception as error:  # told to whoever waits
            problems.append(error)
            ready.set()

    thread = threading.Thread(target=work, name="watch", daemon=True)
    thread.start()
    try:
        ready.wait()
        if problems:
            raise ConfigurationError(f"{root} cannot be watched ({problems[0]}); try it with --poll.")
        yield found
    finally:
        stop.set()
        thread.join()


def _wait(changes: queue.SimpleQueue[set[str]], stop: threading.Event) -> list[Path]:
    try:
        return [Path(path) for path in changes.get(timeout=0 if stop.is_set() else _TICK)]
    except queue.Empty:
        return []


def _pictures(root: Path, path: Path, *, recursive: bool) -> Iterable[Path]:
    """The pictures that a change is about: the file, or all of a folder that was moved here."""
    if path.is_dir():
        if not recursive:
            return []
        try:
            return [one for item in from_folder(path) if (one := path / item.name) and is_wanted(root, one)]
        except ConfigurationError:  # a library, or gone again
            return []
    return [path] if is_wanted(root, path) and path.is_file() else []


def _settled(growing: dict[Path, tuple[_Seen, float]], seconds: float) -> list[Path]:
    """Takes out what has not changed for so long, and what is gone."""
    ready = []
    now = time.monotonic()
    for path, (before, since) in list(growing.items()):
        try:
            state = path.stat()
        except OSError:
            del growing[path]
            continue
        seen = state.st_size, state.st_mtime_ns
        if seen != before:
            growing[path] = seen, now
        elif now - since >= seconds:
            ready.append(path)
            del growing[path]
    return ready
