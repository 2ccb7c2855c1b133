"""The store on a Qdrant server: many processes, many machines, the same points."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any, TypeVar

from anyio.from_thread import start_blocking_portal

from categoriser.domain import FloatVector, Hit, Points, Where
from categoriser.errors import CategoriserError, ConfigurationError, EncoderMismatchError, MissingExtraError
from categoriser.store.base import EVERYTHING, matches_nothing
from categoriser.store.layout import TOGETHER, Layout, filter_of, tenant
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
from categoriser.store.promotion import is_promoted, promoted
from categoriser.store.ranking import at_least, page_of, threshold
from categoriser.store.validation import checked_query, checked_vectors, require_collection, require_page

try:
    from qdrant_client import AsyncQdrantClient, models
except ImportError:  # said when a store is opened, so that importing this module needs no extra
    HAS_CLIENT = False
else:
    HAS_CLIENT = True

_SLICE = 256  # points per request: half a megabyte at 512 dimensions, far below the server's limits

_T = TypeVar("_T")


class QdrantServerStore:
    """A VectorStore in one physical Qdrant collection ``name``.

    One event loop in one thread of its own drives the asynchronous client; callers of any number of threads have
    their requests in flight side by side. Do not call it from an event loop: it blocks.

    ``flush`` has nothing to do: every write waits until the server has it applied and logged. How safe that is from
    power loss is set on the server (replication, ``wal`` and ``flush_interval_sec``).
    """

    def __init__(
        self,
        url: str,
        dimension: int,
        name: str,
        api_key: str | None = None,
        *,
        grpc: bool = True,
        grpc_port: int = 6334,
        timeout_seconds: int = 30,
        layout: Layout | None = None,
        make_client: Callable[[], AsyncQdrantClient] | None = None,
    ) -> None:
        """Connect to ``url`` and make the physical collection ``name`` if it is not there.

        Args:
            url: of the REST port.
            dimension: length of every vector.
            name: physical collection, one per encoder.
            api_key: of the server, if it asks for one.
            grpc: points go over gRPC, else over REST.
            grpc_port: on the same machine.
            timeout_seconds: limit of one request.
            layout: shards, replicas, quantisation and the like; most of it counts when the collection is made.
            make_client: another way to make the client; called in the event loop's thread.

        Raises:
            MissingExtraError: qdrant-client is not installed.
            EncoderMismatchError: the physical collection holds vectors of another dimension.
            CategoriserError: the server does not answer or refuses.
        """
        if not HAS_CLIENT:
            raise MissingExtraError("A Qdrant server needs the package qdrant-client: pip install -e '.[server]'.")
        self._url, self._dimension, self._name = url, dimension, name
        self._layout = layout or Layout()

        def connect() -> AsyncQdrantClient:
            return AsyncQdrantClient(
                url=url, api_key=api_key, prefer_grpc=grpc, grpc_port=grpc_port, timeout=timeout_seconds
            )

        with ExitStack() as opening:
            self._portal = opening.enter_context(start_blocking_portal())
            client = _closing(make_client or connect)
            self._client = opening.enter_context(self._portal.wrap_async_context_manager(client))
            self._ask(self._prepare)
            self._resources = opening.pop_all()

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    def put(self, collection: str, points: Points, *, order: int = 0) -> None:
        """See VectorStore."""
        require_collection(collection)
        vectors = checked_vectors(points, self._dimension)
        ids = point_ids(collection, points.image_ids)
        rows = [row | self._layout.stamp(order) for row in payloads(collection, points)]
        condition = self._layout.not_later_than(order)
        options = self._layout.written_with(collection) | ({} if condition is None else {"update_filter": condition})
        for part in _slices(len(ids)):
            batch = [
                models.PointStruct(id=str(id_), vector=vector, payload=row)
                for id_, vector, row in zip(ids[part], vectors[part].tolist(), rows[part], strict=True)
            ]
            self._ask(self._client.upsert, self._name, batch, wait=True, **options)

    def move(self, collection: str, image_ids: Sequence[str], micro_ids: Sequence[int], *, order: int = 0) -> None:
        """See VectorStore."""
        require_collection(collection)
        if len(image_ids) != len(micro_ids):
            raise ConfigurationError(f"move: {len(image_ids)} image ids but {len(micro_ids)} micro-cluster ids.")
        target = dict(zip(map(str, point_ids(collection, image_ids)), map(int, micro_ids), strict=True))
        by_micro: dict[int, list[str]] = {}
        for id_, micro_id in target.items():
            by_micro.setdefault(micro_id, []).append(id_)
        # by filter, not by id: an update that names an unknown point is an error
        changes = [
            models.SetPayloadOperation(
                set_payload=models.SetPayload(
                    payload={MICRO_ID: micro_id} | self._layout.stamp(order),
                    filter=self._among(collection, members, order),
                    shard_key=self._layout.shards_of(collection),
                )
            )
            for micro_id, members in by_micro.items()
        ]
        options = self._layout.written_with(collection)
        options.pop("shard_key_selector", None)  # each operation has its own
        for part in _slices(len(changes)):
            self._ask(self._client.batch_update_points, self._name, changes[part], wait=True, **options)

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
        query = checked_query(vector, self._dimension).tolist()
        if matches_nothing(where):
            return []

        def ask(wanted: int) -> list[Hit]:
            found = self._ask(
                self._client.query_points,
                self._name,
                query=query,
                query_filter=filter_of(collection, where),
                limit=wanted,
                search_params=self._layout.searched_with(),
                with_payload=[COLLECTION, IMAGE_ID],
                score_threshold=threshold(min_score),
                **self._layout.read_with(collection),
            )
            return at_least(min_score, (_hit(collection, point) for point in found.points))

        return page_of(ask, limit, offset)

    def fetch(self, collection: str, image_ids: Sequence[str]) -> Points:
        """See VectorStore."""
        require_collection(collection)
        ids = [str(id_) for id_ in point_ids(collection, image_ids)]
        found: dict[str, Any] = {}
        for part in _slices(len(ids)):
            where = self._layout.read_with(collection)
            records = self._ask(
                self._client.retrieve, self._name, ids[part], with_payload=True, with_vectors=True, **where
            )
            found.update((str(record.id), record) for record in records)
        return gathered(collection, [found[id_] for id_ in ids if id_ in found], self._dimension)

    def scroll(self, collection: str, *, after: str | None = None, limit: int = 1000) -> tuple[Points, str | None]:
        """See VectorStore."""
        require_collection(collection)
        require_page(limit, 0)
        if not limit:
            return gathered(collection, [], self._dimension), after
        records, following = self._ask(
            self._client.scroll,
            self._name,
            scroll_filter=filter_of(collection, EVERYTHING),
            limit=limit,
            offset=after,
            with_payload=True,
            with_vectors=True,
            **self._layout.read_with(collection),
        )
        return gathered(collection, records, self._dimension), None if following is None else str(following)

    def count(self, collection: str, where: Where = EVERYTHING) -> int:
        """See VectorStore."""
        require_collection(collection)
        if matches_nothing(where):
            return 0
        options = self._layout.read_with(collection)
        answer = self._ask(
            self._client.count, self._name, count_filter=filter_of(collection, where), exact=True, **options
        )
        return answer.count

    def delete(self, collection: str, image_ids: Sequence[str], *, order: int = 0) -> None:
        """See VectorStore."""
        require_collection(collection)
        ids = [str(id_) for id_ in point_ids(collection, image_ids)]
        for part in _slices(len(ids)):
            self._delete(collection, self._among(collection, ids[part], order))

    def drop(self, collection: str) -> None:
        """See VectorStore."""
        require_collection(collection)
        self._delete(collection, filter_of(collection, EVERYTHING))

    def snapshot(self) -> str:
        """Let the server write down all that this physical collection has, and return the name it has there."""
        made = self._ask(self._client.create_snapshot, self._name, wait=True)
        if made is None:
            raise CategoriserError(f"The server at {self._url} made no snapshot of {self._name!r}; see its log.")
        return made.name

    def has_own_shard(self, collection: str) -> bool:
        """Whether a tenant has shards of its own and all of its points are there."""
        return is_promoted(self._ask, self._client, self._name, collection)

    def promote(self, collection: str, *, patience_seconds: float = 600.0) -> bool:
        """Give a tenant shards of its own; says whether it had none yet. Nobody writes it meanwhile.

        The server copies its points and from then on finds them there; afterwards they are deleted where they were.
        When it is interrupted, repeating it goes on.

        Raises:
            ConfigurationError: the store was not made for shards of tenants.
            CategoriserError: it takes too long, or the server refuses.
        """
        require_collection(collection)
        if not self._layout.own_shards:
            raise ConfigurationError(
                "Collections have no shards of their own here: see the setting store.own_shards_from."
            )
        return promoted(self._ask, self._client, self._name, collection, patience_seconds)

    def flush(self) -> None:
        """See VectorStore, and the class: writes have been acknowledged by the server already."""

    def close(self) -> None:
        """See VectorStore."""
        self._resources.close()

    def _delete(self, collection: str, which: models.Filter) -> None:
        selector = models.FilterSelector(filter=which)
        self._ask(self._client.delete, self._name, selector, wait=True, **self._layout.written_with(collection))

    def _among(self, collection: str, ids: Sequence[str], order: int) -> models.Filter:
        conditions: list[models.Condition] = [tenant(collection), models.HasIdCondition(has_id=[*ids])]
        condition = self._layout.not_later_than(order)
        return models.Filter(must=conditions if condition is None else [*conditions, condition])

    async def _prepare(self) -> None:
        if not await self._client.collection_exists(self._name):
            await self._create()
        info = await self._client.get_collection(self._name)
        vectors = info.config.params.vectors
        stored = vectors.size if isinstance(vectors, models.VectorParams) else None
        if stored != self._dimension:
            raise EncoderMismatchError(
                f"Qdrant collection {self._name!r} at {self._url} holds vectors of dimension {stored} and the encoder "
                f"makes {self._dimension}: open it with the encoder it was made with, or name another collection."
            )
        for field, index in (
            (COLLECTION, models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)),
            (MICRO_ID, models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=False)),
            (ADDED_AT, models.FloatIndexParams(type=models.FloatIndexType.FLOAT)),
        ):
            if field not in info.payload_schema:  # also after a crash between the making of two of them
                await self._client.create_payload_index(self._name, field, field_schema=index, wait=True)

    async def _create(self) -> None:
        try:
            await self._client.create_collection(
                self._name,
                vectors_config=models.VectorParams(size=self._dimension, distance=models.Distance.COSINE),
                # one graph per tenant and none over all: no search ever crosses tenants
                hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                **self._layout.created_with(),
            )
            if self._layout.own_shards:
                await self._client.create_shard_key(self._name, TOGETHER, shards_number=self._layout.shards or None)
        except Exception:
            if not await self._client.collection_exists(self._name):  # else another process was faster
                raise

    def _ask(self, call: Callable[..., Awaitable[_T]], *arguments: Any, **options: Any) -> _T:
        async def run() -> _T:
            return await call(*arguments, **options)

        try:
            return self._portal.call(run)
        except CategoriserError:
            raise
        except Exception as error:  # REST, gRPC and transport each have their own
            raise CategoriserError(
                f"Qdrant collection {self._name!r} at {self._url} failed: {error} "
                "(is the server up, the URL right and the key valid? a closed store must be opened again)"
            ) from error


@asynccontextmanager
async def _closing(make_client: Callable[[], AsyncQdrantClient]) -> AsyncIterator[AsyncQdrantClient]:
    client = make_client()
    try:
        yield client
    finally:
        await client.close()


def _hit(collection: str, point: models.ScoredPoint) -> Hit:
    image_id: str = owned(collection, point.payload)[IMAGE_ID]
    return Hit(image_id, min(1.0, max(-1.0, point.score)))


def _slices(length: int) -> Iterator[slice]:
    return (slice(start, start + _SLICE) for start in range(0, length, _SLICE))
