"""Every image with its category, as folders or as a table. Nothing is ever left out."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from categoriser.catalog import images
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Refused
from categoriser.errors import ConfigurationError
from categoriser.library.searching import label_of
from categoriser.state import Storage

Style = Literal["folders", "csv", "jsonl"]

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
_STYLES: dict[str, Style] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", "": "folders"}


@dataclass(slots=True)
class ExportReport:
    """What was written: ``images`` in all, and those without a file (ready vectors, originals that are gone)."""

    target: Path
    images: int = 0
    without_file: list[Refused] = field(default_factory=list)


def export(
    storage: Storage,
    collection: CollectionRow,
    target: Path,
    style: Style | None,
    *,
    files: Literal["link", "copy"],
) -> ExportReport:
    """Write a collection; a table appears under its name only once it is complete.

    Raises:
        ConfigurationError: the style is unknown, or the target cannot be written.
    """
    style = style or _STYLES.get(target.suffix.lower())
    rows = _rows(storage, collection)
    report = ExportReport(target)
    try:
        if style == "folders":
            _write_folders(storage, collection, rows, report, files=files)
        elif style in ("csv", "jsonl"):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.partial")
            with partial.open("w", encoding="utf-8", newline="") as file:
                report.images = (_write_csv if style == "csv" else _write_jsonl)(file, rows)
            partial.replace(target)
        else:
            raise ConfigurationError(f"{target} has no ending that tells a style; give folders, csv or jsonl.")
    except OSError as error:
        raise ConfigurationError(f"The export to {target} failed: {error.strerror or error}.") from None
    return report


def _rows(storage: Storage, collection: CollectionRow) -> Iterator[Mapping[str, Any]]:
    with storage.database.read() as connection:
        for stored in images.everything(connection, collection.id):
            yield {
                **stored,
                "category": collection.category_id(stored["category"]),
                "label": label_of(stored["category"], stored["label"]),
                "stacked_on": stored["head_id"],
            }


def _write_csv(file: IO[str], rows: Iterator[Mapping[str, Any]]) -> int:
    table = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
    table.writeheader()
    count = 0
    for row in rows:
        metadata = json.dumps(row["metadata"], ensure_ascii=False) if row["metadata"] else ""
        table.writerow({**row, "metadata": metadata})
        count += 1
    return count


def _write_jsonl(file: IO[str], rows: Iterator[Mapping[str, Any]]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps({name: row[name] for name in _COLUMNS}, ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_folders(
    storage: Storage,
    collection: CollectionRow,
    rows: Iterator[Mapping[str, Any]],
    report: ExportReport,
    *,
    files: Literal["link", "copy"],
) -> None:
    if report.target.exists() and any(report.target.iterdir()):
        raise ConfigurationError(f"{report.target} is not empty; export into a new folder, so that nothing mixes.")
    report.target.mkdir(parents=True, exist_ok=True)
    put: Callable[[Path, Path], Any] = os.symlink if files == "link" else shutil.copyfile
    folders: dict[str | None, Path] = {}
    taken: set[str] = set()
    for row in rows:
        report.images += 1
        original = storage.media.locate(collection.key, row)
        if original is None or not original.is_file():
            reason = "it came as a vector" if original is None else f"{original} is gone"
            report.without_file.append(Refused(row["image_id"], reason))
            continue
        category = row["category"]
        if category not in folders:
            folders[category] = report.target / _free(taken, "", safe_name(row["label"] or "Unsorted"), "")
            folders[category].mkdir()
        name = Path(row["name"] or row["image_id"]).name
        stem, suffix = safe_name(Path(name).stem), Path(name).suffix.lower() or f".{row['format'] or 'jpg'}"
        put(original.resolve(), folders[category] / _free(taken, f"{folders[category].name}/", stem, suffix))


def safe_name(name: str) -> str:
    """A file name for every system: no separators, control characters or trailing dots; "&" stays."""
    name = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "_", name).strip(" .")
    return name[:100] or "_"


def _free(taken: set[str], folder: str, stem: str, suffix: str) -> str:
    """A name that no other has, even where case does not count."""
    name, number = f"{stem}{suffix}", 1
    while (folder + name).casefold() in taken:
        name, number = f"{stem}_{number}{suffix}", number + 1
    taken.add((folder + name).casefold())
    return name
