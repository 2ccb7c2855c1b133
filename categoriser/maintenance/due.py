"""When a growing collection wants its next run."""

from __future__ import annotations

_YOUNG = (25, 50, 100)  # images; the first hour of a collection changes most
_GROWTH = 0.1  # small steps change little at a time, and newcomers find categories that fit
_LARGE = 2500  # images; beyond, all runs together have to stay cheap
_LARGE_GROWTH = 0.2


def run_due_at(images_at_run: int) -> int:
    """Number of weighing images at which the next run is due, after a run at ``images_at_run``."""
    for size in _YOUNG:
        if images_at_run < size:
            return size
    growth = _GROWTH if images_at_run < _LARGE else _LARGE_GROWTH
    return images_at_run + max(10, int(growth * images_at_run))
