"""The engine of one collection in memory, and its derived state on disk.

SQL says which image is in which micro-cluster and category; the store has the vectors. What lies in the state folder
(vectors, neighbour lists) only saves the time to read and search them again, and may be deleted at any time. The engine
numbers images by position (see positions.py), the catalog by row.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from categoriser.catalog import Database, groups, history, images, outbox, taxonomy
from categoriser.catalog import collections as collection_rows
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.sharing import Revision, revision_of
from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.encoders.texts import WORDS
from categoriser.engine import DIAL, NOBODY, UNCALIBRATED, UNSORTED, Calibration, Grouping, Parameters, Rules
from categoriser.errors import MissingVectorsError, NotFoundError
from categoriser.state import saved as saved_state
from categoriser.state.image_ids import ImageIds
from categoriser.state.positions import Positions
from categoriser.state.saved import Saved
from categoriser.state.vector_file import VectorFile
from categoriser.store import VectorStore

_TOLERANCE = 1e-2  # of the squared length of a saved vector
_SAVE_AFTER = 4096  # new rows at least between two saves
_BLOCK = 1024  # rows asked of the store at a time
_ADOPTED = 256  # images taken over at a time
HOLES: Final = 1024  # positions of deleted images that are never worth closing up
_MICROS_A_HOLE: Final = 8  # micro-clusters that ever were and take the memory, and at a load the time, of one position
_log = logging.getLogger(__name__)


def store_micro(collection_id: int, number: int) -> int:
    """Micro-cluster id in the vector store: unique among all collections, so that its index stays selective."""
    return (collection_id << 32) | number


def worth_closing(gone: int, present: int, micros: int) -> bool:
    """Whether positions of images that are gone cost more than to load the others anew, with all micro-clusters."""
    return gone > max(HOLES, present, micros // _MICROS_A_HOLE)


class EngineState:
    """A collection's grouping, its perceptual hashes by position, and what the next run needs to know."""

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
        present = np.array([row for row, *_ in rows], np.int64)
        folder.mkdir(parents=True, exist_ok=True)
        saved = self._taken_over(present, revision, len(micro_categories))
        saved_state.tidy(folder, saved)
        taken = np.empty(0, np.int64) if saved is None else saved.rows
        self._saved = len(taken)
        later = present[present > (taken[-1] if len(taken) else -1)]
        self.positions = Positions(np.concatenate([taken, later]), fresh.next_row)
        self._gone = self._gone_before = len(self.positions.rows) - len(present)
        micro_of, head_of = self._pointers(rows)
        categories = np.full(micro_categories[-1][0] + 1 if micro_categories else 0, UNSORTED, np.int64)
        for number, category in micro_categories:
            if category is not None:
                categories[number] = category
        tentative = np.zeros(len(categories), np.bool_)
        tentative[guessed] = True
        self._vectors_at = saved_state.new_vectors(folder) if saved is None else saved.vectors
        self.vectors = VectorFile(self._vectors_at, fresh.dimension, len(taken))
        self.vectors.clear(np.flatnonzero(~np.isin(taken, present)))  # of images deleted right before a crash
        missing = [image_id for row, image_id, *_ in rows[len(rows) - len(later) :]]
        for start in range(0, len(missing), _BLOCK):
            self.vectors.append(self._stored(missing[start : start + _BLOCK], under_way))
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
            lists=None if saved is None else (saved.ids, saved.cosines),
        )
        with database.read() as connection:
            self.decided(connection)
            checked = taxonomy.checked(connection, collection.id)
        self.grouping.checked = {number: self.positions.below(row) for number, row in checked.items()}

    def _pointers(
        self, rows: Sequence[tuple[int, str, int, int | None, bytes | None]]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Micro-clusters and heads by position, as the engine wants them; takes the hashes over as well."""
        length = len(self.positions.rows)
        self.hashes: list[bytes | None] = [None] * length
        micro_of = np.full(length, NOBODY, np.int32)
        head_of = np.full(length, NOBODY, np.int32)
        at = self.positions.of([row for row, *_ in rows])
        heads = self.positions.of([NOBODY if head is None else head for _, _, _, head, _ in rows])
        for position, head_at, (_, _, micro, head, phash) in zip(at.tolist(), heads.tolist(), rows, strict=True):
            self.hashes[position] = phash
            if head is None:
                micro_of[position] = micro
            else:
                head_of[position] = head_at
        return micro_of, head_of

    def catch_up(self, database: Database) -> bool:
        """Take over images that other processes filed since this state was theirs as well.

        Returns False, and changes nothing, when more than arrivals came in between: then it has to be loaded anew.
        """
        known = self.positions.next_row
        with database.read() as connection:
            revision = revision_of(connection, self.collection.id)
            fresh = collection_rows.get(connection, self.collection.id)
            if revision is None or fresh is None or revision.reshaped > self.revision:
                return False
            rows = images.engine_rows(connection, self.collection.id, start=known)
            opened = taxonomy.micro_categories(connection, self.collection.id, start=self.grouping.micros.length)
            under_way = outbox.vectors_under_way(connection, self.collection.key)
            guessed = frozenset(taxonomy.tentative(connection, self.collection.id))
        if [row for row, *_ in rows] != list(range(known, fresh.next_row)):
            return False
        categories = {number: UNSORTED if category is None else category for number, category in opened}
        for start in range(0, len(rows), _ADOPTED):
            part = rows[start : start + _ADOPTED]
            names = [image_id for _, image_id, *_ in part]
            vectors = self._stored(names, under_way)
            self.ids.add(names)
            self.positions.add(len(part))
            self.hashes += [phash for *_, phash in part]
            heads = self.positions.of([NOBODY if head is None else head for _, _, _, head, _ in part]).tolist()
            self.grouping.adopt(vectors, [micro for _, _, micro, *_ in part], heads, categories, guessed)
        self.collection, self.revision = fresh, revision.revision
        self.save_if_grown()
        return True

    def mark(self) -> tuple[object, ...]:
        """Something that is the same as long as nothing here was changed."""
        return self.grouping.edition, len(self.hashes), self.images_at_run, self.collection, self.grouping.rules

    @property
    def size(self) -> int:
        """Bytes of what grows with the collection: vectors, neighbour lists, micro-clusters, hashes."""
        grouping, ids = self.grouping, self.ids.nbytes + self.positions.nbytes
        arrays = (grouping.lists.ids, grouping.lists.cosines, grouping.micros.sums, grouping.head_of, grouping.head_of)
        return self.vectors.matrix.nbytes + sum(one.nbytes for one in arrays) + ids + 64 * len(self.hashes)

    def forget(self, positions: IntVector) -> None:
        """Forget vectors and hashes of deleted images."""
        for position in positions.tolist():
            self.hashes[position] = None
        self.vectors.clear(positions)
        self._gone += len(positions)

    @property
    def is_worth_reloading(self) -> bool:
        """Whether so many images were deleted since it was loaded that loading it anew, without them, pays."""
        return worth_closing(self._gone - self._gone_before, len(self.hashes) - self._gone, self.grouping.micros.length)

    def places(self, connection: Connection, positions: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Image id and micro-cluster of those of the positions whose images the catalog has."""
        rows = self.positions.rows[np.array(positions, np.int64)].tolist()
        found = images.places(connection, self.collection.id, rows)
        return {position: found[row] for position, row in zip(positions, rows, strict=True) if row in found}

    def vectors_of(self, rows: Sequence[int]) -> FloatMatrix:
        """Vectors [n, d] of images by row, zero for one that is not here; may be asked while others write."""
        matrix = self.vectors.matrix
        positions = self.positions.of(rows)
        here = (positions >= 0) & (positions < len(matrix))
        found = np.zeros((len(positions), matrix.shape[1]), np.float32)
        found[here] = matrix[positions[here]]
        return found

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
        rows = self.positions.rows[:length]
        saved_state.write(self._folder, rows, self.grouping.lists, self.revision, self._vectors_at)
        self._saved = length

    def _taken_over(self, present: IntVector, revision: Revision, micros: int) -> Saved | None:
        """What was saved, without most of what is not there any more; None where it cannot be taken over.

        Raises:
            OSError: the disk is full, or fails.
        """
        dimension = self.collection.dimension
        saved = saved_state.read(self._folder, dimension)
        if saved is None or not len(saved):
            return None
        there = np.isin(saved.rows, present)
        if not self._fits(saved, there, present, revision):
            return None
        # whoever looks at what is behind it is not to see other images there
        whole = saved.is_all(dimension)
        if whole and not worth_closing(int(np.count_nonzero(~there)), len(present), micros):
            return saved
        try:
            return saved_state.copied(self._folder, dimension, saved, np.flatnonzero(there))
        except OSError as error:
            if not whole:
                raise
            _log.warning("the state of collection %s could not be made smaller: %s", self.collection.key, error)
            return saved  # and stays so a while

    def _fits(self, saved: Saved, there: npt.NDArray[np.bool_], present: IntVector, revision: Revision) -> bool:
        """Whether it is of the images that are there, and of all up to its last row."""
        if saved.rows[-1] >= self.collection.next_row:
            return False
        if not revision.rewritten <= saved.revision <= revision.revision:
            return False  # all vectors are others by now, or the catalog is an older one
        known = np.count_nonzero(present <= saved.rows[-1])
        if np.count_nonzero(there) == known and _are_units(saved.matrix(self.collection.dimension), there):
            return True
        _log.warning("the saved state of collection %s is damaged and is made anew", self.collection.key)
        return False

    def _stored(self, image_ids: Sequence[str], under_way: Mapping[str, FloatVector]) -> FloatMatrix:
        """Vectors of images [n, d], from the orders if the store may not have them."""
        block = np.zeros((len(image_ids), self.collection.dimension), np.float32)
        wanted: dict[str, int] = {}
        for place, image_id in enumerate(image_ids):
            vector = under_way.get(image_id)
            if vector is None:
                wanted[image_id] = place
            else:
                block[place] = vector
        points = self.store.fetch(self.collection.key, list(wanted)) if wanted else None
        if points is not None:
            if len(points) < len(wanted):
                raise MissingVectorsError(
                    f"The vector store lacks {len(wanted) - len(points)} vectors of collection "
                    f"{self.collection.name!r}. Restore its folder from a backup, or delete and add the collection's "
                    "images again."
                )
            for image_id, vector in zip(points.image_ids, points.vectors, strict=True):
                block[wanted[image_id]] = vector
        return block


def _are_units(matrix: FloatMatrix, there: npt.NDArray[np.bool_]) -> bool:
    """Whether the vectors of images that are there are unit vectors."""
    places = np.flatnonzero(there)
    for start in range(0, len(places), 4096):
        some = matrix[places[start : start + 4096]]
        with np.errstate(all="ignore"):
            if not (np.abs(np.einsum("ij,ij->i", some, some) - 1) < _TOLERANCE).all():
                return False
    return True


def drop_state(folder: Path) -> None:
    """Delete a collection's derived state."""
    shutil.rmtree(folder, ignore_errors=True)
