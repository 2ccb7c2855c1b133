"""The embedded store: Qdrant's own engine in this process, one folder on disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from qdrant_edge import (
    CountRequest,
    EdgeShard,
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    MatchValue,
    Point,
    Query,
    QueryRequest,
    RangeFloat,
    ScrollRequest,
    SearchParams,
    UpdateOperation,
)

from categoriser.domain import FloatVector, Hit, Points, Where
from categoriser.errors import CategoriserError, ConfigurationError
from categoriser.store import compaction
from categoriser.store.base import EVERYTHING, matches_nothing
from categoriser.store.edge_folder import ShardFolder, owned_folder, settle
from categoriser.store.payload import (
    ADDED_AT,
    COLLECTION,
    IMAGE_ID,
    MICRO_ID,
    gathered,
    owned,
    payloads,
    point_ids,
)
from categoriser.store.ranking import at_least, page_of, threshold
from categoriser.store.validation import checked_query, checked_vectors, require_collection, require_page

# The engine holds the GIL in every call, so no call may be long: a search of another user waits behind it.
_WRITE_SLICE = 256  # points; about 5 ms at 512 dimensions
_READ_SLICE = 128  # points with vectors; about 3 ms
_DELETE_SLICE = 256

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class QdrantEdgeStore:
    """A VectorStore in ``path``, owned by this process until ``close``.

    Points are only ever appended to one memory-mapped segment and searched without HNSW: ``optimize()`` would freeze
    the process, and the micro-clusters in ``Where`` already are the inverted lists of the search. What is put survives
    the death of the process at once, and power loss after ``flush``. Once ``flush`` finds that more points were
    deleted than are there, a thread copies those to a new shard while the store goes on.
    """

    def __init__(self, path: str | os.PathLike[str], dimension: int) -> None:
        """Open the store in folder ``path``, made if it is not there.

        Raises:
            LibraryInUseError: another process, or this one, has it open.
            EncoderMismatchError: it holds vectors of another dimension.
        """
        self._path = Path(path)
        self._dimension = dimension
        self._writing = Lock()
        self._compacting = Lock()
        self._copying: compaction.Copying | None = None
        self._compactor: Thread | None = None
        self._compact_from = compaction.WORTH_IT  # deleted points
        self._closing = Event()
        self._ownership = owned_folder(self._path)
        try:
            self._folder = ShardFolder(self._path, dimension)
            self._shard: EdgeShard | None = self._folder.opened()
        except BaseException:
            self._ownership.release()
            raise

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    def put(self, collection: str, points: Points, *, order: int = 0) -> None:
        """See VectorStore."""
        require_collection(collection)
        vectors = checked_vectors(points, self._dimension)
        ids = point_ids(collection, points.image_ids)
        rows = list(payloads(collection, points))
        for part in _slices(len(ids), _WRITE_SLICE):
            batch = [
                Point(id_, compaction.handed_over(vector), row)
                for id_, vector, row in zip(ids[part], vectors[part], rows[part], strict=True)
            ]
            self._update(UpdateOperation.upsert_points(batch), ids[part])

    def move(self, collection: str, image_ids: Sequence[str], micro_ids: Sequence[int], *, order: int = 0) -> None:
        """See VectorStore."""
        require_collection(collection)
        if len(image_ids) != len(micro_ids):
            raise ConfigurationError(f"move: {len(image_ids)} image ids but {len(micro_ids)} micro-cluster ids.")
        target: dict[Any, int] = dict(zip(point_ids(collection, image_ids), map(int, micro_ids), strict=True))
        ids = list(target)
        for part in _slices(len(ids), _WRITE_SLICE):
            # asked first, because an update that names one unknown point fails halfway through the others
            with self._writing:
                found = self._ask(EdgeShard.retrieve, ids[part], [COLLECTION], False)
                by_micro: dict[int, list[Any]] = {}
                for record in found:
                    owned(collection, record.payload)
                    by_micro.setdefault(target[record.id], []).append(record.id)
                with self._followed([record.id for record in found]):
                    for micro_id, members in by_micro.items():
                        self._ask(EdgeShard.update, UpdateOperation.set_payload(members, {MICRO_ID: micro_id}))

    def search(
        self,
        collection: str,
        vector: FloatVector,
        limit: int,
        *,
        where: Where = EVERYTHING,
        offset: int = 0,
        min_score: float | None = None,
    ) -> list[Hit]:
        """See VectorStore."""
        require_collection(collection)
        require_page(limit, offset)
        query = Query.Nearest(compaction.handed_over(checked_query(vector, self._dimension)))
        if matches_nothing(where):
            return []
        inside = _filter(collection, where)

        def ask(wanted: int) -> list[Hit]:
            request = QueryRequest(
                limit=wanted,
                query=query,
                filter=inside,
                params=SearchParams(exact=True),
                with_payload=[COLLECTION, IMAGE_ID],
                score_threshold=threshold(min_score),
            )
            found = self._ask(EdgeShard.query, request)
            return at_least(min_score, (_hit(collection, point) for point in found))

        return page_of(ask, limit, offset)

    def fetch(self, collection: str, image_ids: Sequence[str]) -> Points:
        """See VectorStore."""
        require_collection(collection)
        ids = point_ids(collection, image_ids)
        found: dict[Any, Any] = {}
        for part in _slices(len(ids), _READ_SLICE):
            found.update((record.id, record) for record in self._ask(EdgeShard.retrieve, ids[part], True, True))
        return gathered(collection, [found[id_] for id_ in ids if id_ in found], self._dimension)

    def scroll(self, collection: str, *, after: str | None = None, limit: int = 1000) -> tuple[Points, str | None]:
        """See VectorStore."""
        require_collection(collection)
        require_page(limit, 0)
        records: list[Any] = []
        cursor: Any = after
        while len(records) < limit:
            request = ScrollRequest(
                offset=cursor,
                limit=min(_READ_SLICE, limit - len(records)),
                filter=_filter(collection, EVERYTHING),
                with_payload=True,
                with_vector=True,
            )
            page, cursor = self._ask(EdgeShard.scroll, request)
            records += page
            if cursor is None:
                break
        return gathered(collection, records, self._dimension), None if cursor is None else str(cursor)

    def count(self, collection: str, where: Where = EVERYTHING) -> int:
        """See VectorStore."""
        require_collection(collection)
        if matches_nothing(where):
            return 0
        number: int = self._ask(EdgeShard.count, CountRequest(exact=True, filter=_filter(collection, where)))
        return number

    def delete(self, collection: str, image_ids: Sequence[str], *, order: int = 0) -> None:
        """See VectorStore."""
        require_collection(collection)
        ids: list[Any] = [*point_ids(collection, image_ids)]
        for part in _slices(len(ids), _DELETE_SLICE):
            self._update(UpdateOperation.delete_points(ids[part]), ids[part])

    def drop(self, collection: str) -> None:
        """See VectorStore. In slices: a crash in between leaves a part, which the next call removes."""
        require_collection(collection)
        request = ScrollRequest(
            limit=_DELETE_SLICE, filter=_filter(collection, EVERYTHING), with_payload=False, with_vector=False
        )
        while records := self._ask(EdgeShard.scroll, request)[0]:
            ids = [record.id for record in records]
            self._update(UpdateOperation.delete_points(ids), ids)

    def compact(self) -> bool:
        """Give back the memory and the disk that deleted points keep, while the store goes on.

        Returns False, and leaves all as it was, when the store is being closed.

        Raises:
            CategoriserError: the engine refused, or the disk, or it has no room for a copy; the store is as it was.
        """
        with self._compacting:
            if self._closing.is_set():
                return False
            try:
                return self._compacted(self._opened())
            except Exception as error:  # the engine raises nothing finer
                raise CategoriserError(f"The vector store in {self._path} could not be compacted: {error}") from error

    def deleted(self) -> int:
        """How many deleted points keep their place, as of the last flush."""
        return max(0, self._folder.places() - self.size())

    def size(self) -> int:
        """How many points there are of all collections together."""
        number: int = self._ask(EdgeShard.count, CountRequest(exact=False))  # which is exact, and at once, unfiltered
        return number

    def flush(self) -> None:
        """See VectorStore. Costs some 10 to 50 ms of fsync, with the GIL held: once per group of writes."""
        self._ask(EdgeShard.flush)
        self._compact_if_worth_it()

    def close(self) -> None:
        """See VectorStore."""
        self._closing.set()
        with self._compacting, self._writing:
            if self._shard is None:
                return
            try:
                self._shard.flush()
                self._shard.close()
            finally:
                self._shard = None
                self._ownership.release()

    def _update(self, operation: UpdateOperation, ids: Sequence[Any]) -> None:
        with self._writing, self._followed(ids):
            self._ask(EdgeShard.update, operation)

    def _compact_if_worth_it(self) -> None:
        with self._writing:
            if self._shard is None or self._compactor is not None:
                return
            # so each that is gone pays for the copying of at most one that is there
            if self.deleted() < max(self._compact_from, self.size()):
                return
            self._compactor = Thread(target=self._compact_quietly, name="vector-compaction", daemon=True)
            try:
                self._compactor.start()
            except RuntimeError:  # there are too many threads, or the process ends
                self._compactor = None

    def _compact_quietly(self) -> None:
        try:
            if self.compact():
                _log.info("compacted the vector store in %s", self._path)
                self._compact_from = compaction.WORTH_IT
        except CategoriserError as error:
            _log.warning("%s Deleted vectors keep their place for now.", error)
            self._compact_from = self.deleted() + compaction.WORTH_IT
        finally:
            self._compactor = None

    def _compacted(self, source: EdgeShard) -> bool:
        compaction.look_for_room(self._path, self.size(), self._dimension)
        old = self._folder.current
        path, target = self._folder.second()
        copying = compaction.Copying(
            source, target, self._writing, lambda: compaction.look_for_room(self._path, 0, self._dimension)
        )
        try:
            with self._writing:
                self._copying = copying
            if copying.copy(self._closing):
                settle(path)  # most of it, before anybody waits for the rest
                with self._writing:
                    copying.finish()
                    self._switch(path, target)
        finally:
            with self._writing:
                self._copying = None
            done = self._shard is target
            with suppress(Exception):  # whether it closes or not, nobody asks it any more
                (source if done else target).close()
            self._folder.remove(old if done else path)
        compaction.give_back()
        return done

    def _switch(self, path: Path, target: EdgeShard) -> None:
        try:
            self._folder.switch(path)
        finally:  # whatever went wrong: what the next opening opens is what is written from here on
            if self._folder.is_current(path):
                self._folder.current = path
                self._shard, self._copying = target, None

    @contextmanager
    def _followed(self, ids: Sequence[Any]) -> Iterator[None]:
        try:
            yield
        finally:  # an update that fails may have done a part of it
            if self._copying is not None:
                self._copying.follow(ids)

    def _opened(self) -> EdgeShard:
        shard = self._shard
        if shard is None:
            raise CategoriserError(f"The vector store in {self._path} is closed; open the library again.")
        return shard

    def _ask(self, call: Callable[..., _T], *arguments: Any) -> _T:
        while True:
            shard = self._opened()
            try:
                return call(shard, *arguments)
            except Exception as error:  # the engine raises nothing finer
                if self._shard is shard:
                    raise CategoriserError(f"The vector store in {self._path} failed: {error}") from error
            # compacted between the two lines, or closed: asked again


def _filter(collection: str, where: Where) -> Filter:
    must: list[Any] = [FieldCondition(COLLECTION, match=MatchValue(collection))]
    if where.micro_ids is not None:
        must.append(FieldCondition(MICRO_ID, match=MatchAny([int(micro_id) for micro_id in where.micro_ids])))
    if where.added_from is not None or where.added_before is not None:
        must.append(FieldCondition(ADDED_AT, range=RangeFloat(gte=where.added_from, lt=where.added_before)))
    if not where.exclude_ids:
        return Filter(must=must)
    return Filter(must=must, must_not=[HasIdCondition(set(point_ids(collection, where.exclude_ids)))])


def _hit(collection: str, point: Any) -> Hit:
    image_id: str = owned(collection, point.payload)[IMAGE_ID]
    return Hit(image_id, min(1.0, max(-1.0, point.score)))


def _slices(length: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, length, size))
