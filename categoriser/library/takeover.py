"""Pictures that nobody files: accepted without anybody waiting for them, or by a process that is dead."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

from categoriser.catalog import claims, collections, inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.encoders import takes_ready_vectors

if TYPE_CHECKING:
    from categoriser.library.library import Library

_BATCH = 64  # entries claimed at a time
_log = logging.getLogger(__name__)


def take_up(library: Library) -> int:
    """Go on with what an earlier process of this machine accepted; returns the number of pictures.

    What can never be filed is listed as failed; what cannot be filed now is tried later.
    """
    count, last = 0, 0
    problems: dict[str, str | None] = {}  # of a collection as a whole
    stuck: Counter[str] = Counter()
    while True:
        with library.storage.database.read() as connection:
            entries = inbox.pending(connection, after=last)
        if not entries:
            break
        for entry in entries:
            last, name = entry["id"], entry["collection"]
            collection = library.find(name)
            if collection is None:
                continue
            if name not in problems:
                problems[name] = library.encoders.obstacle(collection)
            if problems[name] is None:
                library.pipeline.tell(collection, [last])
                count += 1
                continue
            stuck[name] += 1
            if takes_ready_vectors(collection.encoder_id):  # for good: listed with what failed, waiting no longer
                with library.storage.database.write() as connection:
                    inbox.fail(connection, last, str(problems[name]))
            else:
                library.pipeline.feeder.tell_later(collection, [last])
    for name, number in stuck.items():
        _log.warning("%d pictures accepted earlier cannot be filed: %s", number, problems[name])
    return count


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
            if library.queue is not None:
                library.queue.tell("file", row.key)
                continue
            while taken := _claim(library, row):
                library.pipeline.tell(row, taken)
                count += len(taken)
        after = numbers[-1]


def file_waiting(library: Library, collection_key: str) -> int:
    """File what waits in a collection and nobody files; returns how many pictures were tried.

    Those that fail for now stay this process's, which tries again as the settings of uploads say.
    """
    with library.storage.database.read() as connection:
        row = collections.by_key(connection, collection_key)
    count = 0
    while row is not None and (taken := _claim(library, row)):
        wait([library.pipeline.submit(row, None, inbox_id=number) for number in taken])
        count += len(taken)
    if row is not None:
        library.settle(row)  # also the run that they may have made due
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


def _claim(library: Library, row: CollectionRow) -> list[int]:
    """Take over some entries of a collection; none that cannot be filed here now."""
    presence = library.storage.presence
    if presence is None:
        return []
    problem = library.encoders.obstacle(row)
    for_good = problem is not None and takes_ready_vectors(row.encoder_id)
    if problem is not None and not for_good:
        _log.warning("pictures of collection %s cannot be filed here: %s", row.key, problem)
        return []
    with library.storage.database.write() as connection:
        taken = claims.claim(connection, presence.name, row.id, limit=_BATCH)
        if for_good:
            for number in taken:
                inbox.fail(connection, number, str(problem), "configuration")
    return [] if for_good else taken
