"""The queue of work that need not be answered at once, on the same PostgreSQL: Procrastinate carries it to workers.

One job says "there is something to do here", not what: whoever does it looks at the inbox, or at the collection. So a
second job of one kind for one collection is not put behind one that waits, a job that is lost is made good by the next,
and one that is done twice is harmless. Jobs that write a collection are done one after the other (``lock``).
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from categoriser.errors import CategoriserError, MissingExtraError

if TYPE_CHECKING:
    from procrastinate import App

Kind = Literal["file", "run", "name"]
QUEUE: Final = "categoriser"
_PREPARING: Final = 0x63617465717565  # of an advisory lock
_log = logging.getLogger(__name__)


def task_name(kind: Kind) -> str:
    """Name of a kind of work in the queue's tables."""
    return f"categoriser.{kind}"


class WorkQueue:
    """Where services put work down; thread-safe. Nothing is connected before the first."""

    def __init__(self, url: sa.URL) -> None:
        """``url``: of the database, which must be PostgreSQL."""
        self._url = url
        self._app: App | None = None
        self._opening = threading.Lock()

    def tell(self, kind: Kind, collection_key: str, *, attempt: int = 1) -> bool:
        """Put work down for a collection, unless the same waits already; never raises.

        Args:
            kind: of work.
            collection_key: of the collection.
            attempt: which one at this work; earlier ones ended without a word.

        Returns whether somebody will see to it.
        """
        try:
            self._defer(kind, collection_key, attempt)
        except Exception:  # what is in the inbox or due is found again by whoever looks for it
            _log.exception("the queue could not be told that there is work for collection %s", collection_key)
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        with self._opening:
            if self._app is not None:
                self._app.close()
                self._app = None

    def _defer(self, kind: Kind, key: str, attempt: int) -> None:
        from procrastinate.exceptions import AlreadyEnqueued  # noqa: PLC0415

        lock = f"name:{key}" if kind == "name" else key  # a language model takes its time, and pictures do not wait
        job = self._opened().configure_task(
            task_name(kind),
            queue=QUEUE,
            lock=lock,
            queueing_lock=f"{kind}:{key}",
            task_kwargs={"key": key, "attempt": attempt},
        )
        with suppress(AlreadyEnqueued):
            job.defer()

    def _opened(self) -> App:
        with self._opening:
            if self._app is None:
                from procrastinate import App, SyncPsycopgConnector  # noqa: PLC0415

                app = App(connector=SyncPsycopgConnector(**connection_options(self._url), min_size=0, max_size=4))
                app.open()
                self._app = app
            return self._app


def connection_options(url: sa.URL) -> dict[str, Any]:
    """What the queue's driver has to know of a database."""
    known = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    return {"kwargs": {name: value for name, value in known.items() if value is not None}}


def prepare(engine: sa.Engine) -> bool:
    """Make the queue's tables where there are none; says whether they were made.

    Raises:
        MissingExtraError: procrastinate is not installed.
        CategoriserError: the database refuses.
    """
    try:
        from procrastinate import App, SyncPsycopgConnector  # noqa: PLC0415
        from procrastinate.exceptions import ProcrastinateException  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("The queue needs the package procrastinate: pip install -e '.[server]'.") from None
    try:
        with engine.begin() as connection:
            # services that start together wait for each other here
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
            if connection.execute(sa.text("SELECT to_regclass('procrastinate_jobs')")).scalar_one() is not None:
                return False
            with App(connector=SyncPsycopgConnector(**connection_options(engine.url), min_size=1)).open() as app:
                app.schema_manager.apply_schema()
            return True
    except (sa.exc.DBAPIError, ProcrastinateException) as error:
        raise CategoriserError(f"The queue's tables cannot be made: {error.__cause__ or error}.") from error
