"""Which images an export is about, read at one moment: a spool on disk, so that a slow reader holds nothing up."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy.engine import Connection

from categoriser.catalog import images, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.errors import NotFoundError
from categoriser.library.searching import label_of
from categoriser.state import Storage

Row: TypeAlias = Mapping[str, Any]

UNSORTED: Final = "unsorted"
COLUMNS: Final = (
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
_NEEDED: Final = (
    *(name for name in COLUMNS if name not in {"category", "label", "stacked_on"}),
    "row",
    "format",
    "stored",
)
_PAGE: Final = 5000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images. Times are seconds since the epoch; None leaves a side open.

    ``category``: an id, or "unsorted".
    """

    category: str | None = None
    added_from: float | None = None  # inclusive
    added_before: float | None = None  # exclusive

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    def number(self, collection: CollectionRow) -> int | None:
        """Number of its category; None for Unsorted and for all.

        Raises:
            NotFoundError: no category of this collection can have that id.
        """
        if self.category in {None, UNSORTED}:
            return None
        number = collection.category_number(str(self.category))
        if number is None:
            raise NotFoundError(f"Collection {collection.name!r} has no category {self.category!r}.")
        return number

    def read(self, connection: Connection, collection: CollectionRow, *, by_category: bool) -> Iterator[Row]:
        """Its images in order of arrival, or category by category and Unsorted last."""
        number = self.number(collection)
        whole = self.category is None
        if whole and by_category:
            for one in taxonomy.living(connection, collection.id):
                yield from self._pages(connection, collection, category=one)
        unsorted = self.category == UNSORTED or (whole and by_category)
        yield from self._pages(connection, collection, category=number, unsorted=unsorted)

    def _pages(
        self, connection: Connection, collection: CollectionRow, *, category: int | None, unsorted: bool = False
    ) -> Iterator[Row]:
        after = -1
        while page := images.page(
            connection, collection.id, after=after, limit=_PAGE, category=category, unsorted=unsorted
        ):
            after = page[-1]["row"]
            for stored in page:
                if self._in_time(stored["added_at"]):
                    yield {name: stored[name] for name in _NEEDED} | {
                        "category": collection.category_id(stored["category"]),
                        "category_number": stored["category"],
                        "label": label_of(stored["category"], stored["label"]),
                        "stacked_on": stored["head_id"],
                    }

    def _in_time(self, moment: float) -> bool:
        from_, before = self.added_from, self.added_before
        return (from_ is None or moment >= from_) and (before is None or moment < before)


@contextmanager
def snapshot(
    storage: Storage, collection: CollectionRow, selection: Selection, *, by_category: bool = False
) -> Iterator[tuple[int, Iterator[Row]]]:
    """Number of images and the images, as of one moment; no transaction stays open while they are read."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        count = 0
        with storage.database.read() as connection:
            for row in selection.read(connection, collection, by_category=by_category):
                spool.write(json.dumps(row) + "\n")
                count += 1
        spool.seek(0)
        yield count, (json.loads(line) for line in spool)
