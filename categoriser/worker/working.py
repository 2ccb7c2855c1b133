"""A worker: takes jobs from the queue, says that it lives, and makes good what others left undone.

A job that its worker died over is ended, which frees the lock of its collection, and put into the queue anew. What the
job was about is in the inbox and the collection, so nothing depends on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job, Status

from categoriser.catalog import collections
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library import Library
from categoriser.library.store_care import promote_if_large
from categoriser.library.takeover import file_waiting, watching
from categoriser.pipeline import run_if_due
from categoriser.state.queue import QUEUE, Kind, connection_options, prepare, task_name

_ATTEMPTS: Final = 3  # at a run or at names, when each worker that tries ends without a word
_KINDS: Final[tuple[Kind, ...]] = ("file", "run", "name")
_log = logging.getLogger(__name__)


def work(library: Library, ready: Callable[[], None], *, until_empty: bool = False) -> None:
    """Do jobs until SIGINT or SIGTERM, then finish those under way.

    Args:
        library: opened with settings that share it.
        ready: called when jobs can be taken.
        until_empty: end as soon as the queue is empty.

    Raises:
        ConfigurationError: the library is not shared, or has no queue.
        CategoriserError: the queue's tables cannot be made.
    """
    if library.queue is None:
        raise ConfigurationError(
            "There is no queue to work on: set database to a PostgreSQL URL, store.url to a Qdrant server, and leave "
            "shared.queue true."
        )
    engine = library.storage.database.engine
    prepare(engine)
    workers = library.settings.shared.workers
    app = App(connector=PsycopgConnector(**connection_options(engine.url), min_size=1, max_size=workers + 4))
    for kind, job in (("file", _file), ("run", _run), ("name", _name)):
        app.task(name=f"categoriser.{kind}", queue=QUEUE)(_task(library, job))
    with watching(library):
        asyncio.run(_work(library, app, ready, wait=not until_empty))


async def _work(library: Library, app: App, ready: Callable[[], None], *, wait: bool) -> None:
    lease = library.settings.shared.lease_seconds
    async with app.open_async():
        await _recover(library, app)
        recovering = asyncio.create_task(_keep_recovering(library, app))
        ready()
        try:
            while True:
                await app.run_worker_async(
                    queues=[QUEUE],
                    name=str(library.storage.presence and library.storage.presence.name),
                    concurrency=library.settings.shared.workers,
                    wait=wait,
                    delete_jobs="successful",
                    update_heartbeat_interval=lease / 3,
                    stalled_worker_timeout=lease,
                )
                # jobs may have waited for those that were under way
                if wait or not list(await app.job_manager.list_jobs_async(queue=QUEUE, status="todo")):
                    return
        finally:
            recovering.cancel()


def _task(library: Library, job: Callable[[Library, str], None]) -> Callable[..., Awaitable[None]]:
    async def task(key: str, attempt: int = 1) -> None:
        await asyncio.to_thread(job, library, key)

    return task


def _file(library: Library, key: str) -> None:
    file_waiting(library, key)


def _run(library: Library, key: str) -> None:
    number = _number(library, key)
    if number is not None:
        with suppress(NotFoundError):  # deleted meanwhile
            run_if_due(library.storage, number)
            promote_if_large(library, number)


def _name(library: Library, key: str) -> None:
    number = _number(library, key)
    if number is not None:
        library.namers.after_run(number)


def _number(library: Library, key: str) -> int | None:
    with library.storage.database.read() as connection:
        row = collections.by_key(connection, key)
    return None if row is None else row.id


async def _keep_recovering(library: Library, app: App) -> None:
    while True:
        await asyncio.sleep(library.settings.shared.lease_seconds / 2)
        try:
            await _recover(library, app)
        except Exception:  # a database that is away comes back
            _log.exception("jobs that were left undone could not be looked for; trying again")


async def _recover(library: Library, app: App) -> None:
    """End jobs whose workers are silent, and put their work into the queue anew."""
    lease = library.settings.shared.lease_seconds
    for job in await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=lease):
        if job.id is not None:
            _log.warning("job %d (%s) was left by a worker that is gone; it is done again", job.id, job.task_name)
            await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
            await asyncio.to_thread(_again, library, job)


def _again(library: Library, job: Job) -> None:
    attempt = int(str(job.task_kwargs.get("attempt", 1)))
    kind = next((kind for kind in _KINDS if task_name(kind) == job.task_name), None)
    # pictures are tried as often as it says there; see catalog/claims.py
    if library.queue is not None and kind is not None and (kind == "file" or attempt < _ATTEMPTS):
        library.queue.tell(kind, str(job.task_kwargs["key"]), attempt=attempt + 1)
