"""Suggestions: what runs would change and may not, kept until a person decides or a run does not find it any more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from categoriser.catalog import events, suggestions
from categoriser.catalog.history import Constraint
from categoriser.catalog.tables import Record
from categoriser.engine import NOBODY, UNSORTED
from categoriser.errors import ConflictError, NotFoundError
from categoriser.maintenance.change import Change
from categoriser.maintenance.editing import Edited, Editing
from categoriser.maintenance.ideas import ALIKE, Idea, ideas, members, same, size, unchanged
from categoriser.maintenance.publishing import Entry
from categoriser.maintenance.steps import Step, change_of
from categoriser.state import EngineState

_EXAMPLES = 6


@dataclass(frozen=True, slots=True)
class Standing:
    """A suggestion that holds now: ``images`` that would go, and the ids of some of them."""

    stored: Record
    images: int
    examples: Sequence[str]


def keep(connection: Connection, state: EngineState, steps: Sequence[Step], version: int) -> list[Entry]:
    """Bring the suggestions up to what a run held back, within its transaction; answers what to log.

    One that is found again keeps its number; one that is not found any more goes.
    """
    collection_id, found = state.collection.id, ideas(state, steps)
    stored = suggestions.everything(connection, collection_id)
    living = suggestions.living(connection, collection_id, {one["source"] for one in stored} | _targets(stored))
    gone = [one["number"] for one in stored if not {one["source"], *_targets([one])} <= living]
    fresh: list[tuple[Idea, dict[str, Any]]] = []
    again: set[int] = set()
    for idea in found:
        values = _values(state, idea)
        matching = [one for one in stored if one["number"] not in again and same(state, idea, one)]
        if any(one["dismissed_at"] is not None and unchanged(state, idea, one) for one in matching):
            continue
        gone += [one["number"] for one in matching if one["dismissed_at"] is not None]
        known = next((one for one in matching if one["dismissed_at"] is None), None)
        if known is None:
            fresh.append((idea, {**values, "version": version}))
        else:
            again.add(known["number"])
            if any(known[name] != value for name, value in values.items()):
                suggestions.change(connection, collection_id, known["number"], values)
    gone += [one["number"] for one in stored if one["dismissed_at"] is None and one["number"] not in again]
    suggestions.drop(connection, collection_id, gone)
    numbers = suggestions.add(connection, collection_id, [values for _, values in fresh])
    return [
        {
            "kind": "suggest",
            "category": idea.target,
            "detail": {"suggestion": number, "step": idea.kind, "from": idea.source},
        }
        for number, (idea, _) in zip(numbers, fresh, strict=True)
    ]


def standing(connection: Connection, collection_id: int, *, after: int = 0, limit: int = 100) -> list[Standing]:
    """Suggestions behind a number that are open and still hold, in the order in which they were found.

    One does not when a category of it ended, or when less than half of its images are where they were.
    """
    stored = [one for one in suggestions.everything(connection, collection_id) if one["dismissed_at"] is None]
    living = suggestions.living(connection, collection_id, {one["source"] for one in stored} | _targets(stored))
    found: list[Standing] = []
    for one in stored:
        if len(found) == limit:
            break
        if one["number"] <= after or not {one["source"], *_targets([one])} <= living:
            continue
        rows = [row for row, _ in one["moves"]]
        if one["kind"] == "merge":
            micros = suggestions.micros_in(connection, collection_id, one["source"])
        else:
            micros = suggestions.still_in(connection, collection_id, one["source"], one["micros"])
            rows = suggestions.rows_still_in(connection, collection_id, one["source"], rows, set(micros))
        images_there = sum(micros.values()) + len(rows)
        if images_there and (one["kind"] == "merge" or images_there >= ALIKE * one["size"]):
            examples = suggestions.examples(connection, collection_id, list(micros), rows, _EXAMPLES)
            found.append(Standing(one, images_there, examples))
    return found


class Advisor(Editing):
    """What people make of the suggestions of one collection."""

    def accept(self, number: int, *, expected: int | None = None) -> Edited:
        """Do what a suggestion says, as far as its images are still there. No run takes it back.

        Raises:
            NotFoundError: there is no such suggestion, or not any more.
            ConflictError: it does not hold any more.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            stored = self._open(number)
            change = self._change(state, stored)

            def forget(connection: Connection, _: int) -> Sequence[Entry]:
                suggestions.drop(connection, self._id, [number])
                return ()

            return self._done(
                state,
                change,
                "accept",
                started,
                created=state.grouping.next_category if stored["kind"] == "split" else None,
                category=stored["target"],
                detail={"suggestion": number, "step": stored["kind"], "from": stored["source"]},
                then=forget,
            )

    def dismiss(self, number: int) -> None:
        """Do not propose this any more, until what speaks for it has changed clearly.

        Raises:
            NotFoundError: there is no such suggestion, or not any more.
            ConflictError: it was dismissed already.
        """
        stored = self._open(number)
        detail = {"suggestion": number, "step": stored["kind"], "from": stored["source"]}
        with self._storage.database.write() as connection:
            suggestions.change(connection, self._id, number, {"dismissed_at": time.time()})
            events.append(connection, self._id, [{"kind": "dismiss", "category": stored["target"], "detail": detail}])

    def _open(self, number: int) -> Record:
        with self._storage.database.read() as connection:
            stored = suggestions.get(connection, self._id, number)
        if stored is None:
            raise NotFoundError(f"There is no suggestion {number}, or not any more; list them again.")
        if stored["dismissed_at"] is not None:
            raise ConflictError(f"Suggestion {number} was dismissed already.")
        return stored

    def _change(self, state: EngineState, stored: Record) -> Change:
        source, target, kind = stored["source"], stored["target"], stored["kind"]
        for category in (source, *_targets([stored])):
            if not ((state.grouping.micros.categories == category) & (state.grouping.micros.counts > 0)).any():
                raise _stale(stored, f"category {state.collection.category_id(category)!r} ended")
        decided = self._decided()
        if kind == "merge":
            if Constraint("apart", min(source, target), max(source, target)) in decided:
                raise _stale(stored, "these categories are to be kept apart by now")
            change = Change()
            self._take_all(state, change, [source], target)
            self._decide(change, [Constraint("whole", target)])
            return change
        step = self._step(state, stored)
        change = change_of(state, [step])
        if kind == "split":
            if Constraint("whole", source) in decided:
                raise _stale(stored, "this category is to stay whole by now")
            self._decide(change, [Constraint("apart", source, step.target)])
        return change

    def _step(self, state: EngineState, stored: Record) -> Step:
        """What of a suggestion is still in place, without what people decided about since."""
        grouping, source, kind = state.grouping, stored["source"], stored["kind"]
        new = {"split": grouping.next_category, "release": UNSORTED}
        target = new[kind] if kind in new else int(stored["target"])
        bound = grouping.rules.pinned | {micro for micro, where in grouping.rules.rejected if where == target}
        micros = [
            micro
            for micro in stored["micros"]
            if state.category_of(micro) == source and grouping.micros.counts[micro] and micro not in bound
        ]
        labels, micro_of = grouping.labels, grouping.micro_of
        positions = state.positions.of([row for row, _ in stored["moves"]]).tolist()
        moves = {
            row: micro
            for (row, micro), at in zip(stored["moves"], positions, strict=True)
            if at != NOBODY and labels[at] == source and micro_of[at] not in grouping.rules.bound
        }
        left = len(members(state, micros, moves))
        if not left or (left < ALIKE * stored["size"] and kind != "merge"):
            raise _stale(stored, "most of its images are somewhere else by now")
        if kind == "split" and left >= np.count_nonzero(grouping.active & (labels == source)):
            raise _stale(stored, "nothing would be left in the category")
        return Step(f"accept.{stored['number']}", kind, source, target, left, micros=micros, moves=moves)


def _values(state: EngineState, idea: Idea) -> dict[str, Any]:
    return {
        "kind": idea.kind,
        "source": idea.source,
        "target": idea.target,
        "micros": idea.micros,
        "moves": [list(pair) for pair in idea.moves.items()],
        "size": size(state, idea),
        "reason": idea.reason,
    }


def _targets(stored: Sequence[Record]) -> set[int]:
    return {one["target"] for one in stored if one["target"] is not None}


def _stale(stored: Record, why: str) -> ConflictError:
    return ConflictError(f"Suggestion {stored['number']} does not hold any more: {why}. The next run looks again.")
