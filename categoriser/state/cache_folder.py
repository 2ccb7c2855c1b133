"""A folder for engine states that no other process uses: states are large, local, and can be made anew."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from categoriser.errors import ConfigurationError

_MOST = 256  # processes on one machine with the same cache


def open_cache(setting: str, url: sa.URL) -> tuple[Path, Callable[[], None]]:
    """A folder of this process's own, and what lets go of it.

    Args:
        setting: a folder for the caches of several processes and databases; empty: one that goes with the process.
        url: of the database; two of them never share a cache.

    Raises:
        ConfigurationError: the folder cannot be used.
    """
    if not setting:
        temporary = tempfile.TemporaryDirectory(prefix="categoriser-", ignore_cleanup_errors=True)
        return Path(temporary.name), temporary.cleanup
    database = hashlib.sha256(f"{url.host}:{url.port}/{url.database}".encode()).hexdigest()[:12]
    parent = Path(setting).expanduser().absolute() / database
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(_MOST):
            lock = FileLock(parent / f"{number}.lock", thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            folder = parent / str(number)
            folder.mkdir(exist_ok=True)
            return folder, lock.release
    except OSError as error:
        raise ConfigurationError(
            f"The setting shared.cache names {setting}, which cannot be used: {error.strerror}."
        ) from None
    raise ConfigurationError(f"More than {_MOST} processes use the cache {setting}; give some of them another one.")
