"""File names for every system: a folder for each category, and a name for each image that no other has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

_LONGEST: Final = 200  # bytes, of 255 that file systems allow: the rest is for a number and the ending
_DEVICES: Final = re.compile(
    r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE
)  # no file of Windows has these names


def safe_name(name: str) -> str:
    """A file name without separators, control characters, trailing dots, option, formula or device; "&" stays.

    Marks of writing direction go too: with them ``gpj.exe`` can be shown as ``exe.jpg``.
    """
    name = re.sub(r'[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+|^[=+@-]', "_", name)
    short = name.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").strip(" .")
    return re.sub(_DEVICES, r"_\1\2", short) or "_"


def ending_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """Stem and ending of an image's file name; by its format where the name has no ending."""
    stem, dot, ending = (PurePosixPath(row["name"] or row["image_id"]).name).rpartition(".")
    if not (stem and dot and ending.isalnum() and ending.isascii() and len(ending) <= 8):  # no ending, but a dot
        return f"{stem}{dot}{ending}", row["format"] or "jpg"
    return stem, ending.lower()


@dataclass(slots=True)
class Names:
    """Names of one folder, each once, even where case does not count."""

    taken: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)

    def free(self, stem: str, suffix: str = "") -> str:
        """The name, with a number behind an underscore if it is taken."""
        name, key = f"{stem}{suffix}", f"{stem}{suffix}".casefold()
        while name.casefold() in self.taken:
            number = self.numbers[key] = self.numbers.get(key, 0) + 1
            name = f"{stem}_{number}{suffix}"
        self.taken.add(name.casefold())
        return name


class Places:
    """Where images go. They must come category by category: names are remembered only for the folder being filled.

    Args:
        reserved: names at the top that no folder may take.
        groups: for folders within folders: number of a category → id and label of the group that it is in.
    """

    def __init__(self, reserved: tuple[str, ...] = (), groups: Mapping[int, tuple[str, str]] | None = None) -> None:
        self._top = Names({name.casefold() for name in reserved})
        self._groups = groups or {}
        self._parents: dict[str, tuple[str, Names]] = {}
        self._folders: dict[str | None, str] = {}
        self._current: str | None = None
        self._files = Names()

    def place(self, row: Mapping[str, Any]) -> str:
        """Path of an image, with slashes."""
        category = row["category"]
        if category not in self._folders:
            self._folders[category] = self._folder(row)
        folder = self._folders[category]
        if folder != self._current:
            self._current, self._files = folder, Names()
        stem, ending = ending_of(row)
        return f"{folder}/{self._files.free(safe_name(stem), f'.{ending}')}"

    def _folder(self, row: Mapping[str, Any]) -> str:
        label = safe_name(row["label"] or "Unsorted")
        group = self._groups.get(row["category_number"]) if row["category"] is not None else None
        if group is None:
            return self._top.free(label)
        number, name = group
        if number not in self._parents:
            self._parents[number] = (self._top.free(safe_name(name)), Names())
        parent, names = self._parents[number]
        return f"{parent}/{names.free(label)}"
