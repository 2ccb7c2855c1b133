"""Pictures that nobody files: accepted without anybody waiting for them, or by a process that is dead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from categoriser.catalog import claims, collections, inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed
from categoriser.encoders import takes_ready_vectors
from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError, RejectedError
from categoriser.intake import Item

if TYPE_CHECKING:
    from categoriser.library.library import Library

_BATCH = 64  # entries claimed at a time
_log = logging.getLogger(__name__)


def leave(library: Library, row: CollectionRow, item: Item) -> Filed | str:
    """Accept a picture that nobody waits for: durable on return, and filed by a worker.

    Without a queue the next look of any process finds it. Returns its id, or the answer if it is known.

    Raises:
        ConfigurationError: the library is not shared, or the collection takes ready vectors.
        RejectedError: it cannot be read.
        NotFoundError: the collection was deleted.
    """
    if library.storage.presence is None:
        raise ConfigurationError("Nobody else would file it: only a shared library has workers.")
    left = library.pipeline.leave(row, item)
    if library.queue is not None and isinstance(left, str):
        library.queue.tell("file", row.key)
    return left


def take_over(library: Library) -> int:
    """See to all pictures that nobody files: leave them to the queue where there is one, else file them here.

    Returns the number of pictures that are being filed here.
    """
    with library.storage.database.write() as connection:
        given_up = claims.give_up(connection)
    if given_up:
        _log.error("%d pictures were given up: every process that filed them died over it", given_up)
    count = after = 0
    while True:
        with library.storage.database.read() as connection:
            numbers = claims.abandoned_collections(connection, after=after)
            rows = [row for number in numbers if (row := collections.get(connection, number)) is not None]
        if not numbers:
            return count
        for row in rows:
            if library.queue is None:
                count += _submit_all(library, row)
            else:
                library.queue.tell("file", row.key)
        after = numbers[-1]


def file_waiting(library: Library, collection_key: str) -> int:
    """File what waits in a collection and nobody files; returns how many pictures came to an end.

    Raises:
        CategoriserError: some could not be filed now; they are anybody's again.
    """
    with library.storage.database.read() as connection:
        row = collections.by_key(connection, collection_key)
    if row is None:
        return 0
    count, problem = 0, None
    while problem is None and (taken := _submit(library, row)):
        for number, future in taken.items():
            error = future.exception()
            if not _passes(error):
                count += 1
            else:
                problem = problem or error
                _give_back(library, number, error)
    library.pipeline.settle(row)  # also of the run that they may have made due
    if problem is not None:
        raise problem
    return count


@contextmanager
def watching(library: Library) -> Iterator[None]:
    """Look now and then for pictures that nobody files any more, until the end of the block."""
    if library.storage.presence is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        while not over.wait(library.settings.shared.lease_seconds / 2):
            try:
                take_over(library)
            except Exception:  # a database that is away comes back
                _log.exception("pictures that nobody files could not be looked for; trying again")

    thread = threading.Thread(target=look, name="takeover", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _submit_all(library: Library, row: CollectionRow) -> int:
    count = 0
    while taken := _submit(library, row):
        count += len(taken)
        for number, future in taken.items():
            future.add_done_callback(partial(_give_back_later, library, number))
        if any(future.done() and _passes(future.exception()) for future in taken.values()):
            break  # the next look tries again
    return count


def _submit(library: Library, row: CollectionRow) -> dict[int, Future[Filed]]:
    """Claim some entries of a collection and put them on their way; number of the entry → what becomes of it."""
    presence, database = library.storage.presence, library.storage.database
    if presence is None:
        return {}
    problem = library.obstacle(row)
    if problem is not None and not takes_ready_vectors(row.encoder_id):
        raise CategoriserError(f"Pictures of collection {row.name!r} cannot be filed here: {problem}")
    with database.write() as connection:
        entries = claims.claim(connection, presence.name, row.id, limit=_BATCH)
        if problem is not None:  # for good
            for entry in entries:
                inbox.fail(connection, entry["id"], problem)
    if problem is not None:
        return {}
    submit = library.pipeline.submit
    return {one["id"]: submit(row, library.accepted_item(row, one), inbox_id=one["id"]) for one in entries}


def _passes(error: BaseException | None) -> bool:
    """Whether another attempt may succeed where this one did not."""
    return error is not None and not isinstance(error, RejectedError | NotFoundError)


def _give_back_later(library: Library, number: int, future: Future[Filed]) -> None:
    error = future.exception()
    if _passes(error):
        _give_back(library, number, error)


def _give_back(library: Library, number: int, error: BaseException | None) -> None:
    _log.warning("a picture accepted earlier could not be filed now: %s", error)
    presence = library.storage.presence
    try:
        if presence is not None:
            with library.storage.database.write() as connection:
                claims.release(connection, presence.name, [number])
    except Exception:  # it is ours until we end
        _log.exception("a picture could not be given back to the inbox")
