"""The client for programs with ``async``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import tenacity

from categoriser.api.models.log import EventInfo
from categoriser.api.models.uploads import UploadInfo
from categoriser.client.areas import CollectionCalls, ServiceCalls
from categoriser.client.areas.exporting import Exporting
from categoriser.client.connecting import ATTEMPTS, PATIENCE, options
from categoriser.client.description import Call, Pages
from categoriser.client.downloading import Download
from categoriser.client.failures import checked, unreachable
from categoriser.client.place import Asynchronous
from categoriser.client.repeating import policy
from categoriser.client.sending import (
    REQUESTS,
    Added,
    Batch,
    Left,
    Source,
    items_of,
    overdue,
    to_add,
    to_leave,
)
from categoriser.client.streaming import Following
from categoriser.errors import RejectedError

T = TypeVar("T")
_PAUSE = 2.0  # seconds before a stream that broke is opened again


class AsyncClient(ServiceCalls, Asynchronous):
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
        super().__init__()
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
        retrying = tenacity.AsyncRetrying(**policy(call, self._attempts))
        try:
            answer: httpx.Response = await retrying(self._http.request, call.method, call.path, **call.arguments())
        except httpx.TransportError as error:
            raise unreachable(error, self._http.base_url) from error
        return call.read(checked(answer, call.also))

    async def each(self, listed: Pages[T]) -> AsyncIterator[T]:
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

    def collection(self, name: str) -> AsyncCollection:
        """One collection; nothing is asked yet, and the first upload makes it if need be."""
        return AsyncCollection(self, name)


class AsyncCollection(CollectionCalls, Asynchronous):
    """One collection of a service, or one of its views."""

    def __init__(self, client: AsyncClient, name: str, view: str | None = None) -> None:
        super().__init__(name, view)
        self.client = client
        self.name = name if view is None else f"{name}//{view}"

    def __repr__(self) -> str:
        return f"AsyncCollection({self.name!r})"

    async def do(self, call: Call[T]) -> T:
        return await self.client.do(call)

    def each(self, listed: Pages[T]) -> AsyncIterator[T]:
        return self.client.each(listed)

    def view(self, name: str) -> AsyncCollection:
        """One of its views; nothing is asked yet."""
        return AsyncCollection(self.client, str(self._owner()._name), name)

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
        return Added(await self._send_all(lambda: to_add(self, items_of(source, **table)), progress))

    async def leave(
        self,
        source: Source | Iterable[Source],
        *,
        progress: Callable[[int, int | None], None] | None = None,
        **table: Any,
    ) -> Left:
        """Hand in what ``add`` takes and wait for nothing but that it cannot be lost any more."""
        return Left(await self._send_all(lambda: to_leave(self, items_of(source, **table)), progress))

    async def wait(self, upload_id: str, *, timeout: float = PATIENCE, pause: float = 0.5) -> UploadInfo:
        """Ask until every picture of an upload is filed, refused or deleted.

        Args:
            upload_id: as ``hand_in`` and ``leave`` say.
            timeout: seconds.
            pause: seconds between two questions.

        Raises:
            ServiceError: it took longer.
        """
        end = time.monotonic() + timeout
        while True:
            state = await self.upload_state(upload_id)
            if state.status == "done":
                return state
            if time.monotonic() + pause > end:
                raise overdue(upload_id, state.waiting, timeout)
            await asyncio.sleep(pause)

    async def export_to(self, target: str | Path, style: str | None = None, **chosen: Any) -> Path:
        """Write an export to a file; when the connection breaks it goes on where it broke.

        Args:
            target: the file.
            style: see ``export``; by default from the ending of ``target``.
            chosen: see ``export``.
        """
        path = Path(target)
        wanted: Any = style or path.suffix.removeprefix(".")
        return await self.client.save(Exporting.export.describe(self, wanted, **chosen), path)

    def follow(self, *, after: int | None = None, types: Iterable[str] = ()) -> AsyncIterator[EventInfo]:
        """Events as they happen, for ever: those after a cursor, or without one only what is new."""
        return self.client.follow(Following(self._path("events", "live"), self._view, tuple(types), after))

    async def _send_all(
        self, begin: Callable[[], Iterable[Batch[T]]], progress: Callable[[int, int | None], None] | None
    ) -> list[T]:
        found: dict[int, list[T]] = {}
        room = asyncio.Semaphore(REQUESTS)

        async def send(number: int, batch: Batch[T]) -> None:
            try:
                found[number] = await self._send_batch(batch)
            finally:
                room.release()
            if progress is not None:
                progress(sum(len(some) for some in found.values()), None)

        waiting = await asyncio.to_thread(lambda: iter(begin()))
        async with asyncio.TaskGroup() as group:
            number = 0
            while (batch := await asyncio.to_thread(next, waiting, None)) is not None:
                await room.acquire()  # files are read no sooner than they can be sent
                group.create_task(send(number, batch))
                number += 1
        return [one for key in sorted(found) for one in found[key]]

    async def _send_batch(self, batch: Batch[T]) -> list[T]:
        if batch.call is None:
            return batch.unread()
        try:
            return await self.do(batch.call)
        except RejectedError as error:
            return batch.failed(error)
