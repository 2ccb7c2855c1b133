"""This process among those that share a library: a name, and a sign of life as long as it runs."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading

from categoriser.catalog import Database, claims, processes

_log = logging.getLogger(__name__)


class Presence:
    """Says that this process lives until it is closed. A process that is silent is taken for dead, and harmless."""

    def __init__(self, database: Database, lease_seconds: float) -> None:
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._say()
        self._thread = threading.Thread(target=self._keep_saying, name="presence", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave; what is not finished is anybody's from now on."""
        self._over.set()
        self._thread.join()
        try:
            with self._database.engine.begin() as connection:
                claims.release_all(connection, self.name)
                processes.leave(connection, self.name)
        except Exception:  # the lease runs out
            _log.warning("this process could not take its leave", exc_info=True)

    def _say(self) -> None:
        with self._database.engine.begin() as connection:
            processes.say(connection, self.name, self._lease_seconds)
            processes.forget_dead(connection)

    def _keep_saying(self) -> None:
        while not self._over.wait(self._lease_seconds / 3):
            try:
                self._say()
            except Exception:  # the next attempt may come in time; if not, others do the work as well
                _log.warning("this process could not say that it lives", exc_info=True)
