"""Streams files into the upload hook, several requests at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from categoriser.api.models.base import ErrorDetail
from categoriser.api.models.uploads import UploadResult
from categoriser.client import RemoteCollection
from categoriser.domain import Refused
from categoriser.errors import RejectedError
from categoriser.intake import Item, read

_REQUESTS: Final = 4  # at a time
_FILES: Final = 8  # per request; measured with the classic encoder on two cores, more of either is no faster
_BYTES: Final = 32 * 1024 * 1024  # per request, unless one file alone has more


@dataclass(slots=True)
class Streamed:
    """What became of the files."""

    accepted: dict[str, str] = field(default_factory=dict)  # image id → relative name of the file it came with first
    again: int = 0  # files with the same content as another one
    refused: list[Refused] = field(default_factory=list)
    seconds: float = 0.0


def stream(
    collection: RemoteCollection, root: Path, names: Sequence[str], progress: Callable[[int, int | None], None]
) -> Streamed:
    """Upload ``root/name`` for every name, in about that order."""
    streamed, guard, started = Streamed(), threading.Lock(), time.perf_counter()

    def send(batch: list[tuple[str, bytes]]) -> None:
        results = _sent(collection, batch)
        with guard:
            for (name, _), result in zip(batch, results, strict=True):
                if result.image is None:
                    streamed.refused.append(Refused(name, "" if result.error is None else result.error.message))
                elif result.image.image_id in streamed.accepted:
                    streamed.again += 1
                else:
                    streamed.accepted[result.image.image_id] = name
            _report(streamed, len(names), progress)

    in_flight = threading.BoundedSemaphore(_REQUESTS)
    with ThreadPoolExecutor(_REQUESTS) as pool:
        futures = []
        for batch in _batches(root, names, streamed, guard):
            in_flight.acquire()  # files are read no sooner than they can be sent
            futures.append(pool.submit(send, batch))
            futures[-1].add_done_callback(lambda _: in_flight.release())
        for future in futures:
            future.result()
    _report(streamed, len(names), progress)
    streamed.seconds = time.perf_counter() - started
    return streamed


def _sent(collection: RemoteCollection, batch: list[tuple[str, bytes]]) -> list[UploadResult]:
    try:
        return collection.upload(batch).results
    except RejectedError as error:  # larger than the service takes
        refusal = ErrorDetail(code="rejected", message=str(error))
        return [UploadResult(name=name, status="refused", error=refusal) for name, _ in batch]


def _batches(
    root: Path, names: Sequence[str], streamed: Streamed, guard: threading.Lock
) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    size = 0
    for name in names:
        try:
            data = read(Item(name, path=root / name))
        except RejectedError as error:
            with guard:
                streamed.refused.append(Refused(name, str(error)))
            continue
        if batch and (len(batch) == _FILES or size + len(data) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append((name, data))
        size += len(data)
    if batch:
        yield batch


def _report(streamed: Streamed, total: int, progress: Callable[[int, int | None], None]) -> None:
    progress(len(streamed.accepted) + streamed.again + len(streamed.refused), total)
