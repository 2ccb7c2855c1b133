"""What the benchmarks share: a clock, a row of the table, the process's memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def row(what: str, bar: str, measured: str) -> None:
    """Print one row of the Markdown table."""
    print(f"| {what} | {bar} | {measured} |", flush=True)


def milliseconds(call: Callable[[int], object], times: int) -> np.ndarray:
    """Wall time of each of ``times`` calls, in milliseconds."""
    taken = np.empty(times)
    for i in range(times):
        start = time.perf_counter()
        call(i)
        taken[i] = 1e3 * (time.perf_counter() - start)
    return taken


def resident_mb() -> dict[str, float]:
    """Memory of this process now, in MB: all resident pages, and those that are its own (not mapped files)."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if "kB" in line)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "VmHWM")}
