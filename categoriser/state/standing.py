"""A collection as it stood at one moment, to be planned for while images go on coming."""

from __future__ import annotations

from dataclasses import dataclass

from categoriser.catalog.collections import CollectionRow
from categoriser.engine import Grouped
from categoriser.state.engine_state import EngineState
from categoriser.state.positions import Positions


@dataclass(frozen=True, slots=True)
class Standing:
    """What a plan is made from. ``state``: whose it was."""

    collection: CollectionRow
    positions: Positions
    grouping: Grouped
    state: EngineState

    @classmethod
    def of(cls, state: EngineState) -> Standing:
        """How a state stands. Call it while nobody else writes the state; it takes as long as copying some arrays."""
        return cls(state.collection, state.positions.copy(), state.grouping.copy(), state)

    def holds(self, state: EngineState) -> bool:
        """Whether nothing but arrivals came since, so that what was planned can be done."""
        then, now = self.collection, state.collection
        return (
            state is self.state
            and (then.taxonomy_version, then.granularity, then.wanted)
            == (now.taxonomy_version, now.granularity, now.wanted)
            and state.grouping.rules == self.grouping.rules
            and state.grouping.removals == self.grouping.removals
        )
