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

from categoriser.catalog import collections, images
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
    """One map. ``placed``: rows [n], which ascend, and places [n, 5]: x, y flat, then x, y, z in space."""

    placed: tuple[IntVector, FloatMatrix] = field(  # replaced as one: others may read it meanwhile
        default_factory=lambda: (np.empty(0, np.int64), np.empty((0, 5), np.float32))
    )
    anchors: IntVector = field(default_factory=lambda: np.empty(0, np.int64))  # rows
    made_of: int = 0
    edition: int = 0
    working: threading.Lock = field(default_factory=threading.Lock)

    def find(self, rows: IntVector) -> tuple[IntVector, FloatMatrix]:
        """Which of ``rows`` have a place, and their places."""
        mine, places = self.placed
        if not len(mine):
            return np.empty(0, np.int64), places
        at = np.minimum(np.searchsorted(mine, rows), len(mine) - 1)
        known = np.flatnonzero(mine[at] == rows)
        return known, places[at[known]]

    def add(self, rows: IntVector, places: FloatMatrix) -> None:
        """Give rows places; those of rows that have one already are replaced."""
        mine, before = self.placed
        kept = ~np.isin(mine, rows)
        order = np.argsort(together := np.concatenate([mine[kept], rows]), kind="stable")
        self.placed = together[order], np.concatenate([before[kept], places])[order]

    def keep(self, rows: IntVector) -> None:
        """Give up the places of all other rows, where most are of others."""
        mine, places = self.placed
        kept = np.isin(mine, rows)
        if 2 * np.count_nonzero(kept) < len(mine):
            self.placed = mine[kept], places[kept]


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
        known, places = sheet.find(rows)
        if len(known) < len(rows) or len(sheet.anchors) < ANCHORS:
            with self._storage.database.read() as connection:
                number = collections.size(connection, collection.id)
            if len(known) < len(rows) or _outgrown(sheet, number):
                self._work(collection, sheet, rows, number)
                known, places = sheet.find(rows)
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

    def _work(self, collection: CollectionRow, sheet: _Sheet, rows: IntVector, number: int) -> None:
        """Now if it is little, else in the background, where nobody is at it already."""
        new = len(rows) - len(sheet.find(rows)[0])
        little = number <= _AT_ONCE or (not _outgrown(sheet, number) and new <= _PLACED_AT_ONCE)
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
            matrix, positions, here = state.vectors.matrix, state.positions, state.grouping.present()
        present = positions.rows[here[here < len(matrix)]]
        there = np.isin(sheet.anchors, present)
        anchors = sheet.anchors[there]
        if _outgrown(sheet, len(present)) or 2 * len(anchors) < len(sheet.anchors):
            chosen = _spread(present)
            vectors = matrix[positions.of(chosen)]
            flat, space = None, None
            if len(anchors) >= 16:  # what it looked like is where it begins
                old, were = matrix[positions.of(anchors)], sheet.find(anchors)[1]
                flat, space = place(vectors, old, were[:, :2]), place(vectors, old, were[:, 2:])
            places = np.hstack([lay_out(vectors, 2, flat, self._given_up), lay_out(vectors, 3, space, self._given_up)])
            if self._closed:
                return
            sheet.placed = chosen, places
            sheet.anchors, sheet.made_of, sheet.edition = chosen, len(present), sheet.edition + 1
            anchors = chosen
        if not len(anchors):
            return
        by, stand = matrix[positions.of(anchors)], sheet.find(anchors)[1]
        flat, space = stand[:, :2], stand[:, 2:]
        sheet.keep(present)
        missing = np.setdiff1d(present, sheet.placed[0])
        for low in range(0, len(missing), _BATCH):
            if self._closed:
                return
            some = missing[low : low + _BATCH]
            vectors = matrix[positions.of(some)]
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


def _outgrown(sheet: _Sheet, number: int) -> bool:
    """Whether a collection of so many images has become too large for what its map was made of."""
    return len(sheet.anchors) < ANCHORS and number >= _GROWN * max(sheet.made_of, 1)


def _spread(present: IntVector) -> IntVector:
    """Anchors: all, or evenly over the order of arrival."""
    if len(present) <= ANCHORS:
        return present
    return present[np.linspace(0, len(present) - 1, ANCHORS).astype(np.int64)]


def _read(file: Path) -> _Sheet:
    try:
        with np.load(file) as stored:
            return _Sheet(
                placed=(stored["rows"], stored["places"]),
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
            rows=sheet.placed[0],
            places=sheet.placed[1],
            anchors=sheet.anchors,
            made_of=np.int64(sheet.made_of),
            edition=np.int64(sheet.edition),
        )
    partial.replace(file)
