"""Which columns of a table hold pictures, and how one row becomes items."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from categoriser.errors import ConfigurationError
from categoriser.intake.items import Item, item_of

# most telling first; compared without case and punctuation, so that image_url, imageUrl and "Image URL" are one
_USUAL: Final = (
    *("imageurl", "imageuri", "imagelink", "imagepath", "imagefile", "imagefilename", "image"),
    *("pictureurl", "picturepath", "picture", "photourl", "photopath", "photo", "imgurl", "imgpath", "img"),
    *("url", "uri", "link", "path", "filepath", "file", "filename"),
)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a table is wanted: rows ``start`` ≤ row < ``end``, counted from 0, and at most ``limit`` items."""

    start: int = 0
    end: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0 or (self.end is not None and self.end < self.start) or (self.limit or 0) < 0:
            raise ConfigurationError(
                f"Rows from {self.start} to {self.end} with limit {self.limit} make no sense; "
                "rows count from 0 and end after they start."
            )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a row the pictures and the id are."""

    folder: Path  # that relative paths start from
    images: tuple[str, ...]
    id_column: str | None = None

    def items(self, number: int, row: Mapping[str, Any]) -> Iterator[Item]:
        """One item for each image column of row ``number``; pictures as such are not repeated in the metadata."""
        metadata = {name: value for name, value in row.items() if not _holds_bytes(value)}
        own = row.get(self.id_column) if self.id_column is not None else None
        image_id = str(own).strip() or None if own is not None else None
        for column in self.images:
            several = len(self.images) > 1
            yield item_of(
                row.get(column),
                self.folder,
                row=f"row {number}, {column}" if several else f"row {number}",
                image_id=f"{image_id}#{column}" if several and image_id is not None else image_id,
                metadata=metadata | {"image_column": column} if several else metadata,
            )


def layout_of(
    path: Path, columns: Sequence[str], image_column: str | Sequence[str] | None, id_column: str | None
) -> Layout:
    """Check the columns asked for, or find the one that holds the pictures by its name.

    Raises:
        ConfigurationError: a column is missing, or none has a telling name; the message lists those there are.
    """
    images: tuple[str, ...]
    if image_column is None:
        images = (_usual_column(path, columns),)
    else:
        images = (image_column,) if isinstance(image_column, str) else tuple(image_column)
    wanted = images if id_column is None else (*images, id_column)
    missing = [name for name in wanted if name not in columns]
    if missing or not images:
        raise ConfigurationError(f"{path.name} has no column {', '.join(missing)}; it has {_listed(columns)}.")
    return Layout(path.parent, images, id_column)


def windowed(rows: Iterator[tuple[int, Iterator[Item]]], window: Window) -> Iterator[Item]:
    """The items of the wanted rows."""
    wanted = (items for number, items in _until(rows, window.end) if number >= window.start)
    return islice((item for items in wanted for item in items), window.limit)


def _until(rows: Iterator[tuple[int, Iterator[Item]]], end: int | None) -> Iterator[tuple[int, Iterator[Item]]]:
    for number, items in rows:
        if end is not None and number >= end:
            return
        yield number, items


def _usual_column(path: Path, columns: Sequence[str]) -> str:
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(columns)}
    for usual in _USUAL:
        if usual in plain:
            return plain[usual]
    raise ConfigurationError(
        f"None of the columns of {path.name} is named like a picture; say which one it is: {_listed(columns)}. "
        "The first row must hold the names of the columns."
    )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(name[:60] for name in columns[:40]) or "no columns"
    return shown if len(columns) <= 40 else f"{shown} and {len(columns) - 40} more"


def _holds_bytes(value: Any) -> bool:
    return isinstance(value, bytes) or (isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes))
