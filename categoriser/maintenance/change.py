"""What changes in a collection's categories, as data: kept with its version, it can be turned back.

A ``Change`` names every pointer it turns, with the value before and after: turning it back is the undo, and what others
turned since is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from categoriser.catalog.history import Constraint
from categoriser.engine import NOBODY, UNSORTED, Calibration
from categoriser.state import EngineState, Positions

STRICTEST = 1.5  # σ that a category asks of newcomers' neighbours beyond the usual, at most; never less than the usual

Pair: TypeAlias = tuple[Any, Any]  # before, after


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run went by: its calibration, how many images weighed, and the first row that it did not look at."""

    calibration: Calibration
    images: int
    next_row: int


@dataclass(slots=True)
class Change:
    """What changes: pairs of the value before and after."""

    micros: dict[int, tuple[int, int]] = field(default_factory=dict)  # micro-cluster → category
    images: dict[int, tuple[int, int]] = field(default_factory=dict)  # position of one that weighs → micro-cluster
    opened: dict[int, int] = field(default_factory=dict)  # new micro-cluster → category
    facts: dict[int, dict[str, Pair]] = field(default_factory=dict)  # category → columns
    settings: dict[str, Pair] = field(default_factory=dict)  # columns of the collection
    groups: dict[int, tuple[int | None, int]] = field(default_factory=dict)  # category → broad group; None: it is new
    added: list[Constraint] = field(default_factory=list)
    removed: list[Constraint] = field(default_factory=list)
    guessed: list[int] = field(default_factory=list)  # those of ``micros`` whose category was tentative until then

    def as_json(self, positions: Positions) -> dict[str, Any]:
        """For storage, where images have rows."""
        return {
            "micros": [[number, *pair] for number, pair in self.micros.items()],
            "rows": [[positions.row(position), *pair] for position, pair in self.images.items()],
            "facts": [[number, name, *pair] for number, facts in self.facts.items() for name, pair in facts.items()],
            "settings": [[name, *pair] for name, pair in self.settings.items()],
            "groups": [[number, *pair] for number, pair in self.groups.items()],
            "added": [list(one) for one in self.added],
            "removed": [list(one) for one in self.removed],
            "guessed": self.guessed,
        }

    @classmethod
    def inverse(cls, stored: Mapping[str, Any], state: EngineState, facts: Mapping[int, Mapping[str, Any]]) -> Change:
        """The way back from a stored change, as far as things still are as it left them.

        Args:
            stored: from ``as_json``.
            state: of the collection.
            facts: categories as they are now, by number.
        """
        grouping = state.grouping
        turned = state.positions.of([row for row, *_ in stored["rows"]]).tolist()
        back = cls(
            micros={n: (after, before) for n, before, after in stored["micros"] if state.category_of(n) == after},
            images={
                position: (after, before)
                for position, (_, before, after) in zip(turned, stored["rows"], strict=True)
                if position != NOBODY and grouping.active[position] and grouping.micro_of[position] == after
            },
            settings={
                name: (after, before)
                for name, before, after in stored["settings"]
                if getattr(state.collection, name) == after
            },
            groups={
                number: (after, before)
                for number, before, after in stored.get("groups", ())  # versions older than groups have none
                if before is not None and state.groups.get(number) == after
            },
            added=[Constraint(*one) for one in stored["removed"]],
            removed=[Constraint(*one) for one in stored["added"]],
        )
        for number, name, before, after in stored["facts"]:
            if number in facts and name == "strictness":  # others may have added to it since: what this added goes
                now = float(facts[number][name])
                back.facts.setdefault(number, {})[name] = (now, bounded(now - (after - before)))
            elif number in facts and facts[number][name] == after:
                back.facts.setdefault(number, {})[name] = (after, before)
        return back

    @property
    def is_any(self) -> bool:
        """Whether anything is different afterwards."""
        pairs = [*self.micros.values(), *self.images.values(), *self.settings.values()]
        pairs += [pair for facts in self.facts.values() for pair in facts.values()]
        named = self.opened or self.groups or self.added or self.removed
        return bool(named) or any(before != after for before, after in pairs)

    def touched(self) -> set[int]:
        """Categories that lose or win images, or other facts."""
        found = {category for pair in self.micros.values() for category in pair}
        return (found | set(self.facts) | set(self.opened.values())) - {UNSORTED}


def bounded(strictness: float) -> float:
    """A strictness that is allowed."""
    return min(max(strictness, 0.0), STRICTEST)
