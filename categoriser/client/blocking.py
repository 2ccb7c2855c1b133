"""The client for programs that wait for each answer; may be used from several threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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
from categoriser.client.place import Blocking
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


class Client(ServiceCalls, Blocking):
    """A service. Use it as a context manager, or close it.

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
        self._http = httpx.Client(**options(url, key, timeout))
        self._attempts = attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def do(self, call: Call[T]) -> T:
        retrying = tenacity.Retrying(**policy(call, self._attempts))
        try:
            answer = retrying(self._http.request, call.method, call.path, **call.arguments())
        except httpx.TransportError as error:
            raise unreachable(error, self._http.base_url) from error
        return call.read(checked(answer, call.also))

    def each(self, listed: Pages[T]) -> Iterator[T]:
        cursor: Any = None
        while True:
            items, cursor = self.do(listed.at(cursor))
            yield from items
            if cursor is None:
                return

    def save(self, call: Call[bytes], target: Path) -> Path:
        """Write an answer to a file; when the connection breaks it goes on where it broke."""
        download = Download()

        def attempt() -> httpx.Response:
            asked = call.arguments()
            asked["headers"] |= download.headers()
            with self._http.stream(call.method, call.path, **asked) as answer:
                if not answer.is_success:
                    answer.read()
                    return answer
                with target.open("r+b" if download.begins(answer) else "wb") as file:
                    file.seek(download.at)
                    for chunk in answer.iter_bytes():
                        download.at += file.write(chunk)
                return answer

        try:
            checked(tenacity.Retrying(**policy(call, self._attempts))(attempt))
        except httpx.TransportError as error:
            raise unreachable(error, self._http.base_url) from error
        return target

    def follow(self, following: Following) -> Iterator[EventInfo]:
        """Events as they happen, for ever; a stream that breaks is opened again where it broke."""
        while True:
            try:
                with self._http.stream("GET", following.path, params=following.query()) as answer:
                    if not answer.is_success:
                        answer.read()
                        checked(answer)
                    for line in answer.iter_lines():
                        event = following.feed(line)
                        if event is not None:
                            yield event
            except httpx.TransportError:
                time.sleep(_PAUSE)

    def collection(self, name: str) -> RemoteCollection:
        """One collection; nothing is asked yet, and the first upload makes it if need be."""
        return RemoteCollection(self, name)


class RemoteCollection(CollectionCalls, Blocking):
    """One collection of a service, or one of its views."""

    def __init__(self, client: Client, name: str, view: str | None = None) -> None:
        super().__init__(name, view)
        self.client = client
        self.name = name if view is None else f"{name}//{view}"

    def __repr__(self) -> str:
        return f"RemoteCollection({self.name!r})"

    def do(self, call: Call[T]) -> T:
        return self.client.do(call)

    def each(self, listed: Pages[T]) -> Iterator[T]:
        return self.client.each(listed)

    def view(self, name: str) -> RemoteCollection:
        """One of its views; nothing is asked yet."""
        return RemoteCollection(self.client, str(self._owner()._name), name)

    def add(
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
        return Added(self._send_all(to_add(self, items_of(source, **table)), progress))

    def export_to(self, target: str | Path, style: str | None = None, **chosen: Any) -> Path:
        """Write an export to a file; when the connection breaks it goes on where it broke.

        Args:
            target: the file.
            style: see ``export``; by default from the ending of ``target``.
            chosen: see ``export``.
        """
        path = Path(target)
        wanted: Any = style or path.suffix.removeprefix(".")
        return self.client.save(Exporting.export.describe(self, wanted, **chosen), path)

    def follow(self, *, after: int | None = None, types: Iterable[str] = ()) -> Iterator[EventInfo]:
        """Events as they happen, for ever: those after a cursor, or without one only what is new."""
        return self.client.follow(Following(self._path("events", "live"), self._view, tuple(types), after))

    def leave(
        self,
        source: Source | Iterable[Source],
        *,
        progress: Callable[[int, int | None], None] | None = None,
        **table: Any,
    ) -> Left:
        """Hand in what ``add`` takes and wait for nothing but that it cannot be lost any more."""
        return Left(self._send_all(to_leave(self, items_of(source, **table)), progress))

    def wait(self, upload_id: str, *, timeout: float = PATIENCE, pause: float = 0.5) -> UploadInfo:
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
            state = self.upload_state(upload_id)
            if state.status == "done":
                return state
            if time.monotonic() + pause > end:
                raise overdue(upload_id, state.waiting, timeout)
            time.sleep(pause)

    def _send_all(self, waiting: Iterable[Batch[T]], progress: Callable[[int, int | None], None] | None) -> list[T]:
        under_way: dict[Future[list[T]], int] = {}
        found: dict[int, list[T]] = {}
        with ThreadPoolExecutor(REQUESTS) as pool:
            for number, batch in enumerate(waiting):
                under_way[pool.submit(self._send_batch, batch)] = number
                while len(under_way) > REQUESTS:  # files are read no sooner than they can be sent
                    _settle(under_way, found, progress)
            while under_way:
                _settle(under_way, found, progress)
        return [one for number in sorted(found) for one in found[number]]

    def _send_batch(self, batch: Batch[T]) -> list[T]:
        if batch.call is None:
            return batch.unread()
        try:
            return self.do(batch.call)
        except RejectedError as error:
            return batch.failed(error)


def _settle(
    under_way: dict[Future[list[T]], int],
    found: dict[int, list[T]],
    progress: Callable[[int, int | None], None] | None,
) -> None:
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        found[under_way.pop(future)] = future.result()
    if progress is not None:
        progress(sum(len(some) for some in found.values()), None)
