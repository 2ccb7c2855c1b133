"""What a run does by itself, and what it leaves for later or for a person."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from categoriser.engine import Grouping
from categoriser.maintenance.planning import CHURN_BUDGET, Plan, make_plan
from categoriser.state import EngineState, Positions

_IMAGES = 1500
_SMALLER = 600
_FIRST_ROW = 10_000


@pytest.fixture
def one_of_two() -> Grouping:
    """Two classes that have nothing to do with each other, by some mistake in one category."""
    rng = np.random.default_rng(3)
    truth = rng.permutation(np.arange(_IMAGES) < _SMALLER).astype(int)
    middles = np.eye(32)[:8]
    others = np.where(np.arange(_IMAGES) % 3 == 0, rng.integers(2, 8, _IMAGES), truth)
    vectors = middles[others] + rng.normal(size=(_IMAGES, 32)) * 0.08
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    grouping = Grouping(32)
    for batch in np.array_split(vectors.astype(np.float32), 10):
        grouping.add(batch)
        grouping.run()
    assert len(np.unique(grouping.labels[others < 2])) == 2
    smaller, larger = (int(np.bincount(grouping.labels[others == which]).argmax()) for which in (1, 0))
    micros = np.flatnonzero(grouping.micros.categories == smaller)
    grouping.change(dict.fromkeys(micros.tolist(), larger), {})
    grouping.checked.clear()
    return grouping


def _state(grouping: Grouping) -> EngineState:
    """As much of one as a plan asks for."""
    known: Any = SimpleNamespace(
        grouping=grouping,
        positions=Positions(np.arange(grouping.length) + _FIRST_ROW, grouping.length + _FIRST_ROW),
        collection=SimpleNamespace(taxonomy_version=1, wanted=None),
        category_of=lambda micro: int(grouping.micros.categories[micro]),
    )
    return cast("EngineState", known)


def _apply(grouping: Grouping, plan: Plan) -> int:
    """Do what a run does by itself; returns how many images left a category."""
    before = grouping.labels
    change = plan.change(_state(grouping), plan.automatic)
    grouping.change(
        {micro: after for micro, (_, after) in change.micros.items()},
        {row: after for row, (_, after) in change.images.items()},
        calibration=plan.calibration,
        next_category=plan.next_category,
    )
    grouping.checked.clear()
    return int(np.count_nonzero((before != grouping.labels) & (before >= 0)))


def test_a_clear_cut_too_large_for_one_run_is_made_by_several(one_of_two: Grouping) -> None:
    mixed = int(np.bincount(one_of_two.labels).argmax())
    plan = make_plan(_state(one_of_two))
    part = next(step for step in plan.automatic if step.kind == "split")
    rest = next(step for step in plan.steps if step.kind == "split" and step.reason is not None)
    assert part.id != rest.id
    assert (part.source, part.target) == (rest.source, rest.target) == (mixed, rest.target)
    assert not set(part.micros) & set(rest.micros)
    target, runs = part.target, 0
    while plan.automatic and runs < 30:
        assert _apply(one_of_two, plan) <= CHURN_BUDGET * _IMAGES
        plan, runs = make_plan(_state(one_of_two)), runs + 1
    sizes = np.bincount(one_of_two.labels)
    assert 5 < runs < 30  # each moved a few percent
    assert sizes[target] > 0.9 * _SMALLER * 2 / 3  # and none opened another category


def test_a_cut_through_a_class_waits_for_a_person(one_of_two: Grouping) -> None:
    """The same proposal, but with the cut through the middle of the larger class."""
    labels, micros = one_of_two.labels, one_of_two.micros
    category = int(np.bincount(labels).argmax())
    members = np.flatnonzero((micros.categories == category) & (micros.counts > 0))
    half = members[: len(members) // 2]
    proposal = one_of_two.propose()
    after = proposal.before.copy()
    after[half] = proposal.next_category
    cut = type(proposal)(proposal.calibration, proposal.before, after, {}, proposal.next_category + 1)
    one_of_two.propose = lambda: cut  # type: ignore[method-assign]
    plan = make_plan(_state(one_of_two))
    assert [step.kind for step in plan.steps] == ["split"]
    assert not plan.automatic


def test_the_bond_of_two_sets_is_the_share_of_links_between_them(one_of_two: Grouping) -> None:
    micros = one_of_two.micros
    categories = np.unique(micros.categories[micros.categories >= 0])[:2]
    some, others = (np.flatnonzero((micros.categories == number) & (micros.counts > 0)) for number in categories)
    assert one_of_two.bond(some, others) < 0.01
    halves = some[::2], some[1::2]
    assert one_of_two.bond(*halves) > 0.2
