"""What was looked up ahead never changes what is decided."""

from __future__ import annotations

import numpy as np
import pytest

from categoriser.engine import Grouping

from .conftest import clustered


def prepared(vectors: np.ndarray) -> Grouping:
    grouping = Grouping(vectors.shape[1])
    grouping.add(vectors[:200])
    grouping.run()
    return grouping


@pytest.mark.parametrize("change", ["nothing", "add", "remove", "run"])
def test_a_look_ahead_decides_like_a_look_at_the_time(change: str) -> None:
    vectors, _ = clustered(4, classes=6, size=50, dimension=16, spread=0.8)
    groupings = [prepared(vectors), prepared(vectors)]
    batch = vectors[200:260]
    seen = groupings[0].look(batch)
    leaving = np.unique(seen.ids[:, 0])
    for grouping in groupings:
        if change == "add":
            grouping.add(vectors[260:])
        elif change == "remove":
            grouping.remove(leaving)
        elif change == "run":
            grouping.run()
    micros = groupings[0].add(batch, seen=seen), groupings[1].add(batch)
    assert (micros[0] == micros[1]).all()
    assert (groupings[0].lists.ids == groupings[1].lists.ids).all()
    assert not np.isin(groupings[0].lists.ids, leaving).any() or change != "remove"
