"""Copies a collection to another library, of whatever kind: embedded to server, back, or to another server.

The catalog goes over in one transaction, as a collection that nobody sees; then vectors and files follow, and what is
there already is left out, so that a move that was interrupted goes on where it was. Only when all counts agree does
the copy get its name. The source is left as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from categoriser.catalog import collection_copy, collections, images, inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import Points
from categoriser.errors import CategoriserError, ConfigurationError
from categoriser.library.library import Library
from categoriser.state import store_micro

_PAGE: Final = 1000
_NUMBER: Final = (1 << 32) - 1  # the part of a micro-cluster's id in the store that is not the collection's


@dataclass(frozen=True, slots=True)
class Moved:
    """What was copied and counted on both sides."""

    name: str
    images: int
    vectors: int
    files: int
    rows: Mapping[str, int]  # by table
    views: int


Progress = Callable[[str, int], None]  # what, how many so far


def move_collection(
    source: Library,
    target: Library,
    name: str,
    *,
    as_name: str | None = None,
    progress: Progress = lambda _what, _count: None,
) -> Moved:
    """Copy a collection with its views, history, vectors and files, and count both sides.

    Args:
        source: where it is; nobody writes it meanwhile.
        target: where it goes; it may have been there in part.
        name: of the collection.
        as_name: its name there, if another one.
        progress: told now and then.

    Raises:
        NotFoundError: there is no such collection.
        ConfigurationError: the target has one of that name, or this one, already; or pictures still wait to be filed.
        CategoriserError: the counts do not agree; the copy stays unseen, and the source as it is.
    """
    wanted = as_name or name
    source.storage.delivery.flush()
    row = source.collection(name, create=False).row
    with target.storage.database.read() as connection:
        if collections.find(connection, wanted) is not None:
            raise ConfigurationError(f"There is a collection {wanted!r} in the target already; give it another name.")
        present = collections.by_key(connection, row.key)
    if present is not None and present.name != collection_copy.aside_name(row.key):
        raise ConfigurationError(f"Collection {name!r} is in the target already, as {present.name!r}.")
    with source.storage.database.read() as connection:
        views = [
            one
            for number in collection_copy.views_of(connection, row.key)
            if (one := collections.get(connection, number))
        ]
    taken = [_Copy(source, target, one, progress) for one in (row, *views)]
    for copy in taken:
        copy.begin()
    files = _copy_files(source, target, row, progress)
    for copy in taken:
        copy.check()
    _check_files(source, target, row)
    with target.storage.database.write() as connection:  # all at once: a view without its collection is nothing
        for copy in taken:
            collection_copy.reveal(
                connection, copy.target_id, copy.stored, wanted if copy.row is row else copy.row.name
            )
    return Moved(wanted, taken[0].rows["images"], taken[0].vectors, files, taken[0].rows, len(views))


class _Copy:
    """One collection, or a view, on its way."""

    def __init__(self, source: Library, target: Library, row: CollectionRow, progress: Progress) -> None:
        self.row = row
        self._source = source
        self._target = target
        self._progress = progress
        self.target_id = 0
        self.vectors = 0
        self.rows: Mapping[str, int] = {}
        self.stored: Record = {}

    def begin(self) -> None:
        """Copy the catalog's part, then the vectors; nobody else writes meanwhile."""
        with self._source.storage.states.excluding(self.row.id):
            with self._source.storage.database.read() as connection:
                if inbox.waiting(connection, self.row.id):
                    raise ConfigurationError(
                        f"Pictures of collection {self.row.name!r} still wait to be filed; let that finish first."
                    )
                self.stored = collection_copy.stored(connection, self.row.id)
                with self._target.storage.database.write() as there:
                    begun = collection_copy.find_aside(there, self.row.key)
                    if begun is not None and not collection_copy.is_copy(self.stored, begun):
                        collections.delete(there, begun["id"])  # of the collection as it was once
                        begun = None
                    if begun is None:
                        self.target_id = collection_copy.insert_aside(there, self.stored)
                        collection_copy.copy_rows(connection, there, self.row.id, self.target_id)
                    else:
                        self.target_id = begun["id"]
            self._copy_vectors()

    def check(self) -> None:
        """Count both sides.

        Raises:
            CategoriserError: they differ.
        """
        with self._source.storage.database.read() as connection:
            if not collection_copy.is_copy(collection_copy.stored(connection, self.row.id), self.stored):
                raise CategoriserError(f"Collection {self.row.name!r} was changed while it was copied; copy it again.")
            here = collection_copy.counts(connection, self.row.id)
        with self._target.storage.database.read() as connection:
            there = collection_copy.counts(connection, self.target_id)
        here["vectors"] = self._source.storage.store(self.row).count(self.row.key)
        there["vectors"] = self._target.storage.store(self.row).count(self.row.key)
        for what, number in here.items():
            if there[what] != number:
                raise CategoriserError(
                    f"Collection {self.row.name!r} has {number} {what} here and {there[what]} there; nothing was "
                    "changed here, and the copy is not shown. Look for errors in both logs and copy it again."
                )
        self.vectors = here.pop("vectors")
        self.rows = here

    def _copy_vectors(self) -> None:
        here, there = self._source.storage.store(self.row), self._target.storage.store(self.row)
        cursor, count = None, 0
        while True:
            page, cursor = here.scroll(self.row.key, after=cursor, limit=_PAGE)
            known = set(there.fetch(self.row.key, page.image_ids).image_ids)
            missing = [place for place, image_id in enumerate(page.image_ids) if image_id not in known]
            if missing:
                there.put(self.row.key, self._renumbered(page, missing))
            count += len(page)
            self._progress("vectors", count)
            if cursor is None:
                there.flush()
                return

    def _renumbered(self, page: Points, places: list[int]) -> Points:
        numbers = [store_micro(self.target_id, int(page.micro_ids[place]) & _NUMBER) for place in places]
        return replace(
            page,
            image_ids=[page.image_ids[place] for place in places],
            vectors=page.vectors[places],
            micro_ids=np.array(numbers, np.int64),
            added_at=[page.added_at[place] for place in places],
        )


def _copy_files(source: Library, target: Library, row: CollectionRow, progress: Progress) -> int:
    count = 0
    for here, there in zip(source.storage.media.folders(row.key), target.storage.media.folders(row.key), strict=True):
        for file in sorted(here.rglob("*")) if here.is_dir() else ():
            if not file.is_file():
                continue
            copy = there / file.relative_to(here)
            if not copy.exists() or copy.stat().st_size != file.stat().st_size:
                copy.parent.mkdir(parents=True, exist_ok=True)
                partial = copy.with_name(f".{copy.name}.partial")
                shutil.copyfile(file, partial)
                partial.replace(copy)
            count += 1
            if not count % _PAGE:
                progress("files", count)
    return count


def _check_files(source: Library, target: Library, row: CollectionRow) -> None:
    with source.storage.database.read() as connection:
        for one in images.everything(connection, row.id):
            lost = one["stored"] and not _there(target, row.key, one["sha256"])
            if lost and _there(source, row.key, one["sha256"]):
                raise CategoriserError(
                    f"The original of image {one['image_id']!r} was not copied, and nothing changed here; try again."
                )


def _there(library: Library, key: str, sha256: str) -> bool:
    file: Path = library.storage.media.original(key, sha256)
    return file.is_file()
