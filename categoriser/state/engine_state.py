"""The engine of one collection in memory, and its derived state on disk.

SQL says which image is in which micro-cluster and category; the store has the vectors. What lies in the state folder
(vectors by row, neighbour lists) only saves the time to read and search them again, and may be deleted at any time.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from categoriser.catalog import Database, groups, history, images, outbox, taxonomy
from categoriser.catalog import collections as collection_rows
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.sharing import Revision, revision_of
from categoriser.domain import FloatMatrix, FloatVector
from categoriser.encoders.texts import WORDS
from categoriser.engine import DIAL, NOBODY, UNCALIBRATED, UNSORTED, Calibration, Grouping, Parameters, Rules
from categoriser.errors import MissingVectorsError, NotFoundError
from categoriser.state.image_ids import ImageIds
from categoriser.state.vector_file import VectorFile
from categoriser.store import VectorStore

LISTS = "lists.npz"
VECTORS = "vectors.f32"
_TOLERANCE = 1e-2  # of the squared length of a saved vector
_SAVE_AFTER = 4096  # new rows at least between two saves
_BLOCK = 1024  # rows asked of the store at a time
_ADOPTED = 256  # images taken over at a time
_log = logging.getLogger(__name__)

_Lists: TypeAlias = tuple[npt.NDArray[np.int32], FloatMatrix]  # neighbour ids and cosines, both [rows, k]


def store_micro(collection_id: int, number: int) -> int:
    """Micro-cluster id in the vector store: unique among all collections, so that its index stays selective."""
    return (collection_id << 32) | number


class EngineState:
    """A collection's grouping, its perceptual hashes by row, and what the next run needs to know."""

    def __init__(self, collection: CollectionRow, folder: Path, database: Database, store: VectorStore) -> None:
        self.collection = collection
        self.store = store
        self.images_at_run = collection.images_at_run
        self._folder = folder
        with database.read() as connection:
            fresh = collection_rows.get(connection, collection.id)
            revision = revision_of(connection, collection.id)
            rows = images.engine_rows(connection, collection.id)
            micro_categories = taxonomy.micro_categories(connection, collection.id)
            guessed = taxonomy.tentative(connection, collection.id)
            under_way = outbox.vectors_under_way(connection, collection.key)
        if fresh is None or revision is None:
            raise NotFoundError(f"Collection {collection.name!r} was deleted.")
        self.collection = fresh
        self.revision = revision.revision
        self.images_at_run = fresh.images_at_run
        self.ids = ImageIds(image_id for _, image_id, *_ in rows)
        self.hashes: list[bytes | None] = [None] * fresh.next_row
        micro_of = np.full(fresh.next_row, NOBODY, np.int32)
        head_of = np.full(fresh.next_row, NOBODY, np.int32)
        for row, _, micro, head, phash in rows:
            self.hashes[row] = phash
            if head is None:
                micro_of[row] = micro
            else:
                head_of[row] = head
        categories = np.full(micro_categories[-1][0] + 1 if micro_categories else 0, UNSORTED, np.int64)
        for number, category in micro_categories:
            if category is not None:
                categories[number] = category
        tentative = np.zeros(len(categories), np.bool_)
        tentative[guessed] = True
        present = np.array([row for row, *_ in rows], np.int64)
        lists = self._read_lists(fresh.next_row, revision)
        saved = 0 if lists is None else len(lists[0])
        self.vectors = VectorFile(folder / VECTORS, fresh.dimension, saved)
        if not _sound(self.vectors.matrix, present[present < saved], lists):
            _log.warning("the saved state of collection %s is damaged and is made anew", fresh.key)
            saved, lists = 0, None
            self.vectors = VectorFile(folder / VECTORS, fresh.dimension, 0)
        self.vectors.clear(np.setdiff1d(np.arange(saved), present))  # of images deleted right before a crash
        missing = {row: image_id for row, image_id, *_ in rows if row >= saved}
        for start in range(saved, fresh.next_row, _BLOCK):
            self.vectors.append(self._stored(missing, start, min(fresh.next_row, start + _BLOCK), under_way))
        # directions of words are random ones: of unlike texts it is known how like each other they are
        strangers = (0.0, fresh.dimension**-0.5) if fresh.encoder_spec == WORDS else None
        parameters = Parameters(strangers=strangers)
        self.grouping = Grouping(
            fresh.dimension, dial=DIAL[fresh.granularity], rows=self.vectors, parameters=parameters
        )
        self.grouping.restore(
            micro_of,
            head_of,
            categories,
            tentative=tentative,
            calibration=Calibration(**fresh.calibration) if fresh.calibration else UNCALIBRATED,
            next_category=fresh.next_category,
            lists=lists,
        )
        self._saved = saved
        with database.read() as connection:
            self.decided(connection)
            self.grouping.checked = taxonomy.checked(connection, collection.id)

    def catch_up(self, database: Database) -> bool:
        """Take over images that other processes filed since this state was theirs as well.

        Returns False, and changes nothing, when more than arrivals came in between: then it has to be loaded anew.
        """
        length = self.grouping.length
        with database.read() as connection:
            revision = revision_of(connection, self.collection.id)
            fresh = collection_rows.get(connection, self.collection.id)
            if revision is None or fresh is None or revision.reshaped > self.revision:
                return False
            rows = images.engine_rows(connection, self.collection.id, start=length)
            opened = taxonomy.micro_categories(connection, self.collection.id, start=self.grouping.micros.length)
            under_way = outbox.vectors_under_way(connection, self.collection.key)
            guessed = frozenset(taxonomy.tentative(connection, self.collection.id))
        if [row for row, *_ in rows] != list(range(length, fresh.next_row)):
            return False
        categories = {number: UNSORTED if category is None else category for number, category in opened}
        for start in range(0, len(rows), _ADOPTED):
            part = rows[start : start + _ADOPTED]
            names = {row: image_id for row, image_id, *_ in part}
            self.ids.add(names.values())
            vectors = self._stored(names, part[0][0], part[-1][0] + 1, under_way)
            self.hashes += [phash for *_, phash in part]
            heads = [NOBODY if head is None else head for _, _, _, head, _ in part]
            self.grouping.adopt(vectors, [micro for _, _, micro, *_ in part], heads, categories, guessed)
        self.collection, self.revision = fresh, revision.revision
        self.save_if_grown()
        return True

    def mark(self) -> tuple[object, ...]:
        """Something that is the same as long as nothing here was changed."""
        return self.grouping.edition, len(self.hashes), self.images_at_run, self.collection, self.grouping.rules

    @property
    def size(self) -> int:
        """Bytes of what grows with the collection: vectors by row, neighbour lists, micro-clusters, hashes."""
        grouping = self.grouping
        arrays = (grouping.lists.ids, grouping.lists.cosines, grouping.micros.sums, grouping.head_of, grouping.head_of)
        return self.vectors.matrix.nbytes + sum(one.nbytes for one in arrays) + self.ids.nbytes + 64 * len(self.hashes)

    def forget(self, rows: npt.NDArray[np.int64]) -> None:
        """Forget vectors and hashes of deleted rows."""
        for row in rows.tolist():
            self.hashes[row] = None
        self.vectors.clear(rows)

    def category_of(self, micro: int) -> int:
        """Category number of a micro-cluster, or UNSORTED."""
        return int(self.grouping.micros.categories[micro])

    def decided(self, connection: Connection) -> None:
        """Read what people decided, for the engine to honour, and which group each category is in."""
        self.groups = groups.of_categories(connection, self.collection.id)
        held, strictness = history.held(connection, self.collection.id)
        found = history.decided(connection, self.collection.id)
        self.grouping.rules = Rules(
            held=frozenset(held),
            whole=frozenset(one.subject for one in found if one.kind == "whole"),
            pinned=frozenset(one.subject for one in found if one.kind == "pin"),
            rejected=frozenset((one.subject, one.category) for one in found if one.kind == "reject"),
            apart=frozenset((one.subject, one.category) for one in found if one.kind == "apart"),
            strictness=strictness,
        )

    def published(self, version: int, values: Mapping[str, Any], *, ran: int | None) -> None:
        """Note that a change was published: columns of the collection, and of a run the images it looked at."""
        if ran is not None:
            self.images_at_run = ran
        self.collection = replace(
            self.collection, taxonomy_version=version, next_category=self.grouping.next_category, **values
        )
        self.grouping.dial = DIAL[self.collection.granularity]

    def save_if_grown(self) -> None:
        """Save when enough rows came since the last time that losing them would cost a noticeable search."""
        if self.grouping.length - self._saved > max(_SAVE_AFTER, self.grouping.length // 8):
            self.save_if_possible()

    def save_if_possible(self) -> None:
        """Save; a failure costs nothing but time at the next load, and is no reason to fail what was asked for."""
        try:
            self.save()
        except OSError as error:
            _log.warning("the state of collection %s could not be saved: %s", self.collection.key, error)

    def save(self) -> None:
        """Write vectors and neighbour lists to disk, so that loading need not search again."""
        length = self.grouping.length
        if length == self._saved:
            return
        self.vectors.flush()
        partial = self._folder / f".{LISTS}"
        with partial.open("wb") as file:
            lists = self.grouping.lists
            np.savez(file, ids=lists.ids[:length], cosines=lists.cosines[:length], revision=np.int64(self.revision))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._folder / LISTS)
        self._saved = length

    def _read_lists(self, length: int, revision: Revision) -> _Lists | None:
        try:
            with np.load(self._folder / LISTS) as stored:
                ids, cosines = stored["ids"], stored["cosines"]
                if "revision" in stored and int(stored["revision"]) < revision.rewritten:
                    return None  # another process wrote all vectors anew
            rows = (self._folder / VECTORS).stat().st_size // (4 * self.collection.dimension)
        except FileNotFoundError:
            return None
        except Exception:  # broken in any way: it is only a cache
            _log.warning("neighbour lists of collection %s are unreadable and are searched again", self.collection.key)
            return None
        return None if len(ids) > min(length, rows) else (ids, cosines)

    def _stored(
        self, wanted: Mapping[int, str], start: int, end: int, under_way: Mapping[str, FloatVector]
    ) -> FloatMatrix:
        """Vectors of rows [start, end), from the orders if the store may not have them; deleted rows are zero."""
        block = np.zeros((end - start, self.collection.dimension), np.float32)
        rows: dict[str, int] = {}
        for row in range(start, end):
            image_id = wanted.get(row)
            if image_id is None:
                continue
            vector = under_way.get(image_id)
            if vector is None:
                rows[image_id] = row
            else:
                block[row - start] = vector
        points = self.store.fetch(self.collection.key, list(rows)) if rows else None
        if points is not None:
            if len(points) < len(rows):
                raise MissingVectorsError(
                    f"The vector store lacks {len(rows) - len(points)} vectors of collection {self.collection.name!r}. "
                    "Restore its folder from a backup, or delete and add the collection's images again."
                )
            for image_id, vector in zip(points.image_ids, points.vectors, strict=True):
                block[rows[image_id] - start] = vector
        return block


def _sound(matrix: FloatMatrix, present: npt.NDArray[np.int64], lists: _Lists | None) -> bool:
    """Whether saved vectors and lists can be what was saved: unit vectors, and neighbours among the saved rows."""
    if lists is None:
        return True
    ids, cosines = lists
    if ids.shape != cosines.shape or ids.ndim != 2 or ids.dtype != np.int32 or cosines.dtype != np.float32:
        return False
    if ids.size and (ids.min() < NOBODY or ids.max() >= len(ids) or not np.isfinite(cosines).all()):
        return False
    for start in range(0, len(present), 4096):
        some = matrix[present[start : start + 4096]]
        with np.errstate(all="ignore"):
            if not (np.abs(np.einsum("ij,ij->i", some, some) - 1) < _TOLERANCE).all():
                return False
    return True


def drop_state(folder: Path) -> None:
    """Delete a collection's derived state."""
    shutil.rmtree(folder, ignore_errors=True)
