"""What people decided: the engine honours it in every decision of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rules:
    """Numbers of categories and micro-clusters.

    Attributes:
        held: categories that were locked or named by a person; in a merge they win.
        whole: categories that must not be split.
        pinned: micro-clusters that stay in the category they are in, with all their images.
        rejected: pairs of a micro-cluster and a category it must never be in.
        apart: pairs of categories, smaller number first, that must never be merged.
        strictness: category → σ that a neighbour of it has to be closer than usual to speak for it.
    """

    held: frozenset[int] = frozenset()
    whole: frozenset[int] = frozenset()
    pinned: frozenset[int] = frozenset()
    rejected: frozenset[tuple[int, int]] = frozenset()
    apart: frozenset[tuple[int, int]] = frozenset()
    strictness: Mapping[int, float] = field(default_factory=dict)

    @property
    def bound(self) -> frozenset[int]:
        """Micro-clusters that no single image leaves by itself: what was decided about them would be forgotten."""
        return self.pinned | {micro for micro, _ in self.rejected}

    def enemies(self) -> dict[int, set[int]]:
        """Who must not be in one group with whom, by category number, a rejected micro-cluster m being −2 − m."""
        found: dict[int, set[int]] = {}
        pairs = [*self.apart, *((-2 - micro, category) for micro, category in self.rejected)]
        for one, other in pairs:
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
        return found


NO_RULES = Rules()
