"""Every image with its category, as folders or as a table. Nothing is ever left out."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias

from categoriser.catalog import collections, images
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Refused
from categoriser.errors import ConfigurationError
from categoriser.intake import EXPORT_MARKER
from categoriser.library.adding import Progress
from categoriser.library.searching import label_of
from categoriser.state import Storage

Style = Literal["folders", "csv", "jsonl"]
Row: TypeAlias = Mapping[str, Any]
Tagged: TypeAlias = Callable[[Iterator[Row]], Iterator[Row]]  # rows → rows with their tags

_COLUMNS = (
    "image_id",
    "category",
    "label",
    "name",
    "source",
    "added_at",
    "width",
    "height",
    "sha256",
    "stacked_on",
    "metadata",
)
_IDS = ("image_id", "category", "stacked_on")
_TABLE = "images.csv"
_TOLD = 100  # images between two reports of progress
_LONGEST_NAME = 200  # bytes, of 255 that file systems allow: the rest is for a number and the ending
_STYLES: dict[str, Style] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", "": "folders"}


@dataclass(slots=True)
class ExportReport:
    """What was exported: ``images`` in all, and those without a file (ready vectors, originals that are gone)."""

    target: Path
    images: int = 0
    without_file: list[Refused] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Images that are there completely."""
        return self.images - len(self.without_file)


def export(
    storage: Storage,
    collection: CollectionRow,
    target: Path,
    style: Style | None,
    *,
    files: Literal["link", "copy"],
    tagged: Tagged | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a collection; a table appears under its name only once it is complete.

    JSON lines hold every text exactly. In CSV a text that a spreadsheet would run as a formula gets an apostrophe in
    front. In folders a file images.csv lists all images, also those that have no file. With ``tagged`` tables have a
    column of tags: words with scores in JSON lines, words in CSV.

    Raises:
        ConfigurationError: the style is unknown, or the target cannot be written.
    """
    style = style or _STYLES.get(target.suffix.lower())
    rows, columns = _rows(storage, collection), list(_COLUMNS)
    if tagged is not None:
        rows, columns = tagged(rows), [*_COLUMNS, "tags"]
    if progress is not None:
        with storage.database.read() as connection:
            total = collections.size(connection, collection.id)
        rows = _counted(rows, total, progress)
    report = ExportReport(target)
    try:
        if style == "folders":
            _write_folders(storage, collection, rows, report, columns, files=files)
        elif style in ("csv", "jsonl"):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.partial")
            try:
                with partial.open("w", encoding="utf-8", newline="") as file:
                    report.images = _WRITERS[style](file, rows, columns)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
        else:
            raise ConfigurationError(f"{target} has no ending that tells a style; give folders, csv or jsonl.")
    except OSError as error:
        raise ConfigurationError(f"The export to {target} failed: {error.strerror or error}.") from None
    return report


def _rows(storage: Storage, collection: CollectionRow) -> Iterator[Row]:
    with storage.database.read() as connection:
        for stored in images.everything(connection, collection.id):
            yield {
                **stored,
                "category": collection.category_id(stored["category"]),
                "label": label_of(stored["category"], stored["label"]),
                "stacked_on": stored["head_id"],
            }


def _counted(rows: Iterator[Row], total: int, progress: Progress) -> Iterator[Row]:
    for done, row in enumerate(rows):
        if done % _TOLD == 0:
            progress(done, total)
        yield row
    progress(total, total)


def _write_csv(file: IO[str], rows: Iterator[Row], columns: Sequence[str]) -> int:
    table = csv.DictWriter(file, columns, extrasaction="ignore")
    table.writeheader()
    count = 0
    for row in rows:
        metadata = json.dumps(row["metadata"], ensure_ascii=False) if row["metadata"] else ""
        told = {**row, "metadata": metadata, "tags": "; ".join(tag.word for tag in row.get("tags", ()))}
        table.writerow({name: _inert(name, value) for name, value in told.items()})
        count += 1
    return count


def _inert(column: str, value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; ids may begin with a minus, and are left so."""
    starts = "=@\t\r" if column in _IDS else "=@\t\r+-"
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple(starts)) else value


def _write_jsonl(file: IO[str], rows: Iterator[Row], columns: Sequence[str]) -> int:
    count = 0
    for row in rows:
        told = {name: row[name] for name in columns}
        file.write(json.dumps(told, ensure_ascii=False, default=dataclasses.asdict) + "\n")
        count += 1
    return count


_WRITERS: Final = {"csv": _write_csv, "jsonl": _write_jsonl}


def _write_folders(
    storage: Storage,
    collection: CollectionRow,
    rows: Iterator[Row],
    report: ExportReport,
    columns: Sequence[str],
    *,
    files: Literal["link", "copy"],
) -> None:
    if report.target.exists() and any(report.target.iterdir()):
        raise ConfigurationError(f"{report.target} is not empty; export into a new folder, so that nothing mixes.")
    report.target.mkdir(parents=True, exist_ok=True)
    (report.target / EXPORT_MARKER).touch()  # adding a folder around it leaves it out
    folders = _Folders(report.target)

    def written() -> Iterator[Row]:
        for row in rows:
            place = folders.place(row)
            problem = _put(storage.media.locate(collection.files_key, row), place, files)
            if problem is not None:
                report.without_file.append(Refused(row["image_id"], problem))
            yield {**row, "file": "" if problem else place.relative_to(report.target).as_posix()}

    with (report.target / _TABLE).open("w", encoding="utf-8", newline="") as file:
        report.images = _write_csv(file, written(), ("file", *columns))


def _put(original: Path | None, place: Path, files: Literal["link", "copy"]) -> str | None:
    """Link or copy a file; returns why that could not be done, unless it concerns all."""
    if original is None:
        return "it came as a vector"
    if not original.is_file():
        return f"{original} is gone"
    place.parent.mkdir(exist_ok=True)
    if files == "link":
        place.symlink_to(original.resolve())
        return None
    try:
        with original.open("rb") as source, place.open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except PermissionError as error:
        return f"{original} cannot be read: {error.strerror}"
    return None


class _Folders:
    """A folder for each category, and a name for each image that no other has, even where case does not count."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._folders: dict[str | None, str] = {}
        self._taken: set[str] = {_TABLE.casefold()}
        self._next: dict[str, int] = {}

    def place(self, row: Row) -> Path:
        """Where an image goes."""
        category = row["category"]
        if category not in self._folders:
            self._folders[category] = self._free("", safe_name(row["label"] or "Unsorted"), "")
        folder = self._folders[category]
        stem, dot, ending = Path(row["name"] or row["image_id"]).name.rpartition(".")
        if not (stem and dot and ending.isalnum() and ending.isascii() and len(ending) <= 8):  # no ending, but a dot
            stem, ending = f"{stem}{dot}{ending}", row["format"] or "jpg"
        return self._target / folder / self._free(f"{folder}/", safe_name(stem), f".{ending.lower()}")

    def _free(self, folder: str, stem: str, suffix: str) -> str:
        name, key = f"{stem}{suffix}", f"{folder}{stem}{suffix}".casefold()
        while f"{folder}{name}".casefold() in self._taken:
            number = self._next[key] = self._next.get(key, 0) + 1
            name = f"{stem}_{number}{suffix}"
        self._taken.add(f"{folder}{name}".casefold())
        return name


def safe_name(name: str) -> str:
    """A file name for every system: no separators, control characters, trailing dots, option or formula; "&" stays."""
    name = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+|^[=+@-]', "_", name)
    short = name.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return short or "_"
