"""Can the library do its work now? What a balancer or an orchestrator asks before it sends anything."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from categoriser.encoders import takes_ready_vectors
from categoriser.errors import CategoriserError
from categoriser.library.library import Library

_PAUSE: Final = 30.0  # seconds until an encoder that did not open is tried again
_NOBODY: Final = "-"  # a collection that does not exist: the store is asked, and nothing is found
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to work. ``problem``: a sentence for people, None where it does."""

    name: str
    problem: str | None


class Readiness:
    """Asks the parts of a library; thread-safe."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._guard = threading.Lock()
        self._failed_at = float("-inf")
        self._why: str | None = None

    def checks(self) -> list[Check]:
        """Every check with its outcome; opens the encoder of new collections if it is not open yet."""
        return [
            Check("database", _problem(self._database)),
            Check("vectors", _problem(self._vectors)),
            Check("encoder", self._encoder()),
        ]

    def _database(self) -> None:
        self._library.collections(limit=1)

    def _vectors(self) -> None:
        delivery = self._library.storage.delivery
        delivery.ready()
        for store in delivery.stores:
            store.count(_NOBODY)

    def _encoder(self) -> str | None:
        library = self._library
        if library.encoders.ids or takes_ready_vectors(library.settings.encoder):
            return None
        with self._guard:  # whoever probes meanwhile waits for the same answer
            if library.encoders.ids:
                return None
            if time.monotonic() - self._failed_at > _PAUSE:
                self._why = _problem(lambda: library.encoder)
                self._failed_at = float("-inf") if self._why is None else time.monotonic()
            return self._why


def _problem(ask: Callable[[], object]) -> str | None:
    try:
        ask()
    except CategoriserError as error:
        return str(error)
    except Exception as error:  # whatever a broken database or store raises: the probe has to answer
        _log.exception("a readiness check failed")
        return f"It failed with {type(error).__name__}; the log has the details."
    return None
