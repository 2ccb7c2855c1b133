"""The one way in which categories change other than by an arrival: decided in memory, one transaction, undoable."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from categoriser.catalog import collections, events, history, images, outbox, taxonomy
from categoriser.catalog.history import Constraint
from categoriser.domain import IntVector
from categoriser.engine import UNSORTED
from categoriser.engine.quality import describe_categories
from categoriser.maintenance.change import Change, Ran
from categoriser.maintenance.hierarchy import place
from categoriser.state import EngineState, Storage, store_micro

EXEMPLARS = 8

Entry: TypeAlias = Mapping[str, Any]  # of the log
Then: TypeAlias = Callable[[Connection, int], Sequence[Entry]]  # with the version; answers more to log
Fence: TypeAlias = Callable[[Connection], None]  # raises when another process does the work by now


@dataclass(frozen=True, slots=True)
class Published:
    """What came of a change."""

    version: int
    moved: int  # images that were settled in a category and are in another one now, or in Unsorted
    created: Sequence[int]
    retired: Mapping[int, int | None]  # category → where it leads
    absorbed: int  # images that were in Unsorted and are in a category now
    reconsidered: int  # images that were tentatively in a category and are in another one now, or in Unsorted


def publish(
    storage: Storage,
    state: EngineState,
    change: Change,
    *,
    kind: str,
    started: float,
    summary: Mapping[str, Any] | None = None,
    category: int | None = None,
    run: Ran | None = None,
    next_category: int | None = None,
    checked: Mapping[int, int] | None = None,
    settles: Collection[int] = (),
    undoes: int | None = None,
    fence: Fence | None = None,
    then: Then | None = None,
    news: Sequence[Entry] = (),
) -> Published:
    """Make a change, for readers all of it at once. Call it within ``states.writing``: a failure drops the state.

    Args:
        storage: of the library.
        state: of the collection.
        change: what changes; micro-clusters it opened exist in memory.
        kind: of the version.
        started: ``time.perf_counter()`` when the work on it began.
        summary: what people are told about the version.
        category: the one that it is about, if it is about one.
        run: what the run that this is went by.
        next_category: first number that is free afterwards.
        checked: category → first row that this run did not look at; after other changes all touched are looked into.
        settles: micro-clusters that it leaves where they are for good. What it moves, and what is in a category that
            a person locked or named, is settled by that.
        undoes: the version that this takes back.
        fence: called first in the transaction; what it raises undoes all.
        then: called in the transaction when the change is written.
        news: more entries for the log, after the one about the version.
    """
    grouping, collection = state.grouping, state.collection
    before, sources = grouping.labels, set(change.images)
    guessed = _guessed(state, change)
    grouping.change(
        {number: after for number, (_, after) in change.micros.items()},
        {position: after for position, (_, after) in change.images.items()},
        calibration=None if run is None else run.calibration,
        next_category=next_category,
    )
    after = grouping.labels
    left = (before != after) & (before >= 0)
    moved, reconsidered = _counted(left, guessed, ran=run is not None)
    absorbed = int(np.count_nonzero((before == UNSORTED) & (after >= 0)))
    version = collection.taxonomy_version + 1
    touched = change.touched() | _categories_of(before, after)
    checked = dict.fromkeys(touched, 0) if checked is None else checked
    described = _described(storage, state, touched | set(checked))  # before the transaction: others wait for its end
    with storage.database.write() as connection:
        if fence is not None:
            fence(connection)
        taxonomy.open_micros(
            connection, collection.id, {number: or_none(category) for number, category in change.opened.items()}
        )
        order = _move(connection, state, sources)
        created = _create(connection, state, touched)
        taxonomy.set_categories(
            connection, collection.id, {number: or_none(pair[1]) for number, pair in change.micros.items()}
        )
        taxonomy.change(
            connection,
            collection.id,
            {number: {name: pair[1] for name, pair in facts.items()} for number, facts in change.facts.items()},
        )
        taxonomy.set_checked(connection, collection.id, checked)
        gone = _retire(connection, state, before, after, touched)
        _follow(connection, state, change, gone)
        history.take_back(connection, collection.id, change.removed)
        history.decide(connection, collection.id, change.added)
        revived = taxonomy.revive(connection, collection.id, set(np.unique(after).tolist()) & touched)
        taxonomy.describe(connection, collection.id, {one: said for one, said in described.items() if one not in gone})
        told_first: Entry = {"kind": kind, "category": category, "detail": {"version": version, **(summary or {})}}
        log: list[Entry] = [told_first, *news, *({"kind": "revive", "category": number} for number in revived)]
        log += _announce(connection, state, before, after, created, gone, guessed)
        wanted = {number: group for number, (_, group) in change.groups.items()}
        next_group, told = place(connection, state, wanted, before, after, created)
        log += told
        log += () if then is None else then(connection, version)
        events.append(connection, collection.id, log)
        values: dict[str, Any] = {name: pair[1] for name, pair in change.settings.items()} | {"next_group": next_group}
        if run is not None:
            values |= {"images_at_run": run.images, "last_run_at": time.time()}
        collections.update(
            connection,
            collection.id,
            next_category=grouping.next_category,
            calibration=grouping.calibration.as_dict(),
            taxonomy_version=version,
            **values,
        )
        history.put(
            connection,
            collection.id,
            version,
            kind=kind,
            seconds=time.perf_counter() - started,
            summary={**(summary or {}), **_standing(connection, collection.id, run, moved, absorbed)},
            change=change.as_json(state.positions),
        )
        if undoes is not None:
            history.mark_undone(connection, collection.id, undoes, version)
        _settle(connection, state, {*settles, *change.micros, *(micro for _, micro in change.images.values())})
        if run is not None and run.next_row == state.positions.next_row:  # else there is something new for the next one
            collections.remember_run(connection, collection.id)
    if order is not None:
        storage.delivery.deliver(order)
    grouping.checked |= {number: state.positions.below(row) for number, row in checked.items()}
    state.published(version, values, ran=None if run is None else run.images)
    return Published(version, moved, created, gone, absorbed, reconsidered)


def _standing(connection: Connection, collection_id: int, run: Ran | None, moved: int, absorbed: int) -> dict[str, int]:
    """What a run did and leaves, for those who look at how a collection has developed."""
    if run is None:
        return {}
    return {
        "images": taxonomy.images_in_all(connection, collection_id),
        "unsorted": taxonomy.unsorted(connection, collection_id),
        "categories": len(taxonomy.living(connection, collection_id)),
        "moved": moved,
        "absorbed": absorbed,
    }


def _guessed(state: EngineState, change: Change) -> npt.NDArray[np.bool_]:
    """Images [positions] whose category is tentative; noted in the change, so that nobody learns from its undoing."""
    marked, micro_of = state.grouping.micros.tentative, state.grouping.micro_of
    change.guessed = [number for number in change.micros if marked[number]]
    found = np.zeros(len(micro_of), np.bool_)
    found[micro_of >= 0] = marked[micro_of[micro_of >= 0]]
    return found


def _counted(left: npt.NDArray[np.bool_], guessed: npt.NDArray[np.bool_], *, ran: bool) -> tuple[int, int]:
    """Of the images that left a category, those moved and, where a run did it, those only reconsidered."""
    reconsidered = int(np.count_nonzero(left & guessed)) if ran else 0
    return int(np.count_nonzero(left)) - reconsidered, reconsidered


def _settle(connection: Connection, state: EngineState, numbers: Collection[int]) -> None:
    """Read what is decided by now; take the tentative mark off micro-clusters, and off those that a person holds."""
    state.decided(connection)
    micros = state.grouping.micros
    marked = np.flatnonzero(micros.tentative)
    held = np.isin(micros.categories[marked], list(state.grouping.rules.held))
    settled = marked[held | np.isin(marked, list(numbers))].tolist()
    micros.settle(settled)
    taxonomy.settle(connection, state.collection.id, settled)


def or_none(category: int) -> int | None:
    """As SQL has it."""
    return None if category == UNSORTED else category


def _move(connection: Connection, state: EngineState, heads: Collection[int]) -> outbox.Order | None:
    """Images that changed their micro-cluster, with those stacked on them."""
    if not heads:
        return None
    collection, grouping = state.collection, state.grouping
    moved = np.array(sorted(heads), np.int64)
    with_stacked = np.concatenate([moved, np.flatnonzero(np.isin(grouping.head_of, moved))])
    micro_of, row_at = grouping.micro_of, state.positions.row
    stored = state.places(connection, with_stacked.tolist())
    changes: Counter[int] = Counter()
    for position, (_, old) in stored.items():
        changes[old] -= 1
        changes[int(micro_of[position])] += 1
    images.set_micros(connection, collection.id, {row_at(one): int(micro_of[one]) for one in stored})
    taxonomy.count_images(connection, collection.id, changes)
    return outbox.move(
        connection,
        collection,
        [image_id for image_id, _ in stored.values()],
        np.array([store_micro(collection.id, int(micro_of[one])) for one in stored], np.int64),
    )


def _categories_of(before: IntVector, after: IntVector) -> set[int]:
    """Categories that lose or win an image."""
    differing = before != after
    return {*np.unique(before[differing]).tolist(), *np.unique(after[differing]).tolist()} - {UNSORTED}


def _create(connection: Connection, state: EngineState, touched: Collection[int]) -> list[int]:
    created = sorted(number for number in touched if number >= state.collection.next_category)
    taxonomy.create(connection, state.collection.id, created)
    return created


def _retire(
    connection: Connection, state: EngineState, before: IntVector, after: IntVector, touched: Collection[int]
) -> dict[int, int | None]:
    """Categories that lost all their images, with where each leads: to where most of them went."""
    gone: dict[int, int | None] = {}
    for number in taxonomy.emptied(connection, state.collection.id, touched):
        went = after[before == number]
        went = went[went >= 0]
        gone[number] = int(np.bincount(went).argmax()) if len(went) else None
    taxonomy.retire(connection, state.collection.id, gone)
    return gone


def _follow(connection: Connection, state: EngineState, change: Change, gone: Mapping[int, int | None]) -> None:
    """What was decided about a category holds for the one it was merged into, as far as that makes sense."""
    moved = {number: winner for number, winner in gone.items() if winner is not None}
    if not moved:
        return
    known = set(history.decided(connection, state.collection.id)) - set(change.removed)
    for one in known | set(change.added):
        wanted: Constraint | None = one
        if one.kind == "reject" and one.category in moved:
            category = moved[one.category]
            wanted = None if state.category_of(one.subject) == category else one._replace(category=category)
        elif one.kind == "apart" and (one.subject in moved or one.category in moved):
            pair = sorted(moved.get(number, number) for number in (one.subject, one.category))
            wanted = None if pair[0] == pair[1] else Constraint("apart", *pair)
        elif one.kind == "whole" and one.subject in moved:
            wanted = Constraint("whole", moved[one.subject])
        if wanted == one:
            continue
        if one in known:
            change.removed.append(one)
        else:
            change.added.remove(one)
        if wanted is not None and wanted not in known and wanted not in change.added:
            change.added.append(wanted)


def _described(storage: Storage, state: EngineState, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """Cohesion and exemplars, as ids, of those of the categories that have images."""
    described = describe_categories(state.grouping, EXEMPLARS, numbers)
    with storage.database.read() as connection:
        ids = state.places(connection, [image for one in described.values() for image in one.exemplars])
    return {
        number: {"cohesion": one.cohesion, "exemplars": [ids[image][0] for image in one.exemplars]}
        for number, one in described.items()
    }


def _announce(
    connection: Connection,
    state: EngineState,
    before: IntVector,
    after: IntVector,
    created: Sequence[int],
    gone: Mapping[int, int | None],
    guessed: npt.NDArray[np.bool_],
) -> list[Entry]:
    """Categories first, then every image that is not where these lead it."""
    entries: list[Entry] = []
    for number in created:
        came = np.where(guessed, UNSORTED, before)[after == number]
        parent = int(np.bincount(came + 1).argmax()) - 1 if len(came) else UNSORTED
        if parent == UNSORTED:
            entries.append({"kind": "spawn", "category": number})
        else:
            entries.append({"kind": "split", "category": number, "detail": {"parent": parent}})
    losers: dict[int, list[int]] = {}
    expected = before.copy()
    for number, winner in gone.items():
        if winner is None:
            entries.append({"kind": "retire", "category": number})
        else:
            losers.setdefault(winner, []).append(number)
            expected[before == number] = winner
    entries += [{"kind": "merge", "category": winner, "detail": {"losers": some}} for winner, some in losers.items()]
    relocated = np.flatnonzero(expected != after).tolist()
    ids = state.places(connection, relocated)
    entries += [_relocation(ids[one][0], int(expected[one]), int(after[one])) for one in relocated if one in ids]
    return entries


def _relocation(image_id: str, old: int, new: int) -> Entry:
    kind = "attach" if old == UNSORTED else "move"
    return {"kind": kind, "image_id": image_id, "category": or_none(new), "detail": {"from": or_none(old)}}
