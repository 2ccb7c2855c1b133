"""All that is known about a collection in one archive, for the person whose pictures these are.

The rows are taken from every table that has rows of the collection, whichever tables there are, so that nothing which
is kept one day can be forgotten here.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog import views
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import collections, metadata
from categoriser.domain import Refused
from categoriser.library.exports.archive import Archive, Entry, content
from categoriser.library.exports.places import safe_name
from categoriser.library.exports.selection import COLUMNS, Row, Selection, snapshot
from categoriser.library.exports.streams import missing
from categoriser.library.exports.tables import jsonl_chunks, parquet_chunks
from categoriser.state import Storage

MANIFEST: Final = "manifest.json"
_ROWS: Final = 1000  # read at a time
_SECRET: Final = frozenset(("secrets", "secret", "hash", "secret_hash", "key_hash", "token_hash"))  # columns


@dataclass(slots=True)
class Manifest:
    """What such an archive holds: how many of what, and the SHA-256 of every file."""

    collection: str = ""
    encoder: str = ""
    counts: dict[str, int] = field(default_factory=dict)  # records by file of rows; pictures
    without_file: list[Refused] = field(default_factory=list)
    files: list[Entry] = field(default_factory=list)

    def as_json(self) -> bytes:
        """As it lies in the archive."""
        told = {"format": 1, **asdict(self)}
        return json.dumps(told, indent=1, ensure_ascii=False).encode("utf-8", "replace")


def everything(storage: Storage, collection: CollectionRow, manifest: Manifest) -> Iterator[bytes]:
    """The bytes of the archive: rows, vectors, descriptions, pictures, and the manifest last."""
    archive = Archive()
    manifest.collection, manifest.encoder = collection.name, collection.encoder_id
    with tempfile.TemporaryDirectory(prefix="categoriser-export-") as folder:
        dumped = _dumped(storage, collection, Path(folder), manifest)
        for name, path in dumped:
            yield from archive.add(name, content(path))
    with storage.database.read() as connection:
        own = [
            (collection, ""),
            *((view, _folder_of(view)) for view in views.of_collection(connection, collection.key)),
        ]
    for one, place in own:
        with snapshot(storage, one, Selection()) as (_, rows):
            yield from archive.add(f"{place}vectors.parquet", parquet_chunks(storage, one, rows, COLUMNS))
        with snapshot(storage, one, Selection()) as (total, rows):
            manifest.counts[f"{place}images"] = total
            yield from archive.add(f"{place}images.jsonl", jsonl_chunks(rows, COLUMNS))
    yield from _pictures(storage, collection, archive, manifest)
    manifest.files = list(archive.entries)
    yield from archive.add(MANIFEST, [manifest.as_json()])
    yield from archive.end()


def _folder_of(view: CollectionRow) -> str:
    return f"views/{safe_name(views.shown_name(view.name))}/"


def _dumped(storage: Storage, collection: CollectionRow, folder: Path, manifest: Manifest) -> list[tuple[str, Path]]:
    """All rows, of one moment, as files."""
    found: list[tuple[str, Path]] = []
    with storage.database.read() as connection:
        for one in (collection, *views.of_collection(connection, collection.key)):
            place = "" if one.id == collection.id else _folder_of(one)
            for table in metadata.sorted_tables:
                owned = _owned(table, one.id)
                if owned is None:
                    continue
                name = f"{place}catalog/{table.name}.jsonl"
                path = folder / f"{len(found)}"
                manifest.counts[name] = _dump(connection, table, owned, path)
                found.append((name, path))
    return found


def _owned(table: sa.Table, collection_id: int) -> sa.ColumnElement[bool] | None:
    """Which rows of a table belong to a collection: by themselves or by what they refer to; None: no table of its."""
    if table is collections:
        return table.c.id == collection_id
    if "collection_id" in table.c:
        return table.c.collection_id == collection_id
    for key in table.foreign_keys:
        owner = _owned(key.column.table, collection_id)
        if owner is not None:
            return key.parent.in_(sa.select(key.column).where(owner))
    return None


def _dump(connection: Connection, table: sa.Table, owned: sa.ColumnElement[bool], path: Path) -> int:
    columns = [column for column in table.c if column.name not in _SECRET]
    # files that wait in a table are read one by one
    size = 1 if any(isinstance(column.type, sa.LargeBinary) for column in columns) else _ROWS
    query = sa.select(*columns).where(owned).order_by(*table.primary_key.columns)
    count = 0
    with path.open("w", encoding="utf-8", errors="replace") as file:
        for row in connection.execute(query.execution_options(yield_per=size)):
            file.write(json.dumps(dict(row._mapping), ensure_ascii=False, default=_as_text) + "\n")
            count += 1
    return count


def _as_text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _pictures(storage: Storage, collection: CollectionRow, archive: Archive, manifest: Manifest) -> Iterator[bytes]:
    """Originals, and what is known about them in words."""
    written = 0
    with snapshot(storage, collection, Selection()) as (_, rows):
        for row in rows:
            path = storage.media.locate(collection.files_key, row)
            problem = missing(path)
            if problem is None and path is not None:
                written += 1
                yield from archive.add(_picture_name(row), content(path), at=row["added_at"])
            else:
                manifest.without_file.append(Refused(row["image_id"], str(problem)))
    manifest.counts["pictures"] = written
    for number, path in enumerate(sorted(storage.media.captions(collection.key).rglob("*.json"))):
        manifest.counts["captions"] = number + 1
        yield from archive.add(f"captions/{path.name}", content(path))


def _picture_name(row: Row) -> str:
    """Unique by the number of its row, which catalog/images.jsonl has as well."""
    return f"pictures/{row['row']:08}-{safe_name(Path(row['name'] or row['image_id']).name)}"
