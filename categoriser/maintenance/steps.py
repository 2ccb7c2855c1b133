"""The smallest parts of a plan: images that go from one category to another."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from categoriser.engine import NOBODY, UNSORTED
from categoriser.maintenance.change import Change
from categoriser.state import EngineState

StepKind = Literal["spawn", "absorb", "split", "merge", "move", "release"]


@dataclass(slots=True)
class Step:
    """From category ``source`` to ``target``; UNSORTED for either side. ``reason``: why it is only a suggestion.

    ``tentative``: of images that are in ``source`` only as the best guess at arrival, and of no settled one.
    """

    id: str
    kind: StepKind
    source: int
    target: int
    images: int
    micros: list[int] = field(default_factory=list)
    moves: dict[int, int] = field(default_factory=dict)  # row → micro-cluster
    reason: str | None = None
    tentative: bool = False

    @property
    def churn(self) -> int:
        """Images that leave a category in which they were settled."""
        return 0 if self.is_free else self.images

    @property
    def is_free(self) -> bool:
        """Whether no settled image leaves a category."""
        return self.source == UNSORTED or self.tentative


def change_of(state: EngineState, steps: Collection[Step]) -> Change:
    """The change that steps are, as far as images still are where it takes them from."""
    grouping = state.grouping
    change = Change()
    for step in steps:
        for micro in step.micros:
            change.micros[micro] = (step.source, step.target)
    micro_of, active = grouping.micro_of, grouping.active
    for step in steps:
        positions = state.positions.of(step.moves).tolist()
        for position, micro in zip(positions, step.moves.values(), strict=True):
            if position == NOBODY:
                continue
            own = int(micro_of[position])
            there = change.micros.get(micro, (0, state.category_of(micro)))[1]
            alive = bool(active[position]) and grouping.micros.counts[micro] > 0
            if alive and there == step.target and own != micro:
                change.images[position] = (own, micro)
    return change
