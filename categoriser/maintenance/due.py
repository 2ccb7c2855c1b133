"""When a growing collection wants its next run."""

from __future__ import annotations

_YOUNG = (25, 50, 100, 200, 350, 500)  # images; the first hour of a collection changes most
_STEP = 500
_GROWTH = 0.2  # beyond 2,500 images the step grows with the collection, so that all runs together stay cheap


def run_due_at(images_at_run: int) -> int:
    """Number of weighing images at which the next run is due, after a run at ``images_at_run``."""
    for size in _YOUNG:
        if images_at_run < size:
            return size
    step = max(_STEP, int(_GROWTH * images_at_run))
    return (images_at_run // _STEP) * _STEP + step if step == _STEP else images_at_run + step
