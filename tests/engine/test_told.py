"""Runs with a given number of categories."""

from __future__ import annotations

import numpy as np

from categoriser.engine import Grouping
from categoriser.engine.told import told
from tests.whole import clusters


def _told(grouping: Grouping, wanted: int) -> set[int]:
    proposal = told(grouping, wanted)
    changed = np.flatnonzero(proposal.before != proposal.after)
    grouping.change(
        dict(zip(changed.tolist(), proposal.after[changed].tolist(), strict=True)),
        proposal.moves,
        calibration=proposal.calibration,
        next_category=proposal.next_category,
    )
    return set(grouping.labels.tolist()) - {-1}


def test_there_are_as_many_categories_as_wanted() -> None:
    grouping = Grouping(8)
    grouping.add(clusters(300, centres=6))
    assert len(_told(grouping, 6)) == 6
    assert len(_told(grouping, 3)) == 3


def test_categories_keep_their_numbers_while_they_grow() -> None:
    vectors = clusters(400, centres=5)
    grouping = Grouping(8)
    grouping.add(vectors[:200])
    first = _told(grouping, 5)
    before = grouping.labels.copy()
    grouping.add(vectors[200:])
    assert _told(grouping, 5) == first
    assert np.mean(grouping.labels[:200] == before) > 0.97


def test_fewer_images_than_categories_are_left_to_the_engine() -> None:
    grouping = Grouping(8)
    grouping.add(clusters(4))
    assert _told(grouping, 6) == set()
