"""Keeps numpy's matrix products to one thread while a library is open.

OpenBLAS splits every product over all processors and its threads wait for each other by spinning. The products of an
engine are many and small, and the processors have other work (decoding, encoding, other collections): as soon as
anything else runs, the waiting costs several times what the splitting gains. Work is spread over threads above them.
"""

from __future__ import annotations

import threading

from threadpoolctl import ThreadpoolController


class _OneThread:
    """Counts who wants it: libraries may be opened and closed in any order."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._wanted = 0
        self._before: dict[str, int] = {}

    def enter(self) -> None:
        """From now on one thread."""
        with self._guard:
            self._wanted += 1
            if self._wanted == 1:
                found = ThreadpoolController().select(internal_api="openblas").lib_controllers
                self._before = {library.filepath: library.num_threads for library in found}
                for library in found:
                    library.set_num_threads(1)

    def leave(self) -> None:
        """As it was before, once nobody wants it any more."""
        with self._guard:
            self._wanted -= 1
            if self._wanted == 0:
                for library in ThreadpoolController().select(internal_api="openblas").lib_controllers:
                    library.set_num_threads(self._before.get(library.filepath, library.num_threads))


one_thread = _OneThread()
