"""Exports as files and folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from categoriser.domain import Refused
from categoriser.errors import ConfigurationError
from categoriser.intake import EXPORT_MARKER
from categoriser.library.exports import Exporter, ExportReport, StreamStyle
from categoriser.library.exports.places import Places
from categoriser.library.exports.selection import Row, snapshot
from categoriser.library.exports.streams import STYLES, TABLE, counted, missing
from categoriser.library.exports.tables import csv_chunks

Style = Literal["folders", StreamStyle]
FileStyle = Literal["link", "copy"]

_ENDINGS: Final[dict[str, Style]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".zip": "zip",
    "": "folders",
}


def export(exporter: Exporter, target: Path, style: Style | None, *, files: FileStyle) -> ExportReport:
    """Write a collection; a file appears under its name only once it is complete.

    JSON lines hold every text exactly. In CSV a text that a spreadsheet would run as a formula gets an apostrophe in
    front. In folders a file images.csv lists all images, also those that have no file.

    Raises:
        ConfigurationError: the style is unknown, or the target cannot be written.
    """
    style = style or _ENDINGS.get(target.suffix.lower())
    if style is not None and style != "folders" and style not in STYLES:
        raise ConfigurationError(f"{style!r} is no style of export; there are folders, {', '.join(STYLES)}.")
    report = ExportReport(target)
    try:
        if style == "folders":
            _write_folders(exporter, report, files)
        elif style is not None:
            write(target, exporter.chunks(style, report))
        else:
            raise ConfigurationError(f"{target} has no ending that tells a style; give folders, {', '.join(STYLES)}.")
    except OSError as error:
        raise ConfigurationError(f"The export to {target} failed: {error.strerror or error}.") from None
    return report


def write(target: Path, chunks: Iterator[bytes]) -> None:
    """Write a file that appears under its name only once it is complete.

    Raises:
        ConfigurationError: it cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The export to {target} failed: {error.strerror or error}.") from None


def _write_folders(exporter: Exporter, report: ExportReport, files: FileStyle) -> None:
    target = report.target
    if target.exists() and any(target.iterdir()):
        raise ConfigurationError(f"{target} is not empty; export into a new folder, so that nothing mixes.")
    target.mkdir(parents=True, exist_ok=True)
    (target / EXPORT_MARKER).touch()  # adding a folder around it leaves it out
    places = Places((TABLE,), exporter.groups)
    storage, key = exporter.storage, exporter.collection.files_key

    def written(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            place = places.place(row)
            problem = _put(storage.media.locate(key, row), target / place, files)
            if problem is not None:
                report.without_file.append(Refused(row["image_id"], problem))
            yield {**row, "file": "" if problem else place}

    with snapshot(storage, exporter.collection, exporter.selection, by_category=True) as (total, found):
        report.images = total
        rows = found if exporter.tagged is None else exporter.tagged(found)
        rows = rows if exporter.progress is None else counted(rows, total, exporter.progress)
        with (target / TABLE).open("wb") as file:
            for chunk in csv_chunks(written(rows), ("file", *exporter.columns)):
                file.write(chunk)


def _put(original: Path | None, place: Path, files: FileStyle) -> str | None:
    """Link or copy a file; returns why that could not be done, unless it concerns all."""
    problem = missing(original)
    if problem is not None or original is None:
        return problem
    place.parent.mkdir(parents=True, exist_ok=True)
    if files == "link":
        place.symlink_to(original.resolve())
        return None
    with original.open("rb") as source, place.open("xb") as copy:
        shutil.copyfileobj(source, copy)
    return None
