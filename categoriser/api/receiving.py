"""Takes the pictures of a request through the pipeline without blocking the event loop or filling the memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from categoriser.api.limits import ByteBudget
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed
from categoriser.errors import BusyError, CategoriserError, StoppingError
from categoriser.intake import Item
from categoriser.library import Collection, Library

_IN_MEMORY: Final = 256 * 1024 * 1024
_BUSY_PAUSE: Final = 0.02  # seconds

Outcome = Filed | CategoriserError


@dataclass(frozen=True, slots=True)
class Sent:
    """One picture of a request: what to file, or why it cannot be."""

    name: str
    item: Item | CategoriserError
    size: int = 0  # bytes in memory


class Receiver:
    """Files pictures that came over HTTP. Belongs to one event loop."""

    def __init__(self, library: Library) -> None:
        self._pipeline = library.pipeline
        self.budget = ByteBudget(max(_IN_MEMORY, library.settings.max_bytes))

    async def file(self, collection: Collection, pictures: AsyncIterator[Sent]) -> list[tuple[str, Outcome]]:
        """File pictures in their order and wait for all; returns the name and the outcome of each.

        Raises:
            BusyError: there is no room for the first; once one was taken the others wait for theirs.
        """
        row = await asyncio.to_thread(lambda: collection.row)
        waiting: list[tuple[str, Future[Filed] | CategoriserError]] = []
        async for sent in pictures:
            if isinstance(sent.item, CategoriserError):
                waiting.append((sent.name, sent.item))
                continue
            try:
                future = await self._submit(row, sent.item, patient=any(isinstance(f, Future) for _, f in waiting))
            except BaseException:
                self.budget.give(sent.size)
                raise
            self._return_when_done(future, sent.size)
            waiting.append((sent.name, future))
        return [(name, await _outcome(future)) for name, future in waiting]

    async def _submit(self, row: CollectionRow, item: Item, *, patient: bool) -> Future[Filed]:
        while True:
            try:
                return self._pipeline.submit(row, item, wait=False)
            except BusyError as error:
                if not patient or isinstance(error, StoppingError):
                    raise
            await asyncio.sleep(_BUSY_PAUSE)

    def _return_when_done(self, future: Future[Filed], size: int) -> None:
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self.budget.give, size))


async def _outcome(future: Future[Filed] | CategoriserError) -> Outcome:
    if isinstance(future, CategoriserError):
        return future
    try:
        # shielded: a request that goes away must not take the picture out of the pipeline's order
        return await asyncio.shield(asyncio.wrap_future(future))
    except CategoriserError as error:
        return error
