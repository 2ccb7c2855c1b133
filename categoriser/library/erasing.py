"""Deletes a collection with everything about it, and counts before and after what there is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from categoriser.catalog import views
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import collections as collections_table
from categoriser.catalog.tables import metadata, outbox
from categoriser.library.library import Library

_ATTEMPTS = 3  # at files that were being written meanwhile


@dataclass(frozen=True, slots=True)
class Erasure:
    """What there was of a collection and its views, and what is left.

    Numbers of rows under ``rows of <table>``, of files under ``files in <folder>``, ``vectors``, ``keys with a right to
    it`` and ``entries of the trail with its name``.
    """

    collection: str
    key: str  # random, never reused: names the collection in the trail from now on
    preview: bool
    at: float  # seconds since the epoch
    before: dict[str, int]
    after: dict[str, int] | None  # None: a preview

    complete: bool  # nothing is left


def preview_erasure(library: Library, name: str) -> Erasure:
    """Count what would be deleted; changes nothing.

    Raises:
        NotFoundError: there is no such collection.
    """
    rows = _with_views(library, name)
    before = _counted(library, name, rows)
    return Erasure(name, rows[0].key, preview=True, at=time.time(), before=before, after=None, complete=False)


def erase(library: Library, name: str) -> Erasure:
    """Delete a collection with all its images, views, history, vectors and files, and every right to its name.

    Raises:
        NotFoundError: there is no such collection.
    """
    rows = _with_views(library, name)
    before = _counted(library, name, rows)
    library.delete_collection(name)
    library.storage.delivery.flush()  # the vector store has it on its disk, and the order to delete is gone too
    after = _counted(library, name, rows)
    for _ in range(_ATTEMPTS):
        if not any(number for what, number in after.items() if what.startswith("files")):
            break
        for row in rows:  # of a picture that was on its way when its collection went
            library.storage.drop_files(row.key)
        after = _counted(library, name, rows)
    complete = not any(after.values())
    return Erasure(name, rows[0].key, preview=False, at=time.time(), before=before, after=after, complete=complete)


def _with_views(library: Library, name: str) -> list[CollectionRow]:
    row = library.collection(name, create=False).row
    with library.storage.database.read() as connection:
        return [row, *views.of_collection(connection, row.key)]


def _counted(library: Library, name: str, rows: Sequence[CollectionRow]) -> dict[str, int]:
    ids, keys = [row.id for row in rows], [row.key for row in rows]
    found: dict[str, int] = {}
    with library.storage.database.read() as connection:
        for table in metadata.sorted_tables:  # whichever there are: one that is added later is counted too
            condition = _belongs(table, ids, keys)
            if condition is not None:
                query = sa.select(sa.func.count()).select_from(table).where(condition)
                found[f"rows of {table.name}"] = int(connection.execute(query).scalar_one())
    found["vectors"] = sum(library.storage.store(row).count(row.key) for row in rows)
    for folder in ("originals", "thumbnails", "captions", "state"):
        found[f"files in {folder}"] = sum(
            sum(path.is_file() for path in (library.storage.folder / folder / key).rglob("*")) for key in keys
        )
    found["keys with a right to it"] = library.access.holders(name)
    found["entries of the trail with its name"] = library.access.entries(name)
    return found


def _belongs(table: sa.Table, ids: Sequence[int], keys: Sequence[str]) -> sa.ColumnElement[bool] | None:
    if table is collections_table:
        return table.c.id.in_(ids)
    if table is outbox:
        return table.c.collection_key.in_(keys)
    return table.c.collection_id.in_(ids) if "collection_id" in table.c else None
