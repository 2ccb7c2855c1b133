"""What each setting of the dial would give."""

from __future__ import annotations

from typing import Final

import numpy as np

from categoriser.domain import Granularity
from categoriser.engine import DIAL, UNSORTED
from categoriser.state import Standing, Storage

SETTINGS: Final[tuple[Granularity, ...]] = ("broad", "balanced", "fine")


def preview_dial(storage: Storage, collection_id: int) -> dict[Granularity, int]:
    """Number of categories that a run would lead to with each setting; nothing is changed."""
    counts: dict[Granularity, int] = {}
    with storage.states.writing(collection_id) as state:  # only as long as it takes to copy how it stands
        grouping = Standing.of(state).grouping
    for setting in SETTINGS:
        grouping.dial = DIAL[setting]
        after = grouping.propose().after
        filled = after[grouping.micros.counts > 0]
        counts[setting] = len(np.unique(filled[filled != UNSORTED]))
    with storage.states.reading(collection_id) as state:
        state.vectors.release()
    return counts
