"""How far the memory of this process grows while something goes on."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.02  # seconds
_STATE = Path("/proc/self/statm")


class PeakMemory:
    """A context that looks at the resident memory fifty times a second.

    ``growth_mb``: the highest minus that at entry, in MB; None where the system does not tell (no /proc).
    """

    growth_mb: float | None = None

    def __enter__(self) -> Self:
        self._first = self._highest = _resident()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watcher.join()
        if self._first is not None and self._highest is not None:
            self.growth_mb = (self._highest - self._first) / 1e6

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            now = _resident()
            if now is None or self._highest is None:
                return
            self._highest = max(self._highest, now)


def _resident() -> int | None:
    """Bytes."""
    try:
        return int(_STATE.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
