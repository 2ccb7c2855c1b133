"""Takes the pictures of a request through the pipeline without blocking the event loop or filling the memory."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from fastapi.concurrency import run_in_threadpool

from categoriser.api.limits import ByteBudget
from categoriser.api.upload_body import Part
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed
from categoriser.errors import BusyError, CategoriserError, RejectedError, StoppingError
from categoriser.intake import Item
from categoriser.library import Collection, Library
from categoriser.library.uploads import INLINE
from categoriser.pipeline import Promised

_BUSY_PAUSE: Final = 0.02  # seconds
_REMEMBERED: Final = 1000  # collections
_REMEMBERED_SECONDS: Final = 5.0  # another process may delete one
_QUICK: Final = 64 * 1024  # bytes of a picture that is hashed sooner than a thread takes over
_TIDY_SECONDS: Final = 600.0

Outcome = Filed | CategoriserError


@dataclass(frozen=True, slots=True)
class Target:
    """Where pictures go."""

    collection: Collection
    row: CollectionRow


class Receiver:
    """Takes in pictures that came over HTTP. Belongs to one event loop."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.budget = ByteBudget(max(library.settings.uploads.memory_bytes, library.settings.max_bytes))
        self._targets: OrderedDict[str, tuple[Target, int, float]] = OrderedDict()
        self._tidied = -_TIDY_SECONDS
        self._background: set[asyncio.Task[None]] = set()

    async def target(self, name: str) -> Target:
        """The collection of that name, made if need be; most requests are for one that was just asked for.

        Raises:
            CategoriserError: it takes no pictures, or its encoder cannot be opened.
        """
        self._tidy_sometimes()
        now = time.monotonic()
        found = self._targets.get(name)
        if found is not None and found[1] == self._library.deletions and now < found[2]:
            return found[0]
        deletions = self._library.deletions
        target = await run_in_threadpool(self._target, name)
        self._targets[name] = target, deletions, now + _REMEMBERED_SECONDS
        self._targets.move_to_end(name)
        if len(self._targets) > _REMEMBERED:
            self._targets.popitem(last=False)
        return target

    async def file(self, row: CollectionRow, parts: Sequence[Part]) -> list[tuple[str, Outcome]]:
        """File pictures in their order and wait for all; returns the name and the outcome of each.

        Raises:
            BusyError: there is no room for the first; once one was taken the others wait for theirs.
        """
        waiting: list[tuple[str, Future[Filed] | CategoriserError]] = []
        for part in parts:
            if part.refused is not None:
                waiting.append((part.name, part.refused))
                continue
            size = part.size
            await self.budget.take(size)
            try:
                item = await part.item()
                future = await self._submit(row, item, patient=any(isinstance(f, Future) for _, f in waiting))
            except BaseException:
                self.budget.give(size)
                raise
            self._return_when_done(future, size)
            waiting.append((part.name, future))
        return [(name, await _outcome(future)) for name, future in waiting]

    async def promise(self, row: CollectionRow, parts: Sequence[Part]) -> tuple[str, list[Promised]]:
        """Make pictures durable together, to be filed later; returns the id to ask about them by.

        Raises:
            BusyError: too many wait already.
        """
        feeder = self._library.pipeline.feeder
        if feeder.counts:  # rows, now and then
            await run_in_threadpool(feeder.check_room, row)
        else:
            feeder.check_room(row)
        promised: dict[int, Promised] = {}
        for place, part in enumerate(parts):  # large ones go to their files one by one
            if part.size > INLINE:
                await self.budget.take(part.size)
                try:
                    promised[place] = await self._prepare(row, part)
                finally:
                    self.budget.give(part.size)
        small = sum(part.size for part in parts if part.size <= INLINE)
        await self.budget.take(small)  # at once: who holds some and waits for more might wait for ever
        try:
            for place, part in enumerate(parts):
                if place not in promised:
                    promised[place] = await self._prepare(row, part)
            ordered = [promised[place] for place in range(len(parts))]
            promise = self._library.uploads.promise
            token, durable = await run_in_threadpool(promise, row, ordered) if feeder.counts else promise(row, ordered)
            await asyncio.shield(asyncio.wrap_future(durable))
        finally:
            self.budget.give(small)
        return token, ordered

    async def _prepare(self, row: CollectionRow, part: Part) -> Promised:
        if part.refused is not None:
            return Promised(part.name, refused=part.refused)
        item = await part.item()
        try:
            if part.size <= _QUICK and self._library.uploads.is_quick:
                return self._library.uploads.prepare(row, item)
            return await run_in_threadpool(self._library.uploads.prepare, row, item)
        except RejectedError as error:
            return Promised(part.name, refused=error)

    def _target(self, name: str) -> Target:
        collection = self._library.collection_for_pictures(name)
        return Target(collection, collection.row)

    async def _submit(self, row: CollectionRow, item: Item, *, patient: bool) -> Future[Filed]:
        while True:
            try:
                return self._library.pipeline.submit(row, item, wait=False, promised=False)
            except BusyError as error:
                if not patient or isinstance(error, StoppingError):
                    raise
            await asyncio.sleep(_BUSY_PAUSE)

    def _return_when_done(self, future: Future[Filed], size: int) -> None:
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self.budget.give, size))

    def _tidy_sometimes(self) -> None:
        if time.monotonic() - self._tidied > _TIDY_SECONDS:
            self._tidied = time.monotonic()
            task = asyncio.create_task(run_in_threadpool(self._library.uploads.tidy))
            self._background.add(task)
            task.add_done_callback(self._background.discard)


async def _outcome(future: Future[Filed] | CategoriserError) -> Outcome:
    if isinstance(future, CategoriserError):
        return future
    try:
        # shielded: a request that goes away must not take the picture out of the pipeline's order
        return await asyncio.shield(asyncio.wrap_future(future))
    except CategoriserError as error:
        return error
