"""What people change themselves. Each is a version that can be undone, and a constraint that later runs honour."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from categoriser.catalog import history, images, taxonomy
from categoriser.catalog.history import Constraint
from categoriser.catalog.tables import Record
from categoriser.domain import Granularity, IntVector
from categoriser.engine import UNSORTED
from categoriser.engine.halves import halves
from categoriser.errors import ConfigurationError, ConflictError, NotFoundError, OutdatedError
from categoriser.maintenance.changes import Change, Pair, publish
from categoriser.state import EngineState, Storage

STRICTER = 0.25  # σ that each rejection adds to what a category asks of newcomers' neighbours
_STRICTEST = 1.5
_ALIKE = 12  # images shown as like those corrected

Flag = Literal["locked", "hidden"]


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of a correction. ``alike``: images of the same category that look like those that left it."""

    version: int
    moved: int
    created: int | None = None
    alike: Sequence[str] = ()


class Editor:
    """Corrections of one collection. ``expected`` everywhere: the taxonomy version that the person was looking at."""

    def __init__(self, storage: Storage, collection_id: int) -> None:
        self._storage = storage
        self._id = collection_id

    def move(
        self, image_ids: Collection[str], target: int | None, *, label: str | None = None, expected: int | None = None
    ) -> Edited:
        """Put images into a category, or into a new one for None; they never move by themselves again.

        Raises:
            NotFoundError: an image or the category does not exist.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            rows = self._rows(state, image_ids)
            if target is not None:
                self._living(state, target)
            change, number = Change(), self._number(state, target)
            self._gather(state, change, rows, number)
            if label is not None:
                change.facts[number] = self._naming(number, label)
            return self._done(state, change, "gather", started, rows, created=None if target is not None else number)

    def reject(self, image_ids: Collection[str], *, expected: int | None = None) -> Edited:
        """These images are not what their category is: they go to Unsorted, and the category becomes stricter.

        Raises:
            NotFoundError: an image does not exist.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            rows, grouping = self._rows(state, image_ids), state.grouping
            rows = rows[grouping.labels[rows] >= 0]
            if not len(rows):
                raise ConfigurationError("None of these images is in a category.")
            sources, change = grouping.labels[rows], Change()
            for row, source in zip(rows.tolist(), sources.tolist(), strict=True):
                micro = self._own_micro(state, change, row, UNSORTED)
                change.added.append(Constraint("reject", micro, source))
            facts = self._facts(sources.tolist())
            for number in np.unique(sources).tolist():
                before = float(facts[number]["strictness"])
                change.facts[number] = {"strictness": (before, min(_STRICTEST, before + STRICTER))}
            self._release_pins(state, change, rows)
            return self._done(state, change, "reject", started, rows)

    def merge(self, winner: int, losers: Collection[int], *, expected: int | None = None) -> Edited:
        """Make categories one, which no run splits again; the losers' ids lead to the winner for ever.

        Raises:
            NotFoundError: one of them does not exist.
            OutdatedError: the taxonomy is not at the version ``expected``.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, expected)
            others = set(losers) - {winner}
            if not others:
                raise ConfigurationError("A merge needs at least two different categories.")
            for number in {winner, *others}:
                self._living(state, number)
            change = Change()
            self._take_all(state, change, others, winner)
            self._decide(change, [Constraint("whole", winner)])
            apart = [one for one in self._decided() if one.kind == "apart" and {one[1], one[2]} <= {winner, *others}]
            change.removed += apart  # who merges them has changed their mind
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
                rows = self._rows(state, image_ids)
                if (grouping.labels[rows] != category).any():
                    raise ConfigurationError("Only images of the category can be split off it.")
                if len(rows) >= np.count_nonzero(grouping.active & (grouping.labels == category)):
                    raise ConfigurationError("A split has to leave some images in the category.")
                self._gather(state, change, rows, number)
            whole = Constraint("whole", category)
            change.removed += [whole] if whole in self._decided() else []
            self._decide(change, [Constraint("apart", category, number)])
            if label is not None:
                change.facts[number] = self._naming(number, label)
            return self._done(state, change, "part", started, created=number)

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
            rows = [np.flatnonzero(np.isin(micro_of, part)).tolist() for part in parts]
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
            wanted = (None, None) if label is None else (checked_label(label), "person")
            change = Change(
                facts={
                    category: {
                        "label": (stored["label"], wanted[0]),
                        "named_by": (stored["named_by"], wanted[1]),
                        "naming": (stored["naming"], None),
                    }
                }
            )
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
            return self._done(state, change, kinds[name][value], started, category=category)

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

    def undo(self, version: int) -> Edited:
        """Take a version back: what it moved goes where it was, as far as nobody moved it since.

        An undone run does not merge the same categories, nor split the same category, again.

        Raises:
            NotFoundError: there is no such version.
            ConflictError: it was undone already.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, None)
            with self._storage.database.read() as connection:
                stored = history.get(connection, self._id, version)
                if stored is None:
                    raise NotFoundError(f"There is no version {version} of collection {state.collection.name!r}.")
                if stored["undone_by"] is not None:
                    raise ConflictError(f"Version {version} was undone already, by version {stored['undone_by']}.")
                numbers = {number for number, *_ in stored["change"]["facts"]}
                facts = taxonomy.facts(connection, self._id, numbers)
            change = Change.inverse(stored["change"], state, facts)
            present = self._decided()
            change.removed = [one for one in change.removed if one in present]
            change.added = [one for one in change.added if one not in present]
            if stored["kind"] == "run":
                self._decide(change, _lessons(stored["change"]))
            return self._done(state, change, "undo", started, undoes=version)

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _begin(self, state: EngineState, expected: int | None) -> float:
        self._storage.delivery.ready()
        if expected is not None and expected != state.collection.taxonomy_version:
            raise OutdatedError(
                f"The categories are at version {state.collection.taxonomy_version} by now, not {expected}; look again "
                "and repeat what still applies."
            )
        return time.perf_counter()

    def _done(
        self,
        state: EngineState,
        change: Change,
        kind: str,
        started: float,
        rows: IntVector | None = None,
        *,
        created: int | None = None,
        category: int | None = None,
        detail: Mapping[str, Any] | None = None,
        undoes: int | None = None,
    ) -> Edited:
        sources = state.grouping.labels[rows] if rows is not None else np.empty(0, np.int64)
        number = state.grouping.next_category
        done = publish(
            self._storage,
            state,
            change,
            kind=kind,
            started=started,
            summary={"of": undoes} if undoes is not None else detail,
            category=category if created is None else created,
            next_category=number + 1 if created == number else None,
            undoes=undoes,
        )
        alike = [] if rows is None else self._alike(state, rows, sources)
        return Edited(done.version, done.moved, created, alike)

    def _rows(self, state: EngineState, image_ids: Collection[str]) -> IntVector:
        """Rows that weigh: of an image stacked on another one, that one with all its stack."""
        with self._storage.database.read() as connection:
            found = images.known(connection, self._id, list(image_ids))
        missing = [image_id for image_id in image_ids if image_id not in found]
        if missing or not image_ids:
            named = repr(missing[0]) if missing else "given"
            raise NotFoundError(f"Collection {state.collection.name!r} has no image {named}; nothing was changed.")
        rows = [one["row"] if one["head_row"] is None else one["head_row"] for one in found.values()]
        return np.unique(np.array(rows, np.int64))

    def _living(self, state: EngineState, number: int) -> Record:
        with self._storage.database.read() as connection:
            found = taxonomy.find(connection, self._id, number)
        if found is None or found["retired_at"] is not None:
            raise NotFoundError(
                f"Collection {state.collection.name!r} has no category {state.collection.category_id(number)!r}."
            )
        return found

    def _facts(self, numbers: Collection[int]) -> Mapping[int, Record]:
        with self._storage.database.read() as connection:
            return taxonomy.facts(connection, self._id, set(numbers))

    def _decided(self) -> set[Constraint]:
        with self._storage.database.read() as connection:
            return set(history.decided(connection, self._id))

    def _decide(self, change: Change, wanted: Sequence[Constraint]) -> None:
        present = self._decided()
        change.added += [one for one in dict.fromkeys(wanted) if one not in present]

    def _number(self, state: EngineState, target: int | None) -> int:
        return state.grouping.next_category if target is None else target

    def _naming(self, number: int, label: str) -> dict[str, Pair]:
        stored = self._facts([number]).get(number, {"label": None, "named_by": None})
        return {"label": (stored["label"], checked_label(label)), "named_by": (stored["named_by"], "person")}

    def _gather(self, state: EngineState, change: Change, rows: IntVector, number: int) -> None:
        """Put images into pinned micro-clusters of their own in a category, one per micro-cluster that they leave."""
        self._release_pins(state, change, rows)
        micro_of = state.grouping.micro_of
        fresh: dict[int, int] = {}
        for row in rows.tolist():
            own = int(micro_of[row])
            if own not in fresh:
                fresh[own] = state.grouping.open_micro(number)
                change.opened[fresh[own]] = number
                change.added.append(Constraint("pin", fresh[own]))
            change.rows[row] = (own, fresh[own])

    def _own_micro(self, state: EngineState, change: Change, row: int, number: int) -> int:
        micro = state.grouping.open_micro(number)
        change.opened[micro] = number
        change.rows[row] = (int(state.grouping.micro_of[row]), micro)
        return micro

    def _release_pins(self, state: EngineState, change: Change, rows: IntVector) -> None:
        """A pin that keeps nobody any more is taken back with the last image that leaves it."""
        counts = state.grouping.micros.counts
        leaving = np.bincount(state.grouping.micro_of[rows], minlength=len(counts))
        for one in self._decided():
            if one.kind == "pin" and leaving[one.subject] and leaving[one.subject] == counts[one.subject]:
                change.removed.append(one)

    def _take_all(self, state: EngineState, change: Change, sources: Collection[int], target: int) -> None:
        categories = state.grouping.micros.categories
        for micro in np.flatnonzero(np.isin(categories, list(sources))).tolist():
            change.micros[micro] = (int(categories[micro]), target)

    def _alike(self, state: EngineState, rows: IntVector, sources: IntVector) -> list[str]:
        """Images that stayed in the category and have one of those that left it among their neighbours."""
        grouping = state.grouping
        near = grouping.lists.ids[rows].ravel()
        cosines = grouping.lists.cosines[rows].ravel()
        category = np.repeat(sources, grouping.lists.ids.shape[1])
        stayed = (near >= 0) & (category >= 0)
        stayed[stayed] = grouping.labels[near[stayed]] == category[stayed]
        order = np.argsort(-cosines[stayed], kind="stable")
        chosen = list(dict.fromkeys(near[stayed][order].tolist()))[:_ALIKE]
        with self._storage.database.read() as connection:
            found = images.places(connection, self._id, chosen)
        return [found[row][0] for row in chosen if row in found]


def checked_label(label: str) -> str:
    """A name for a category as it is stored.

    Raises:
        ConfigurationError: it is empty or too long.
    """
    label = " ".join(label.split())
    if not label or len(label) > 100 or not label.isprintable():
        raise ConfigurationError(f"{label[:40]!r} cannot name a category: use 1 to 100 printable characters.")
    return label


def _lessons(change: Mapping[str, Any]) -> list[Constraint]:
    """What the undoing of a run teaches: categories it merged stay apart, one it split stays whole."""
    found = []
    flows = {(before, after) for _, before, after in change["micros"] if before >= 0 and after >= 0}
    sources = {before for _, before, _ in change["micros"]}
    for before, after in sorted(flows):
        if after in sources or after < before:
            found.append(Constraint("apart", min(before, after), max(before, after)))
        found.append(Constraint("whole", before))
    return found


def _halves(state: EngineState, category: int) -> tuple[list[int], list[int]]:
    """Micro-clusters of what stays and of what leaves when a category is cut in two."""
    parts = halves(state.grouping.micros, category)
    if parts is None:
        raise ConfigurationError("This category is too uniform to be cut in two; choose the images to split off.")
    return parts[0].tolist(), parts[1].tolist()
