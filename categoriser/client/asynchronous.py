"""The client for programs with ``async``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx
import tenacity

from categoriser.api.models.collections import CollectionInfo
from categoriser.api.models.log import EventInfo
from categoriser.api.models.status import Health
from categoriser.api.models.uploads import UploadResult
from categoriser.client import calls
from categoriser.client.connecting import ATTEMPTS, PATIENCE, options
from categoriser.client.description import Call, Pages
from categoriser.client.downloading import Download
from categoriser.client.failures import checked, unreachable
from categoriser.client.repeating import policy
from categoriser.client.sending import REQUESTS, Added, Batch, Source, batches, items_of
from categoriser.client.streaming import Following
from categoriser.errors import RejectedError

P = ParamSpec("P")
T = TypeVar("T")
_PAUSE = 2.0  # seconds before a stream that broke is opened again


class AsyncClient:
    """A service. Use it as an asynchronous context manager, or close it. For one event loop.

    Args:
        url: its address, such as http://127.0.0.1:8642.
        key: sent as a bearer token.
        timeout: seconds until an answer must have begun; a slow encoder may need minutes for one request.
        attempts: at a call, where repeating it is safe and the service is busy or away.
    """

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = PATIENCE, attempts: int = ATTEMPTS
    ) -> None:
        self._http = httpx.AsyncClient(**options(url, key, timeout))
        self._attempts = attempts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def do(self, call: Call[T]) -> T:
        """Make a call.

        Raises:
            CategoriserError: of the class that the service raised; ServiceError when there was no answer.
        """
        retrying = tenacity.AsyncRetrying(**policy(call, self._attempts))
        try:
            return call.read(checked(await retrying(self._http.request, call.method, call.path, **call.arguments())))
        except httpx.TransportError as error:
            raise unreachable(error, self._http.base_url) from error

    async def each(self, listed: Pages[T]) -> AsyncIterator[T]:
        """All entries of a list, page by page."""
        cursor: Any = None
        while True:
            items, cursor = await self.do(listed.at(cursor))
            for item in items:
                yield item
            if cursor is None:
                return

    async def save(self, call: Call[bytes], target: Path) -> Path:
        """Write an answer to a file; when the connection breaks it goes on where it broke."""
        download = Download()

        async def attempt() -> httpx.Response:
            asked = call.arguments()
            asked["headers"] |= download.headers()
            async with self._http.stream(call.method, call.path, **asked) as answer:
                if not answer.is_success:
                    await answer.aread()
                    return answer
                with await asyncio.to_thread(target.open, "r+b" if download.begins(answer) else "wb") as file:
                    file.seek(download.at)
                    async for chunk in answer.aiter_bytes():
                        download.at += await asyncio.to_thread(file.write, chunk)
                return answer

        try:
            checked(await tenacity.AsyncRetrying(**policy(call, self._attempts))(attempt))
        except httpx.TransportError as error:
            raise unreachable(error, self._http.base_url) from error
        return target

    async def follow(self, following: Following) -> AsyncIterator[EventInfo]:
        """Events as they happen, for ever; a stream that breaks is opened again where it broke."""
        while True:
            try:
                async with self._http.stream("GET", following.path, params=following.query()) as answer:
                    if not answer.is_success:
                        await answer.aread()
                        checked(answer)
                    async for line in answer.aiter_lines():
                        event = following.feed(line)
                        if event is not None:
                            yield event
            except httpx.TransportError:
                await asyncio.sleep(_PAUSE)

    async def health(self) -> Health:
        """Whether the service answers."""
        return await self.do(calls.health())

    def collections(self) -> AsyncIterator[CollectionInfo]:
        """All collections, by name."""
        return self.each(calls.collections())

    def collection(self, name: str) -> AsyncCollection:
        """One collection; nothing is asked yet, and the first upload makes it if need be."""
        return AsyncCollection(self, name)


def _ask(
    describe: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[AsyncCollection, P], Coroutine[Any, Any, T]]:
    @wraps(describe)
    async def ask(self: AsyncCollection, /, *args: P.args, **given: P.kwargs) -> T:
        return await self.client.do(describe(self.name, *args, **given))

    return ask


def _each(
    describe: Callable[Concatenate[str, P], Pages[T]],
) -> Callable[Concatenate[AsyncCollection, P], AsyncIterator[T]]:
    @wraps(describe)
    def each(self: AsyncCollection, /, *args: P.args, **given: P.kwargs) -> AsyncIterator[T]:
        return self.client.each(describe(self.name, *args, **given))

    return each


class AsyncCollection:
    """One collection of a service."""

    def __init__(self, client: AsyncClient, name: str) -> None:
        self.client = client
        self.name = name

    def __repr__(self) -> str:
        return f"AsyncCollection({self.name!r})"

    async def add(
        self,
        source: Source | Iterable[Source],
        *,
        progress: Callable[[int, int | None], None] | None = None,
        **table: Any,
    ) -> Added:
        """Add a file, a folder, a table, a URL, bytes, or several of these, some requests at a time.

        Args:
            source: what to add; URLs are fetched by the service.
            progress: called with the number done and None.
            table: ``recursive`` for folders; ``image_column``, ``id_column``, ``start``, ``end``, ``limit`` for tables.
        """
        added, found = Added(), dict[int, list[UploadResult]]()
        room = asyncio.Semaphore(REQUESTS)

        async def send(number: int, batch: Batch) -> None:
            try:
                found[number] = await self._send(batch)
            finally:
                room.release()
            if progress is not None:
                progress(sum(len(some) for some in found.values()), None)

        waiting = iter(await asyncio.to_thread(lambda: batches(self.name, items_of(source, **table))))
        async with asyncio.TaskGroup() as group:
            number = 0
            while (batch := await asyncio.to_thread(next, waiting, None)) is not None:
                await room.acquire()  # files are read no sooner than they can be sent
                group.create_task(send(number, batch))
                number += 1
        added.results = [one for key in sorted(found) for one in found[key]]
        return added

    async def export_to(self, target: str | Path, style: str | None = None, **chosen: Any) -> Path:
        """Write an export to a file; when the connection breaks it goes on where it broke.

        Args:
            target: the file.
            style: see ``export``; by default from the ending of ``target``.
            chosen: see ``export``.
        """
        path = Path(target)
        wanted: Any = style or path.suffix.removeprefix(".")
        return await self.client.save(calls.export(self.name, wanted, **chosen), path)

    def follow(self, *, after: int | None = None, types: Iterable[str] = ()) -> AsyncIterator[EventInfo]:
        """Events as they happen, for ever: those after a cursor, or without one only what is new."""
        return self.client.follow(Following(self.name, tuple(types), after))

    async def _send(self, batch: Batch) -> list[UploadResult]:
        if batch.call is None:
            return batch.unread()
        try:
            return (await self.client.do(batch.call)).results
        except RejectedError as error:
            return batch.failed(error)

    info = _ask(calls.info)
    delete_collection = _ask(calls.delete_collection)
    upload = _ask(calls.upload)
    upload_urls = _ask(calls.upload_urls)
    images = _each(calls.images)
    image_page = _ask(calls.image_page)
    image = _ask(calls.image)
    why = _ask(calls.why)
    thumbnail = _ask(calls.thumbnail)
    original = _ask(calls.original)
    delete = _ask(calls.delete)
    categories = _each(calls.categories)
    category_page = _ask(calls.category_page)
    category = _ask(calls.category)
    groups = _ask(calls.groups)
    rename = _ask(calls.rename)
    move = _ask(calls.move)
    merge = _ask(calls.merge)
    search = _ask(calls.search)
    search_page = _ask(calls.search_page)
    run = _ask(calls.run)
    plan = _ask(calls.plan)
    versions = _each(calls.versions)
    undo = _ask(calls.undo)
    name_categories = _ask(calls.name_categories)
    why_name = _ask(calls.why_name)
    events = _each(calls.events)
    event_page = _ask(calls.event_page)
    failed = _each(calls.failed)
    failed_page = _ask(calls.failed_page)
    webhooks = _each(calls.webhooks)
    add_webhook = _ask(calls.add_webhook)
    change_webhook = _ask(calls.change_webhook)
    remove_webhook = _ask(calls.remove_webhook)
    rotate_webhook = _ask(calls.rotate_webhook)
    replay_webhook = _ask(calls.replay_webhook)
    ping_webhook = _ask(calls.ping_webhook)
    deliveries = _each(calls.deliveries)
    delivery_page = _ask(calls.delivery_page)
    export = _ask(calls.export)
