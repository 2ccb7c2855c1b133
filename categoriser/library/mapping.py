"""The map of a collection: a place for every image, flat and in space, that stays where it is.

What lies in the state folder is places by row; vectors are read where the engine has them, so that a deleted image
leaves nothing behind but the number of its row. The map is laid out anew, beginning from what it looks like, when the
collection has grown to three times what it was made of, and otherwise only added to.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from categoriser.catalog import images
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatMatrix, IntVector
from categoriser.engine.layout import lay_out, place
from categoriser.errors import CategoriserError
from categoriser.state import Storage

if TYPE_CHECKING:
    from categoriser.library.library import Library

ANCHORS: Final = 1200  # images that the map is laid out by
_AT_ONCE: Final = 400  # images that are laid out while somebody waits: less than a second
_PLACED_AT_ONCE: Final = 2000
_BATCH: Final = 8192
_GROWN: Final = 3  # times as large as what it was made of
_KEPT: Final = 16  # maps in memory, 28 bytes an image
_FILE: Final = "map.npz"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MapPage:
    """Some images and their places: ``flat`` [n, 2] and ``space`` [n, 3], in about [-1, 1].

    ``ready``: all of them are there; else the map is being made, and asking again later gives more. ``edition``: grows
    when the map is laid out anew. ``following``: row to go on behind; None at the end.
    """

    ready: bool
    edition: int
    image_ids: Sequence[str]
    categories: Sequence[str | None]
    flat: FloatMatrix
    space: FloatMatrix
    following: int | None


@dataclass(slots=True)
class _Sheet:
    """One map. ``rows`` ascend; ``places`` [n, 5]: x, y flat, then x, y, z in space."""

    rows: IntVector = field(default_factory=lambda: np.empty(0, np.int64))
    places: FloatMatrix = field(default_factory=lambda: np.empty((0, 5), np.float32))
    anchors: IntVector = field(default_factory=lambda: np.empty(0, np.int64))  # rows
    made_of: int = 0
    edition: int = 0
    working: threading.Lock = field(default_factory=threading.Lock)

    def find(self, rows: IntVector) -> tuple[IntVector, IntVector]:
        """Which of ``rows`` have a place, and where it stands."""
        if not len(self.rows):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        known = np.flatnonzero(self.rows[at] == rows)
        return known, at[known]

    def add(self, rows: IntVector, places: FloatMatrix) -> None:
        """Give rows places; those of rows that have one already are replaced."""
        kept = ~np.isin(self.rows, rows)
        order = np.argsort(together := np.concatenate([self.rows[kept], rows]), kind="stable")
        placed = np.concatenate([self.places[kept], places])[order]
        self.rows, self.places = together[order], placed


class Maps:
    """The maps of a library. Large ones are made in the background."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._sheets: OrderedDict[str, _Sheet] = OrderedDict()
        self._guard = threading.Lock()
        self._workers: list[threading.Thread] = []
        self._closed = False

    def page(self, collection: CollectionRow, *, after: int, limit: int) -> MapPage:
        """Images behind a row, in order of arrival, with their places."""
        with self._storage.database.read() as connection:
            found = images.on_map(connection, collection.id, after=after, limit=limit)
        rows = np.asarray([row for row, _, _ in found], np.int64)
        sheet = self._sheet(collection)
        known, at = sheet.find(rows)
        if len(known) < len(rows) or self._outgrown(sheet, collection):
            self._work(collection, sheet, rows)
            known, at = sheet.find(rows)
        places = sheet.places[at]
        return MapPage(
            ready=len(known) == len(rows),
            edition=sheet.edition,
            image_ids=[found[one][1] for one in known.tolist()],
            categories=[collection.category_id(found[one][2]) for one in known.tolist()],
            flat=places[:, :2],
            space=places[:, 2:],
            following=int(rows[-1]) if len(rows) == limit else None,
        )

    def close(self) -> None:
        """Wait for what is being written; layouts under way are given up."""
        self._closed = True
        for worker in self._workers:
            worker.join()

    def _sheet(self, collection: CollectionRow) -> _Sheet:
        with self._guard:
            sheet = self._sheets.pop(collection.key, None) or _read(self._file(collection))
            self._sheets[collection.key] = sheet
            while len(self._sheets) > _KEPT:
                self._sheets.popitem(last=False)
            return sheet

    def _outgrown(self, sheet: _Sheet, collection: CollectionRow) -> bool:
        return len(sheet.anchors) < ANCHORS and collection.next_row >= _GROWN * max(sheet.made_of, 1)

    def _work(self, collection: CollectionRow, sheet: _Sheet, rows: IntVector) -> None:
        """Now if it is little, else in the background, where nobody is at it already."""
        new = len(rows) - len(sheet.find(rows)[0])
        little = collection.next_row <= _AT_ONCE or (not self._outgrown(sheet, collection) and new <= _PLACED_AT_ONCE)
        if little:
            with sheet.working:
                self._make(collection, sheet)
        elif sheet.working.acquire(blocking=False):
            worker = threading.Thread(target=self._make_behind, args=(collection, sheet), name="map", daemon=True)
            with self._guard:
                self._workers = [one for one in self._workers if one.is_alive()] + [worker]
            worker.start()

    def _make_behind(self, collection: CollectionRow, sheet: _Sheet) -> None:
        try:
            self._make(collection, sheet)
        except CategoriserError as error:  # deleted meanwhile
            _log.warning("the map of collection %s was not made: %s", collection.key, error)
        except Exception:
            _log.exception("the map of collection %s could not be made", collection.key)
        finally:
            sheet.working.release()

    def _make(self, collection: CollectionRow, sheet: _Sheet) -> None:
        with self._storage.states.reading(collection.id) as state:
            matrix = state.vectors.matrix
            present = np.flatnonzero((state.grouping.micro_of >= 0) | (state.grouping.head_of >= 0))
        present = present[present < len(matrix)].astype(np.int64)
        there = np.isin(sheet.anchors, present)
        anchors = sheet.anchors[there]
        if self._outgrown(sheet, collection) or 2 * len(anchors) < len(sheet.anchors):
            chosen = _spread(present)
            vectors = np.array(matrix[chosen])
            flat, space = None, None
            if len(anchors) >= 16:  # what it looked like is where it begins
                old, at = matrix[anchors], sheet.find(anchors)[1]
                flat, space = (place(vectors, old, sheet.places[at, part]) for part in (slice(0, 2), slice(2, 5)))
            places = np.hstack([lay_out(vectors, 2, flat, self._given_up), lay_out(vectors, 3, space, self._given_up)])
            if self._closed:
                return
            sheet.rows, sheet.places = chosen, places
            sheet.anchors, sheet.made_of, sheet.edition = chosen, len(present), sheet.edition + 1
            anchors = chosen
        if not len(anchors):
            return
        by, at = np.array(matrix[anchors]), sheet.find(anchors)[1]
        flat, space = sheet.places[at, :2], sheet.places[at, 2:]
        missing = np.setdiff1d(present, sheet.rows)
        for low in range(0, len(missing), _BATCH):
            if self._closed:
                return
            some = missing[low : low + _BATCH]
            vectors = np.array(matrix[some])
            sheet.add(some, np.hstack([place(vectors, by, flat), place(vectors, by, space)]))
        if not self._closed:
            _write(self._file(collection), sheet)

    def _given_up(self) -> bool:
        return self._closed

    def _file(self, collection: CollectionRow) -> Path:
        return self._storage.folder / "state" / collection.key / _FILE


class Mapped:
    """The part of a collection that is its map."""

    _library: Library

    if TYPE_CHECKING:

        @property
        def row(self) -> CollectionRow: ...

    def map(self, *, after: int = -1, limit: int = 50_000) -> MapPage:
        """Places of images on the map of the collection, in order of arrival.

        Args:
            after: row to begin behind, as the page before said.
            limit: length of the page.
        """
        return self._library.maps.page(self.row, after=after, limit=limit)


def _spread(present: IntVector) -> IntVector:
    """Anchors: all, or evenly over the order of arrival."""
    if len(present) <= ANCHORS:
        return present
    return present[np.linspace(0, len(present) - 1, ANCHORS).astype(np.int64)]


def _read(file: Path) -> _Sheet:
    try:
        with np.load(file) as stored:
            return _Sheet(
                rows=stored["rows"],
                places=stored["places"],
                anchors=stored["anchors"],
                made_of=int(stored["made_of"]),
                edition=int(stored["edition"]),
            )
    except FileNotFoundError:
        return _Sheet()
    except Exception:  # broken in any way: it can be made again
        _log.warning("%s is unreadable and is made anew", file)
        return _Sheet()


def _write(file: Path, sheet: _Sheet) -> None:
    if not file.parent.is_dir():  # the collection was deleted, or its state was never saved
        file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}")
    with partial.open("wb") as target:
        np.savez(
            target,
            rows=sheet.rows,
            places=sheet.places,
            anchors=sheet.anchors,
            made_of=np.int64(sheet.made_of),
            edition=np.int64(sheet.edition),
        )
    partial.replace(file)
