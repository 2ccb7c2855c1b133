"""The pictures of a folder, in an order that never changes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from categoriser.errors import ConfigurationError
from categoriser.intake.formats import EXTENSIONS
from categoriser.intake.items import Item

DEMO_MARKER: Final = ".made-by-categoriser-demo"
EXPORT_MARKER: Final = ".made-by-categoriser-export"
_LIBRARIES: Final = ({"lock", "catalog.sqlite"}, {"lock", "thumbnails", "vectors"})  # the second: on PostgreSQL


@dataclass(frozen=True, slots=True)
class FolderScan:
    """What a folder holds: ``len`` and iteration give the pictures as `Item`, sorted by folder and name."""

    root: Path
    paths: tuple[str, ...]  # relative to the root
    skipped: Mapping[str, int]  # visible files that are no pictures by name: extension (lower case, or "") → count
    unreadable: tuple[str, ...]  # folders that could not be listed, with the reason
    left_out: tuple[str, ...] = ()  # folders that categoriser made: libraries, exports, the demo's

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Item]:
        for path in self.paths:
            yield Item(Path(path).as_posix(), path=self.root / path)

    @property
    def items(self) -> list[Item]:
        """All items at once."""
        return list(self)


def from_folder(path: Path | str, *, recursive: bool = True) -> FolderScan:
    """Find pictures by their extension; hidden files and folders are left out, links are followed but never in circles.

    What has a picture's extension and is no file, such as a pipe or a link to nowhere, is among them: reading it says
    so. Folders that categoriser made itself are left out, unless one is the folder asked for, and so are links to the
    folders above it.

    Raises:
        ConfigurationError: there is no such folder, or it is a library.
    """
    root = Path(path)
    if not root.is_dir():
        raise ConfigurationError(f"{root} is not a folder; give the folder that holds the pictures.")
    found: list[str] = []
    skipped: Counter[str] = Counter()
    unreadable: list[str] = []
    left_out: list[str] = []
    visited = {_identity(folder) for folder in root.resolve().parents}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries, identity = _list(root / folder)
        except OSError as error:
            unreadable.append(f"{folder or '.'}: {error.strerror}")
            continue
        if identity in visited:
            continue
        visited.add(identity)
        if _made_by_us(root, folder, {entry.name for entry in entries}):
            left_out.append(folder)
            continue
        below = []
        for entry in entries:
            relative = os.path.join(folder, entry.name)  # noqa: PTH118 - ten times faster than Path in large folders
            if _is_folder(entry):
                below.append(relative)
            elif Path(entry.name).suffix.lower() in EXTENSIONS:
                found.append(relative)
            else:
                skipped[Path(entry.name).suffix.lower()] += 1
        if recursive:
            waiting.extend(reversed(below))
    return FolderScan(root, tuple(found), dict(sorted(skipped.items())), tuple(unreadable), tuple(left_out))


def is_wanted(root: Path, path: Path) -> bool:
    """Whether `from_folder` would find a file below a root: a picture by its name, not hidden, not made by us."""
    try:
        steps = path.relative_to(root).parts
    except ValueError:
        return False
    if path.suffix.lower() not in EXTENSIONS or any(step.startswith(".") for step in steps):
        return False
    return not any(_is_ours(folder) for folder in list(path.parents)[: len(steps) - 1])


def _is_ours(folder: Path) -> bool:
    marked = any((folder / marker).exists() for marker in (DEMO_MARKER, EXPORT_MARKER))
    return marked or any(all((folder / name).exists() for name in library) for library in _LIBRARIES)


def _list(folder: Path) -> tuple[list[os.DirEntry[str]], tuple[int, int]]:
    """Visible entries sorted by name, and what identifies the folder behind any links."""
    identity = _identity(folder)
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(visible, key=lambda entry: entry.name), identity


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino


def _made_by_us(root: Path, folder: str, names: set[str]) -> bool:
    """Whether categoriser made a folder below the root. The root is what somebody asked for, unless it is a library."""
    is_library = any(library <= names for library in _LIBRARIES)
    if is_library and not folder:
        raise ConfigurationError(f"{root} is a library of categoriser; give the folder that holds the pictures.")
    marked = any((root / folder / marker).exists() for marker in (DEMO_MARKER, EXPORT_MARKER))
    return is_library or (marked and folder != "")
