"""Keeps numpy's matrix products to one thread while a library is open.

OpenBLAS splits every product over all processors and its threads wait for each other by spinning. The products of an
engine are many and small, and the processors have other work (decoding, encoding, other collections): as soon as
anything else runs, the waiting costs several times what the splitting gains. Work is spread over threads above them.
"""

from __future__ import annotations

import threading

import numpy as np  # noqa: F401 - what it computes with has to be there to be found
from threadpoolctl import ThreadpoolController

# found once, at import: the search calls back from C, where an interrupt by the keyboard would be lost
_LIBRARIES = ThreadpoolController().select(internal_api="openblas").lib_controllers


class _OneThread:
    """Counts who wants it: libraries may be opened and closed in any order."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._wanted = 0
        self._before: list[int] = []

    def enter(self) -> None:
        """From now on one thread."""
        with self._guard:
            self._wanted += 1
            if self._wanted == 1:
                self._before = [library.num_threads for library in _LIBRARIES]
                for library in _LIBRARIES:
                    library.set_num_threads(1)

    def leave(self) -> None:
        """As it was before, once nobody wants it any more."""
        with self._guard:
            self._wanted -= 1
            if self._wanted == 0:
                for library, before in zip(_LIBRARIES, self._before, strict=True):
                    library.set_num_threads(before)


one_thread = _OneThread()
