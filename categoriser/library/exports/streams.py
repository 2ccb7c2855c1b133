"""Every style of export as a stream of bytes. Nothing is ever left out: what has no file is in the table."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias

from categoriser.catalog import collections, events
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Refused
from categoriser.library.adding import Progress
from categoriser.library.exports.archive import Archive, content
from categoriser.library.exports.places import Places, ending_of
from categoriser.library.exports.selection import COLUMNS, Row, Selection, snapshot
from categoriser.library.exports.tables import csv_chunks, jsonl_chunks, parquet_chunks
from categoriser.state import Storage

StreamStyle = Literal["csv", "jsonl", "parquet", "zip", "fiftyone"]
Tagged: TypeAlias = Callable[[Iterator[Row]], Iterator[Row]]  # rows → rows with their tags
Groups: TypeAlias = Mapping[int, tuple[str, str]]  # number of a category → id and label of its group

TABLE: Final = "images.csv"
_TOLD: Final = 100  # images between two reports of progress


@dataclass(frozen=True, slots=True)
class Form:
    """How a style travels."""

    media_type: str
    file_name: str


STYLES: Final[Mapping[StreamStyle, Form]] = {
    "csv": Form("text/csv", "images.csv"),
    "jsonl": Form("application/x-ndjson", "images.jsonl"),
    "parquet": Form("application/vnd.apache.parquet", "images.parquet"),
    "zip": Form("application/zip", "images.zip"),
    "fiftyone": Form("application/zip", "fiftyone.zip"),
}


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


@dataclass(frozen=True, slots=True)
class Exporter:
    """One export of a collection, which can be made as often as it is read."""

    storage: Storage
    collection: CollectionRow
    selection: Selection = field(default_factory=Selection)
    tagged: Tagged | None = None
    groups: Groups | None = None  # given: folders of categories lie in folders of their groups
    progress: Progress | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Of its tables."""
        return COLUMNS if self.tagged is None else (*COLUMNS, "tags")

    def mark(self, style: StreamStyle) -> str:
        """What tells this export from others: the same mark, the same bytes."""
        row = self.collection
        with self.storage.database.read() as connection:
            size = collections.size(connection, row.id)
            now = collections.get(connection, row.id) or row
            last = events.last(connection, row.id)
        groups = sorted((self.groups or {}).items())
        facts = (row.key, now.next_row, now.taxonomy_version, last, size, str(self.selection), style)
        return hashlib.sha256(repr((*facts, self.columns, groups)).encode()).hexdigest()[:32]

    def chunks(self, style: StreamStyle, report: ExportReport | None = None) -> Iterator[bytes]:
        """Its bytes, made as they are asked for; ``report`` is complete once all were."""
        told = ExportReport(Path()) if report is None else report
        with snapshot(self.storage, self.collection, self.selection, by_category=style == "zip") as (total, found):
            told.images = total
            rows = self._watched(found, total)
            match style:
                case "csv":
                    yield from csv_chunks(rows, self.columns)
                case "jsonl":
                    yield from jsonl_chunks(rows, self.columns)
                case "parquet":
                    yield from parquet_chunks(self.storage, self.collection, rows, self.columns)
                case "zip":
                    yield from self._zipped(rows, told)
                case "fiftyone":
                    yield from self._fiftyone(rows, told)

    def _watched(self, rows: Iterator[Row], total: int) -> Iterator[Row]:
        rows = rows if self.tagged is None else self.tagged(rows)
        return rows if self.progress is None else counted(rows, total, self.progress)

    def _zipped(self, rows: Iterator[Row], report: ExportReport) -> Iterator[bytes]:
        """Folders by label with the pictures in them, and a table of all images."""
        archive, places = Archive(), Places((TABLE,), self.groups)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
            for row in rows:
                place = places.place(row)
                problem = yield from self._picture(archive, row, place, report)
                told = {**row, "file": "" if problem else place}
                spool.write(json.dumps(told, default=lambda tag: {"word": tag.word}) + "\n")
            spool.seek(0)
            table = csv_chunks(_read_back(spool), ("file", *self.columns))
            yield from archive.add(TABLE, table)
        yield from archive.end()

    def _fiftyone(self, rows: Iterator[Row], report: ExportReport) -> Iterator[bytes]:
        """The layout ``FiftyOneImageClassificationDataset``: ``data/`` and ``labels.json``; Unsorted has no label."""
        archive, classes = Archive(), set[str]()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as labels:
            first = True
            for row in rows:
                name = f"{row['row']:08}"  # FiftyOne tells files by their names without endings
                if (yield from self._picture(archive, row, f"data/{name}.{ending_of(row)[1]}", report)):
                    continue
                if row["label"] is not None:
                    classes.add(row["label"])
                labels.write(("" if first else ",\n") + f'"{name}": {json.dumps(_target(row))}')
                first = False
            yield from archive.add("labels.json", _labels(sorted(classes), labels))
        yield from archive.end()

    def _picture(
        self, archive: Archive, row: Row, place: str, report: ExportReport
    ) -> Generator[bytes, None, str | None]:
        """Add an original; returns why that could not be done, if so."""
        path = self.storage.media.locate(self.collection.files_key, row)
        problem = missing(path)
        if problem is None and path is not None:
            yield from archive.add(place, content(path), at=row["added_at"])
        else:
            report.without_file.append(Refused(row["image_id"], str(problem)))
        return problem


def missing(path: Path | None) -> str | None:
    """Why an original cannot be read; None: it can."""
    if path is None:
        return "it came as a vector"
    if not path.is_file():
        return f"{path} is gone"
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"


def counted(rows: Iterator[Row], total: int, progress: Progress) -> Iterator[Row]:
    """Rows, telling how many there were."""
    for done, row in enumerate(rows):
        if done % _TOLD == 0:
            progress(done, total)
        yield row
    progress(total, total)


@dataclass(frozen=True, slots=True)
class _Word:
    word: str


def _read_back(spool: IO[str]) -> Iterator[Row]:
    for line in spool:
        row = json.loads(line)
        yield row if "tags" not in row else {**row, "tags": [_Word(tag["word"]) for tag in row["tags"]]}


def _target(row: Row) -> Any:
    attributes = {name: row[name] for name in ("image_id", "category", "name", "source", "added_at", "stacked_on")}
    return None if row["label"] is None else {"label": row["label"], "attributes": attributes}


def _labels(classes: list[str], labels: IO[str]) -> Iterator[bytes]:
    yield f'{{"classes": {json.dumps(classes)},\n"labels": {{\n'.encode()
    labels.seek(0)
    while part := labels.read(1024 * 1024):
        yield part.encode()
    yield b"\n}}\n"
