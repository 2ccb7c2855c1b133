"""What a process that runs for months sets up about itself before its threads start."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX of glibc's malloc.h


def keep_few_arenas() -> None:
    """Let all threads take memory from two pools, where the C library is glibc and nobody chose otherwise.

    By default every thread gets a pool of its own and keeps what it ever held: a service with a dozen threads then
    holds a fifth more, and grows for hours before that ends.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    try:
        library = ctypes.CDLL("libc.so.6")  # glibc's name; others have none of that name
        library.mallopt(_ARENA_MAX, 2)
    except (OSError, AttributeError):
        return
