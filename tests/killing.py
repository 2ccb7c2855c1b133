"""A process of our own that is killed while it works."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parents[1]


def killed(arguments: list[str], seconds: float, *, began: Callable[[str], bool]) -> list[str]:
    """Run Python with these arguments and kill it so long after its first line, or let it end.

    Returns the lines that it wrote, the first one too; what comes last may be cut off and has then no line end.

    Args:
        arguments: of the interpreter.
        seconds: from its first line on.
        began: whether the first line is what it should be.
    """
    child = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TOP
    )
    assert child.stdout is not None
    assert child.stderr is not None
    errors: list[str] = []
    listening = threading.Thread(target=lambda: errors.extend(child.stderr or ()))
    listening.start()
    first = child.stdout.readline()
    if not began(first):
        child.kill()
        listening.join(10)
        raise AssertionError(f"the child said {first!r}: {''.join(errors)}")
    killing = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
    killing.start()
    lines = (first + child.stdout.read()).splitlines(keepends=True)
    killing.cancel()
    assert child.wait() in (0, -signal.SIGKILL), "".join(errors)
    listening.join(10)
    return lines
