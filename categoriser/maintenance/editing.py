"""What all changes by people have in common: looking at what is there, recording decisions, publishing."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from categoriser.catalog import history, images, taxonomy
from categoriser.catalog.history import Constraint
from categoriser.catalog.tables import Record
from categoriser.domain import IntVector
from categoriser.errors import ConfigurationError, NotFoundError, OutdatedError
from categoriser.maintenance.change import Change, Pair, bounded
from categoriser.maintenance.publishing import Then, publish
from categoriser.maintenance.unwanted import renamed
from categoriser.state import EngineState, Storage

_ALIKE = 12  # images shown as like those corrected


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of a correction. ``alike``: images of the same category that look like those that left it."""

    version: int
    moved: int
    created: int | None = None
    alike: Sequence[str] = ()
    changed: bool = True
    undone: int | None = None  # the version that was taken back, or one event of it


class Editing:
    """Changes of one collection. ``expected`` everywhere: the taxonomy version that the person was looking at."""

    def __init__(self, storage: Storage, collection_id: int) -> None:
        self._storage = storage
        self._id = collection_id

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
        chosen: IntVector | None = None,
        *,
        created: int | None = None,
        category: int | None = None,
        detail: Mapping[str, Any] | None = None,
        undoes: int | None = None,
        then: Then | None = None,
    ) -> Edited:
        """Publish a change; one that leaves all as it is makes no version."""
        if not change.is_any and then is None:
            return Edited(state.collection.taxonomy_version, 0, changed=False)
        sources = state.grouping.labels[chosen] if chosen is not None else np.empty(0, np.int64)
        number = state.grouping.next_category
        done = publish(
            self._storage,
            state,
            change,
            kind=kind,
            started=started,
            summary={"of": undoes} if detail is None and undoes is not None else detail,
            category=category if created is None else created,
            next_category=number + 1 if created == number else None,
            undoes=undoes,
            then=then,
        )
        alike = [] if chosen is None else self._alike(state, chosen, sources)
        return Edited(done.version, done.moved, created, alike)

    def _positions(self, state: EngineState, image_ids: Collection[str]) -> IntVector:
        """Positions of images that weigh: of one that is stacked on another one, that one with all its stack."""
        with self._storage.database.read() as connection:
            found = images.known(connection, self._id, list(image_ids))
        missing = [image_id for image_id in image_ids if image_id not in found]
        if missing or not image_ids:
            named = repr(missing[0]) if missing else "given"
            raise NotFoundError(f"Collection {state.collection.name!r} has no image {named}; nothing was changed.")
        return np.unique(state.positions.of([head_row(one) for one in found.values()]))

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

    def _naming(self, number: int, label: str | None) -> dict[str, Pair]:
        """A person's name for a category that may be new, or none for None."""
        stored = self._facts([number]).get(number, {"label": None, "named_by": None, "naming": None})
        wanted = (None, None) if label is None else (checked_label(label), "person")
        return {
            "label": (stored["label"], wanted[0]),
            "named_by": (stored["named_by"], wanted[1]),
            "naming": (stored["naming"], renamed(stored, wanted[0], None)),
        }

    def _adapt(self, change: Change, numbers: Collection[int], by: float) -> None:
        """Make categories stricter with newcomers, or less strict."""
        for number, stored in self._facts(numbers).items():
            before = float(stored["strictness"])
            if bounded(before + by) != before:
                change.facts.setdefault(number, {})["strictness"] = (before, bounded(before + by))

    def _gather(self, state: EngineState, change: Change, chosen: IntVector, number: int) -> None:
        """Put images into pinned micro-clusters of their own in a category, one per micro-cluster that they leave."""
        self._release_pins(state, change, chosen)
        micro_of = state.grouping.micro_of
        fresh: dict[int, int] = {}
        for position in chosen.tolist():
            own = int(micro_of[position])
            if own not in fresh:
                fresh[own] = state.grouping.open_micro(number)
                change.opened[fresh[own]] = number
                change.added.append(Constraint("pin", fresh[own]))
            change.images[position] = (own, fresh[own])

    def _unsettled(self, state: EngineState, chosen: IntVector, category: int) -> IntVector:
        """Those of the images that no person put into a category yet."""
        pinned = np.isin(state.grouping.micro_of[chosen], list(state.grouping.rules.pinned))
        settled: IntVector = chosen[~pinned | (state.grouping.labels[chosen] != category)]
        return settled

    def _own_micro(self, state: EngineState, change: Change, position: int, number: int) -> int:
        micro = state.grouping.open_micro(number)
        change.opened[micro] = number
        change.images[position] = (int(state.grouping.micro_of[position]), micro)
        return micro

    def _release_pins(self, state: EngineState, change: Change, chosen: IntVector) -> None:
        """A pin that keeps nobody any more is taken back with the last image that leaves it."""
        counts = state.grouping.micros.counts
        leaving = np.bincount(state.grouping.micro_of[chosen], minlength=len(counts))
        for one in self._decided():
            if one.kind == "pin" and leaving[one.subject] and leaving[one.subject] == counts[one.subject]:
                change.removed.append(one)

    def _take_all(self, state: EngineState, change: Change, sources: Collection[int], target: int) -> None:
        categories = state.grouping.micros.categories
        for micro in np.flatnonzero(np.isin(categories, list(sources))).tolist():
            change.micros[micro] = (int(categories[micro]), target)

    def _alike(self, state: EngineState, left: IntVector, sources: IntVector) -> list[str]:
        """Images that stayed in the category and have one of those that left it among their neighbours."""
        grouping = state.grouping
        near = grouping.lists.ids[left].ravel()
        cosines = grouping.lists.cosines[left].ravel()
        category = np.repeat(sources, grouping.lists.ids.shape[1])
        stayed = (near >= 0) & (category >= 0)
        stayed[stayed] = grouping.labels[near[stayed]] == category[stayed]
        order = np.argsort(-cosines[stayed], kind="stable")
        chosen = list(dict.fromkeys(near[stayed][order].tolist()))[:_ALIKE]
        with self._storage.database.read() as connection:
            found = state.places(connection, chosen)
        return [found[one][0] for one in chosen if one in found]


def head_row(stored: Record) -> int:
    """Row of an image, or of the one that it is stacked on."""
    row: int = stored["row"] if stored["head_row"] is None else stored["head_row"]
    return row


def checked_label(label: str) -> str:
    """A name for a category as it is stored.

    Raises:
        ConfigurationError: it is empty or too long.
    """
    label = " ".join(label.split())
    if not label or len(label) > 100 or not label.isprintable():
        raise ConfigurationError(f"{label[:40]!r} cannot name a category: use 1 to 100 printable characters.")
    return label
