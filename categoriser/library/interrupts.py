"""Ctrl-C where nothing is half done.

Python raises KeyboardInterrupt between any two instructions of the main thread: also after a lock was taken and before
the block that gives it back, or when a picture has its place in line but nobody reads it. Those who wait for either
would wait for ever.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Check = Callable[[], None]  # raises KeyboardInterrupt if there was a Ctrl-C


@contextmanager
def interrupts_held() -> Iterator[Check]:
    """Within the block a first Ctrl-C is raised where the yielded function is called, or at its end; a second at once.

    Nothing is held in other threads, which are never interrupted, and for callers who handle the signal on their own.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    pressed = False

    def note(_signal: int, _frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
