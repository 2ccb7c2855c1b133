"""What a run would like to do and may not, in a form that outlasts the run: is it still the same idea next time?

The numbers of a plan's steps do not, as a category that was not made has no number. What lasts is from where to where,
and which images.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from categoriser.catalog.tables import Record
from categoriser.domain import IntVector
from categoriser.engine import NOBODY, UNSORTED
from categoriser.maintenance.steps import Step
from categoriser.state import EngineState, Standing

IdeaKind = Literal["split", "merge", "move", "release"]

ALIKE = 0.5  # share of images in common from which two ideas are the same; of the size, from which nothing changed


@dataclass(slots=True)
class Idea:
    """Images that would go from ``source`` to ``target``; None: a new category (split) or Unsorted (release)."""

    kind: IdeaKind
    source: int
    target: int | None
    reason: str = ""
    micros: list[int] = field(default_factory=list)
    moves: dict[int, int] = field(default_factory=dict)  # row → micro-cluster
    steps: list[Step] = field(default_factory=list)


def ideas(state: EngineState | Standing, steps: Collection[Step]) -> list[Idea]:
    """Steps out of categories, those from one to the same other one together."""
    micros = state.grouping.micros
    there = set(np.unique(micros.categories[micros.counts > 0]).tolist())
    found: dict[tuple[int, int], Idea] = {}
    for step in steps:
        key, new = (step.source, step.target), step.target not in there | {UNSORTED}
        if step.is_free or (new and step.moves and key not in found):
            continue  # what would follow into a category that is not made waits for that
        kind: IdeaKind = "release" if step.target == UNSORTED else "split" if new else "move"
        target = step.target if kind == "move" else None
        idea = found.setdefault(key, Idea(kind, step.source, target, step.reason or ""))
        idea.micros += step.micros
        idea.moves |= step.moves
        idea.steps.append(step)
    for idea in found.values():
        own = np.flatnonzero((micros.settled == idea.source) & (micros.counts > 0))
        if idea.kind == "move" and set(own.tolist()) <= set(idea.micros):
            idea.kind = "merge"
    return list(found.values())


def size(state: EngineState | Standing, idea: Idea) -> int:
    """Number of images that weigh and that an idea is about: of a merge, those of both categories."""
    grouping, micros = state.grouping, state.grouping.micros
    if idea.kind != "merge" or idea.target is None:
        inside = set(idea.micros)
        moved = _weighing(state, idea.moves)
        single = [micro for micro in grouping.micro_of[moved].tolist() if micro not in inside]
        return int(micros.counts[idea.micros].sum()) + len(single)
    return int(micros.counts[np.isin(micros.categories, (idea.source, idea.target))].sum())


def members(state: EngineState | Standing, micros: Collection[int], moves: Collection[int]) -> IntVector:
    """Positions of the images that weigh of some micro-clusters, and some more (rows)."""
    grouping = state.grouping
    inside = np.flatnonzero(grouping.active & np.isin(grouping.micro_of, list(micros)))
    found: IntVector = np.union1d(inside, _weighing(state, moves)).astype(np.int64)
    return found


def _weighing(state: EngineState | Standing, rows: Collection[int]) -> IntVector:
    """Positions of those of the rows whose images are there and weigh."""
    found = state.positions.of(rows)
    found = found[found != NOBODY]
    there: IntVector = found[state.grouping.active[found]]
    return there


def same(state: EngineState | Standing, idea: Idea, stored: Record) -> bool:
    """Whether an idea is the one stored, though its evidence may have changed."""
    if idea.kind == stored["kind"] == "merge":
        return {idea.source, idea.target} == {stored["source"], stored["target"]}  # the larger one wins, either may
    if idea.source != stored["source"] or idea.target != stored["target"]:
        return False
    if idea.target is not None:
        return True
    return idea.kind == stored["kind"] and (idea.kind == "release" or _shared(state, idea, stored) >= ALIKE)


def unchanged(state: EngineState | Standing, idea: Idea, stored: Record) -> bool:
    """Whether nothing speaks more clearly for an idea now than for the one stored, which is the same."""
    ratio = size(state, idea) / max(stored["size"], 1)
    if idea.kind == "merge" or stored["kind"] == "merge":
        return idea.kind != stored["kind"] or bool(ALIKE < ratio < 1 / ALIKE)
    return bool(ALIKE < ratio < 1 / ALIKE) and _shared(state, idea, stored) >= ALIKE


def undismissed(state: EngineState | Standing, steps: Sequence[Step], dismissed: Sequence[Record]) -> list[Step]:
    """Steps without those that a person did not want and that are about the same as then."""
    if not dismissed:
        return list(steps)
    dropped = {
        step.id
        for idea in ideas(state, steps)
        for step in idea.steps
        if any(same(state, idea, one) and unchanged(state, idea, one) for one in dismissed)
    }
    return [step for step in steps if step.id not in dropped]


def _shared(state: EngineState | Standing, idea: Idea, stored: Record) -> float:
    here = members(state, idea.micros, idea.moves)
    there = members(state, stored["micros"], [row for row, _ in stored["moves"]])
    return len(np.intersect1d(here, there)) / max(len(np.union1d(here, there)), 1)
