"""What people change themselves. Each is a version that can be undone, and a constraint that later runs honour.

Saying again what is so already makes no version: whoever had no answer may repeat it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np

from categoriser.catalog import images
from categoriser.catalog.history import Constraint
from categoriser.domain import Granularity
from categoriser.engine import UNSORTED
from categoriser.engine.halves import halves
from categoriser.errors import ConfigurationError
from categoriser.maintenance.change import Change
from categoriser.maintenance.editing import Edited, Editing, head_row
from categoriser.state import EngineState

STRICTER = 0.25  # σ that a correction adds to what the category it takes from asks of newcomers' neighbours

Flag = Literal["locked", "hidden"]


class Editor(Editing):
    """Corrections of one collection."""

    def move(
        self, image_ids: Collection[str], target: int | None, *, label: str | None = None, expected: int | None = None
    ) -> Edited:
        """Put images into a category, or into a new one for None; they never move by themselves again.

        Categories that lose some become stricter with newcomers, and the one that wins them less strict again.

        Raises:
            NotFoundError: an image or the category does not exist.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            chosen = self._positions(state, image_ids)
            if target is not None:
                self._living(state, target)
                chosen = self._unsettled(state, chosen, target)
            change, number = Change(), self._number(state, target)
            sources = set(state.grouping.labels[chosen].tolist()) - {number}
            self._adapt(change, sources - {UNSORTED}, STRICTER)
            if sources and target is not None:  # it should have taken them by itself
                self._adapt(change, {target}, -STRICTER)
            self._gather(state, change, chosen, number)
            if label is not None:
                change.facts.setdefault(number, {}).update(self._naming(number, label))
            return self._done(state, change, "gather", started, chosen, created=None if target is not None else number)

    def reject(self, image_ids: Collection[str], *, expected: int | None = None) -> Edited:
        """These images are not what their category is: they go to Unsorted, and the category becomes stricter.

        Raises:
            NotFoundError: an image does not exist.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            chosen, grouping = self._positions(state, image_ids), state.grouping
            chosen = chosen[grouping.labels[chosen] >= 0]
            if not len(chosen):
                raise ConfigurationError("None of these images is in a category.")
            sources, change = grouping.labels[chosen], Change()
            for position, source in zip(chosen.tolist(), sources.tolist(), strict=True):
                micro = self._own_micro(state, change, position, UNSORTED)
                change.added.append(Constraint("reject", micro, source))
            self._adapt(change, set(sources.tolist()), STRICTER)
            self._release_pins(state, change, chosen)
            return self._done(state, change, "reject", started, chosen)

    def merge(self, winner: int, losers: Collection[int], *, expected: int | None = None) -> Edited:
        """Make categories one, which no run splits again; the losers' ids lead to the winner for ever.

        Those that were made one before, by a run or by the same request, are kept one.

        Raises:
            NotFoundError: one of them does not exist.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            others = set(losers) - {winner}
            for number in {winner, *others}:
                self._living(state, number)
            change = Change()
            self._take_all(state, change, others, winner)
            self._decide(change, [Constraint("whole", winner)])
            of = state.grouping.micros.categories
            change.removed += [  # who merges them has changed their mind
                one
                for one in self._decided()
                if (one.kind == "apart" and {one[1], one[2]} <= {winner, *others})
                or (one.kind == "reject" and one.category == winner and of[one.subject] in others)
            ]
            return self._done(state, change, "unite", started, category=winner)

    def split(
        self,
        category: int,
        image_ids: Collection[str] | None = None,
        *,
        label: str | None = None,
        expected: int | None = None,
    ) -> Edited:
        """Take images out of a category into a new one, for ever; without ids, what ``halves`` shows as the second.

        Raises:
            NotFoundError: an image or the category does not exist.
            ConfigurationError: nothing or everything would be taken out.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            self._living(state, category)
            grouping, number, change = state.grouping, state.grouping.next_category, Change()
            if image_ids is None:
                _, micros = _halves(state, category)
                change.micros = dict.fromkeys(micros, (category, number))
            else:
                chosen = self._positions(state, image_ids)
                self._refuse_foreign(state, image_ids, category)
                if len(chosen) >= np.count_nonzero(grouping.active & (grouping.labels == category)):
                    raise ConfigurationError("A split has to leave some images in the category.")
                self._gather(state, change, chosen, number)
            whole = Constraint("whole", category)
            change.removed += [whole] if whole in self._decided() else []
            self._decide(change, [Constraint("apart", category, number)])
            if label is not None:
                change.facts[number] = self._naming(number, label)
            return self._done(state, change, "part", started, created=number)

    def _refuse_foreign(self, state: EngineState, image_ids: Collection[str], category: int) -> None:
        with self._storage.database.read() as connection:
            found = images.known(connection, self._id, list(image_ids))
        for image_id, one in found.items():
            place = state.grouping.label(state.positions.at(head_row(one)))
            if place != category:
                where = "Unsorted" if place == UNSORTED else f"category {state.collection.category_id(place)!r}"
                raise ConfigurationError(
                    f"Image {image_id!r} is in {where}; only images of category "
                    f"{state.collection.category_id(category)!r} can be split off it. Nothing was changed."
                )

    def halves(self, category: int) -> tuple[list[str], list[str]]:
        """The ids of the two parts into which ``split`` would cut a category.

        Raises:
            NotFoundError: there is no such category.
            ConfigurationError: it cannot be cut.
        """
        with self._storage.states.writing(self._id) as state:
            self._living(state, category)
            parts = _halves(state, category)
            micro_of = state.grouping.micro_of
            rows = [state.positions.rows[np.isin(micro_of, part)].tolist() for part in parts]
        with self._storage.database.read() as connection:
            first, second = (images.places(connection, self._id, some) for some in rows)
        return [image_id for image_id, _ in first.values()], [image_id for image_id, _ in second.values()]

    def rename(self, category: int, label: str | None, *, expected: int | None = None) -> Edited:
        """Give a category a name that is never overwritten, or take it back with None.

        Raises:
            NotFoundError: there is no such category.
            ConfigurationError: the name is empty or too long.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            stored = self._living(state, category)
            facts = self._naming(category, label)
            wanted = (facts["label"][1], facts["named_by"][1])
            change = Change(facts={category: facts} if wanted != (stored["label"], stored["named_by"]) else {})
            detail = {"label": wanted[0], "was": stored["label"]}
            return self._done(state, change, "rename", started, category=category, detail=detail)

    def flag(self, category: int, name: Flag, value: bool, *, expected: int | None = None) -> Edited:
        """Lock a category (no run touches it) or hide it, or take that back.

        Raises:
            NotFoundError: there is no such category.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        kinds = {"locked": ("unlock", "lock"), "hidden": ("show", "hide")}
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            stored = self._living(state, category)
            change = Change(facts={category: {name: (bool(stored[name]), value)}})
            detail = {"label": stored["label"]}
            return self._done(state, change, kinds[name][value], started, category=category, detail=detail)

    def never_merge(self, one: int, other: int, *, expected: int | None = None) -> Edited:
        """Keep two categories apart for ever.

        Raises:
            NotFoundError: there is no such category.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            if one == other:
                raise ConfigurationError("A category cannot be kept apart from itself.")
            for number in (one, other):
                self._living(state, number)
            change = Change()
            self._decide(change, [Constraint("apart", min(one, other), max(one, other))])
            return self._done(state, change, "apart", started, category=one, detail={"other": other})

    def granularity(self, value: Granularity, *, expected: int | None = None) -> Edited:
        """Set the dial; the next run follows it."""
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            change = Change(settings={"granularity": (state.collection.granularity, value)})
            return self._done(state, change, "granularity", started, detail={"granularity": value})


def _halves(state: EngineState, category: int) -> tuple[list[int], list[int]]:
    """Micro-clusters of what stays and of what leaves when a category is cut in two."""
    parts = halves(state.grouping.micros, category)
    if parts is None:
        raise ConfigurationError("This category is too uniform to be cut in two; choose the images to split off.")
    return parts[0].tolist(), parts[1].tolist()
