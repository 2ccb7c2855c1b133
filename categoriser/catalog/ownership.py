"""A database that is not in a library's folder belongs to one library at a time, wherever that runs.

Two would undo each other's work: each keeps engine states in memory, and what a vector store still has to be told
stands in the database without saying which store. Both locks end with the process that holds them, however it ends.
Libraries that are set up to share a database and a vector store keep others out together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from categoriser.errors import LibraryInUseError

_KEY = 0x63617465676F72  # of the advisory lock; the server keeps these apart by database
_PATIENCE = 5.0  # seconds: a server needs a moment to see that a killed owner is gone


def share(engine: sa.Engine) -> Callable[[], None]:
    """Become one of several that use a database, none of which owns it; call what is returned to let go of it.

    Raises:
        LibraryInUseError: a library has it open for itself alone.
    """
    return _hold_server(engine, sa.func.pg_try_advisory_lock_shared(_KEY), sa.func.pg_advisory_unlock_shared(_KEY))


def own(engine: sa.Engine) -> Callable[[], None]:
    """Become the owner of a database; call what is returned to let go of it.

    Raises:
        LibraryInUseError: another library has it open.
    """
    if engine.dialect.name == "postgresql":
        return _hold_server(engine, sa.func.pg_try_advisory_lock(_KEY), sa.func.pg_advisory_unlock(_KEY))
    path = engine.url.database
    if not path or path == ":memory:":
        return lambda: None
    lock = FileLock(f"{path}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _in_use(engine) from None
    return lock.release


def _hold_server(engine: sa.Engine, lock: sa.Function[Any], unlock: sa.Function[Any]) -> Callable[[], None]:
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()  # the lock is the connection's: no pool may hand it to anybody else
    try:
        owned = _locked(connection, lock)
    except BaseException:
        connection.close()
        raise
    if not owned:
        connection.close()
        raise _in_use(engine)

    def let_go() -> None:
        try:
            connection.execute(sa.select(unlock))
        except sa.exc.DBAPIError:  # the server is gone, and the lock with it
            connection.invalidate()
        connection.close()

    return let_go


def _locked(connection: sa.Connection, lock: sa.Function[Any]) -> bool:
    until = time.monotonic() + _PATIENCE
    while not connection.execute(sa.select(lock)).scalar_one():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _in_use(engine: sa.Engine) -> LibraryInUseError:
    return LibraryInUseError(
        f"The database {engine.url!r} is open in another library, in this process or another. Stop the other, talk to "
        "it over HTTP, or use another database."
    )
