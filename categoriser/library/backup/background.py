"""A backup that is made while its caller goes on, for those who ask over HTTP."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from categoriser.errors import BusyError, CategoriserError, ConfigurationError
from categoriser.library.backup.writing import BackupReport, Backups
from categoriser.library.library import Library

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class BackupState:
    """The last backup that was asked for."""

    status: Literal["none", "running", "done", "failed"] = "none"
    name: str | None = None
    started_at: float | None = None  # Unix seconds
    collections_done: int = 0
    collections: int | None = None
    report: BackupReport | None = None
    problem: str | None = None


class BackgroundBackups:
    """Backups into folders below the one that the settings allow, one at a time."""

    def __init__(self, library: Library) -> None:
        self._backups = Backups(library)
        self._below = library.settings.operations.backup_folder
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self.state = BackupState()

    def start(self, name: str) -> BackupState:
        """Begin a backup into the folder of that name.

        Raises:
            ConfigurationError: the settings allow none, or the name is no plain name.
            BusyError: one is under way.
        """
        if not self._below:
            raise ConfigurationError(
                "This service may write no backups: set operations.backup_folder "
                "(CATEGORISER_OPERATIONS__BACKUP_FOLDER) to the folder where they are to lie."
            )
        if not name or name in {".", ".."} or Path(name).name != name or "\\" in name or not name.isprintable():
            raise ConfigurationError(f"{name!r} cannot name a backup: use a plain name without slashes.")
        with self._guard:
            if self.state.status == "running":
                raise BusyError("A backup of this library is under way; wait for its end.")
            self.state = state = BackupState("running", name, time.time())
            self._thread = threading.Thread(target=self._make, args=(state, name), name="backup")
            self._thread.start()
        return state

    def stop(self) -> None:
        """Give up the backup under way, if any, and wait for its end."""
        if self._thread is not None:
            self._backups.stop()
            self._thread.join()

    def _make(self, state: BackupState, name: str) -> None:
        def progress(done: int, of: int | None) -> None:
            state.collections_done, state.collections = done, of

        try:
            state.report = self._backups.make(Path(self._below) / name, progress=progress)
            state.status = "done"
        except CategoriserError as error:
            state.problem, state.status = str(error), "failed"
            _log.warning("the backup %r failed: %s", name, error)
        except Exception as error:
            state.problem, state.status = f"It failed with {type(error).__name__}; the log has the details.", "failed"
            _log.exception("the backup %r failed", name)
