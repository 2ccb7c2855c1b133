"""What a run would change, as steps that can be looked at and applied one by one.

A step takes micro-clusters (or single images) from one category to another. Any choice of steps leaves every image in
exactly one place, so that each can be applied, left out, or kept as a suggestion.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from categoriser.catalog.tables import Record
from categoriser.engine import UNSORTED, Calibration, Grouped
from categoriser.engine.proposing import Proposal
from categoriser.engine.told import told
from categoriser.maintenance.change import Change
from categoriser.maintenance.ideas import undismissed
from categoriser.maintenance.steps import Step, StepKind, change_of
from categoriser.state import EngineState, Standing

CHURN_BUDGET = 0.03  # share of the images that a run may move by itself
_BUDGETED = 1000  # images; a smaller collection may still find its shape
_TENTATIVE = "tentative-"  # in the id of a step


@dataclass(slots=True)
class Plan:
    """Steps of one proposal, made for one version of the taxonomy."""

    version: int
    images: int  # that weighed
    next_row: int  # first that it did not look at
    calibration: Calibration
    next_category: int
    steps: Sequence[Step]
    checked: Mapping[int, int] = field(default_factory=dict)  # category → first row that it was not checked with
    tentative: frozenset[int] = frozenset()  # micro-clusters that it decides anew about
    groups: Mapping[int, int] = field(
        default_factory=dict
    )  # category → broad group, once all automatic steps are taken

    @property
    def automatic(self) -> list[Step]:
        """What a run does by itself."""
        return [step for step in self.steps if step.reason is None]

    def change(self, state: EngineState, steps: Collection[Step]) -> Change:
        """The change that these steps are."""
        return change_of(state, steps)


def make_plan(state: Standing, dismissed: Sequence[Record] = ()) -> Plan:
    """Let the engine propose, and take the proposal apart; what a person dismissed is left out."""
    grouping = state.grouping
    wanted = state.collection.wanted
    proposal = grouping.propose() if wanted is None else told(grouping, wanted)
    steps = undismissed(state, [*_flows(state, proposal), *_moves(state, proposal)], dismissed)
    steps += _hold_back(state, steps)
    return Plan(
        version=state.collection.taxonomy_version,
        images=grouping.weighing,
        next_row=state.positions.next_row,
        calibration=proposal.calibration,
        next_category=proposal.next_category,
        steps=steps,
        checked={number: state.positions.row(first) for number, first in proposal.checked.items()},
        tentative=proposal.tentative,
    )


def _flows(state: Standing, proposal: Proposal) -> list[Step]:
    counts, first_new = state.grouping.micros.counts, state.grouping.next_category
    found: dict[tuple[int, int, bool], list[int]] = {}
    for micro in np.flatnonzero((proposal.before != proposal.after) & (counts > 0)).tolist():
        key = (int(proposal.before[micro]), int(proposal.after[micro]), micro in proposal.tentative)
        found.setdefault(key, []).append(micro)
    steps = []
    for (source, target, tentative), micros in found.items():
        own = (proposal.settled == source) & (counts > 0)
        kind: StepKind
        if target == UNSORTED:
            kind = "release"
        elif source == UNSORTED or tentative:
            kind = "spawn" if target >= first_new else "absorb"
        elif target >= first_new:
            kind = "split"
        else:
            kind = "merge" if len(micros) == np.count_nonzero(own) else "move"
        images = int(counts[micros].sum())
        name = f"{_TENTATIVE * tentative}{kind}.{source}.{target}"
        steps.append(Step(name, kind, source, target, images, micros=micros, tentative=tentative))
    return steps


def _moves(state: Standing, proposal: Proposal) -> list[Step]:
    found: dict[tuple[int, int, bool], Step] = {}
    labels, micro_of = state.grouping.labels, state.grouping.micro_of
    for position, micro in proposal.moves.items():
        own = int(micro_of[position])
        source, target, tentative = int(labels[position]), int(proposal.after[micro]), own in proposal.tentative
        if source == target and not tentative:
            continue  # it would stay behind when its micro-cluster moves on; it goes along
        kind: StepKind = "absorb" if source == UNSORTED or tentative else "move"
        name = f"{_TENTATIVE * tentative}single-{kind}.{source}.{target}"
        step = found.setdefault(
            (source, target, tentative), Step(name, kind, source, target, images=0, tentative=tentative)
        )
        step.moves[state.positions.row(position)] = micro
        step.images += 1
    return list(found.values())


def _hold_back(state: Standing, steps: Sequence[Step]) -> list[Step]:
    """Say of each step that a run must not do by itself why not; returns what it may do of those too large."""
    rules, images = state.grouping.rules, state.grouping.weighing
    # who gave the number of categories is to have so many
    budgeted = images > _BUDGETED and state.collection.wanted is None
    left = CHURN_BUDGET * images if budgeted else float(images)
    parts = []
    for step in sorted(steps, key=lambda one: one.images):
        held = [number for number in (step.source, step.target) if number in rules.held]
        if held and not step.is_free:
            step.reason = "a person locked or named one of these categories"
            continue
        if step.churn <= left:
            left -= step.churn
            continue
        step.reason = "it would move more images than a run may"
        part = _part(state.grouping, step, left)
        if part is not None:
            parts.append(part)
            left -= part.churn
    return parts


def _part(grouping: Grouped, step: Step, most: float) -> Step | None:
    """Take as much as may be moved now off a step that is too large; the runs to come will ask for the rest.

    Only where source and target hardly share a link. Other large cuts go through the middle of a large class about as
    often as between two classes: they wait for a person.
    """
    counts, parameters = grouping.micros.counts, grouping.parameters
    members = np.flatnonzero((grouping.micros.settled == step.source) & (counts > 0))
    leaving, staying = np.array(step.micros, np.int64), np.setdiff1d(members, step.micros)
    if not len(leaving) or not len(staying):
        return None
    if grouping.bond(leaving, staying) >= parameters.waived_share * parameters.mature_hysteresis[0]:
        return None
    sums = grouping.micros.sums
    between = sums[leaving].sum(axis=0) / counts[leaving].sum() - sums[staying].sum(axis=0) / counts[staying].sum()
    clearest = leaving[np.argsort(-(sums[leaving] @ between) / counts[leaving], kind="stable")]
    first = clearest[np.cumsum(counts[clearest]) <= most]
    images = int(counts[first].sum())
    if images < parameters.piece_size:
        return None
    step.micros = np.setdiff1d(leaving, first).tolist()
    step.images -= images
    return replace(step, id=f"{step.id}.part", images=images, micros=first.tolist(), moves={}, reason=None)
