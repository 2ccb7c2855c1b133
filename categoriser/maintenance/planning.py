"""What a run would change, as steps that can be looked at and applied one by one.

A step takes micro-clusters (or single images) from one category to another. Any choice of steps leaves every image in
exactly one place, so that each can be applied, left out, or kept as a suggestion.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from categoriser.engine import UNSORTED, Calibration
from categoriser.engine.grouping import Proposal
from categoriser.engine.told import told
from categoriser.maintenance.changes import Change
from categoriser.state import EngineState

StepKind = Literal["spawn", "absorb", "split", "merge", "move", "release"]

CHURN_BUDGET = 0.03  # share of the images that a run may move by itself
_BUDGETED = 1000  # images; a smaller collection may still find its shape


@dataclass(slots=True)
class Step:
    """From category ``source`` to ``target``; UNSORTED for either side. ``reason``: why it is only a suggestion."""

    id: str
    kind: StepKind
    source: int
    target: int
    images: int
    micros: list[int] = field(default_factory=list)
    moves: dict[int, int] = field(default_factory=dict)  # row → micro-cluster
    reason: str | None = None

    @property
    def churn(self) -> int:
        """Images that leave a category."""
        return 0 if self.source == UNSORTED else self.images


@dataclass(slots=True)
class Plan:
    """Steps of one proposal, made for one version of the taxonomy."""

    version: int
    images: int
    calibration: Calibration
    next_category: int
    steps: Sequence[Step]
    checked: Mapping[int, int] = field(default_factory=dict)

    @property
    def automatic(self) -> list[Step]:
        """What a run does by itself."""
        return [step for step in self.steps if step.reason is None]

    def change(self, state: EngineState, steps: Collection[Step]) -> Change:
        """The change that these steps are."""
        grouping = state.grouping
        change = Change()
        for step in steps:
            for micro in step.micros:
                change.micros[micro] = (step.source, step.target)
        for step in steps:
            for row, micro in step.moves.items():
                own = int(grouping.micro_of[row])
                there = change.micros.get(micro, (0, state.category_of(micro)))[1]
                alive = bool(grouping.active[row]) and grouping.micros.counts[micro] > 0
                if alive and there == step.target and own != micro:
                    change.rows[row] = (own, micro)
        return change


def make_plan(state: EngineState) -> Plan:
    """Let the engine propose, and take the proposal apart."""
    grouping = state.grouping
    wanted = state.collection.wanted
    proposal = grouping.propose() if wanted is None else told(grouping, wanted)
    steps = [*_flows(state, proposal), *_moves(state, proposal)]
    _hold_back(state, steps)
    return Plan(
        version=state.collection.taxonomy_version,
        images=grouping.weighing,
        calibration=proposal.calibration,
        next_category=proposal.next_category,
        steps=steps,
        checked=proposal.checked,
    )


def _flows(state: EngineState, proposal: Proposal) -> list[Step]:
    counts, first_new = state.grouping.micros.counts, state.grouping.next_category
    found: dict[tuple[int, int], list[int]] = {}
    for micro in np.flatnonzero((proposal.before != proposal.after) & (counts > 0)).tolist():
        found.setdefault((int(proposal.before[micro]), int(proposal.after[micro])), []).append(micro)
    steps = []
    for (source, target), micros in found.items():
        own = (proposal.before == source) & (counts > 0)
        kind: StepKind
        if source == UNSORTED:
            kind = "spawn" if target >= first_new else "absorb"
        elif target == UNSORTED:
            kind = "release"
        elif target >= first_new:
            kind = "split"
        else:
            kind = "merge" if len(micros) == np.count_nonzero(own) else "move"
        images = int(counts[micros].sum())
        steps.append(Step(f"{kind}.{source}.{target}", kind, source, target, images, micros=micros))
    return steps


def _moves(state: EngineState, proposal: Proposal) -> list[Step]:
    found: dict[tuple[int, int], Step] = {}
    labels = state.grouping.labels
    for row, micro in proposal.moves.items():
        source, target = int(labels[row]), int(proposal.after[micro])
        if source == target:
            continue  # it would stay behind when its micro-cluster moves on; it goes along
        kind: StepKind = "absorb" if source == UNSORTED else "move"
        step = found.setdefault(
            (source, target), Step(f"single-{kind}.{source}.{target}", kind, source, target, images=0)
        )
        step.moves[row] = micro
        step.images += 1
    return list(found.values())


def _hold_back(state: EngineState, steps: Sequence[Step]) -> None:
    """Say of each step that a run must not do by itself why not."""
    rules, images = state.grouping.rules, state.grouping.weighing
    # who gave the number of categories is to have so many
    budgeted = images > _BUDGETED and state.collection.wanted is None
    left = CHURN_BUDGET * images if budgeted else float(images)
    for step in sorted(steps, key=lambda one: one.images):
        held = [number for number in (step.source, step.target) if number in rules.held]
        if held and step.source != UNSORTED:
            step.reason = "a person locked or named one of these categories"
        elif step.churn > left:
            step.reason = "it would move more images than a run may"
        else:
            left -= step.churn
