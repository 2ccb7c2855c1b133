"""Libraries that take a while to make are made once by a process, and every test gets a copy of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from categoriser import Library

Make = Callable[[Path], None]

_masters: dict[Make, tempfile.TemporaryDirectory[str]] = {}  # removed when the process ends


def copy_of(make: Make, folder: Path) -> Path:
    """Copy to ``folder``, which is new, the library that ``make`` fills and closes; gives the folder."""
    if make not in _masters:
        master = tempfile.TemporaryDirectory(prefix="prepared-")
        make(Path(master.name) / "library")
        _masters[make] = master  # only what was made whole
    return Path(shutil.copytree(Path(_masters[make].name) / "library", folder))


def nothing(folder: Path) -> None:
    """A library with its tables and without a collection; it may be opened with any encoder."""
    Library.open(folder, encoder="classic", automatic_runs=False).close()
