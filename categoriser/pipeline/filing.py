"""The one writer of a collection: files encoded images, one transaction per batch.

Order of things, so that no crash can lose or double an image: the engine decides in memory; one SQL transaction writes
images, micro-clusters, events, the order for the vector store and the end of the inbox entries; the store follows. When
anything fails before the commit the engine's memory is dropped and read again from SQL.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from categoriser.catalog import collections, events, images, inbox, outbox, taxonomy
from categoriser.catalog.tables import Record
from categoriser.domain import Filed, FloatVector, IntVector, Points
from categoriser.errors import CategoriserError, ConflictError, InvalidVectorError
from categoriser.intake import near_duplicate
from categoriser.maintenance import run, run_due_at
from categoriser.state import EngineState, Storage, store_micro

_TWIN_COSINE = 0.9  # a look at the hashes is only worth it for close neighbours
_SAME_VECTOR = 0.9999

Outcome = Filed | CategoriserError


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image that has its vector. ``facts``: further columns of the images table."""

    image_id: str
    vector: FloatVector  # [d], unit length
    facts: Mapping[str, Any] = field(default_factory=dict)
    inbox_id: int | None = None


def file_arrivals(
    storage: Storage, collection_id: int, arrivals: Sequence[Arrival], *, automatic_runs: bool
) -> list[Outcome]:
    """File images in their order; answers each with its category or with why not.

    An id that is there already, or comes twice, is answered like the first time. With ``automatic_runs`` a run follows
    wherever the collection's growth makes one due.
    """
    outcomes: list[Outcome] = []
    start = 0
    while start < len(arrivals):
        with storage.states.writing(collection_id) as state:
            room = run_due_at(state.images_at_run) - state.grouping.weighing
            take = len(arrivals) - start if not automatic_runs else max(1, room)
            part = arrivals[start : start + take]
            outcomes += _file(storage, state, part)
            start += len(part)
            if automatic_runs and state.grouping.weighing >= run_due_at(state.images_at_run):
                run(storage, collection_id)
            else:
                state.save_if_grown()
    return outcomes


@dataclass(slots=True)
class _Sorted:
    """A batch taken apart."""

    known: Mapping[str, Record]  # image id → what is stored
    new: list[Arrival] = field(default_factory=list)
    place_of: dict[str, int] = field(default_factory=dict)  # image id → place in ``new``
    refused: dict[int, CategoriserError] = field(default_factory=dict)  # place in the batch → why


def _file(storage: Storage, state: EngineState, arrivals: Sequence[Arrival]) -> list[Outcome]:
    batch = _sort(storage, state, arrivals)
    settled = [a.inbox_id for place, a in enumerate(arrivals) if a.inbox_id is not None and place not in batch.refused]
    first_row, micros_before = state.grouping.length, state.grouping.micros.length
    order = None
    with storage.database.write() as connection:
        if batch.new:
            state.hashes += [arrival.facts.get("phash") for arrival in batch.new]
            vectors = np.stack([arrival.vector for arrival in batch.new])
            micro_of = state.grouping.add(vectors, _twins(state, first_row) if any(state.hashes[first_row:]) else None)
            order = _write(connection, state, batch.new, micro_of, first_row, micros_before)
        inbox.settle(connection, settled)
        for place, problem in batch.refused.items():
            number = arrivals[place].inbox_id
            if number is not None:
                inbox.fail(connection, number, str(problem))
    if order is not None:
        storage.delivery.deliver(order)
    return [
        batch.refused.get(place) or _answer(storage, state, arrival, batch, first_row)
        for place, arrival in enumerate(arrivals)
    ]


def _sort(storage: Storage, state: EngineState, arrivals: Sequence[Arrival]) -> _Sorted:
    with storage.database.read() as connection:
        known = images.known(connection, state.collection.id, [arrival.image_id for arrival in arrivals])
    batch = _Sorted(known)
    for place, arrival in enumerate(arrivals):
        problem = _problem(state, arrival, known.get(arrival.image_id))
        earlier = batch.place_of.get(arrival.image_id)
        if problem is None and earlier is not None and not _same(batch.new[earlier], arrival):
            problem = _taken(arrival)
        if problem is not None:
            batch.refused[place] = problem
        elif arrival.image_id not in known and earlier is None:
            batch.place_of[arrival.image_id] = len(batch.new)
            batch.new.append(arrival)
    return batch


def _write(
    connection: Connection,
    state: EngineState,
    new: Sequence[Arrival],
    micro_of: IntVector,
    first_row: int,
    micros_before: int,
) -> outbox.Order:
    collection, grouping, now = state.collection, state.grouping, time.time()
    categories = grouping.micros.categories
    heads = grouping.head_of[first_row:]
    images.insert(
        connection,
        collection.id,
        [
            {
                **_NO_FACTS,
                **arrival.facts,
                "row": first_row + i,
                "image_id": arrival.image_id,
                "micro": int(micro_of[i]),
                "head_row": int(heads[i]) if heads[i] >= 0 else None,
                "added_at": now,
            }
            for i, arrival in enumerate(new)
        ],
    )
    opened = range(micros_before, grouping.micros.length)
    taxonomy.open_micros(connection, collection.id, {number: _or_none(categories[number]) for number in opened})
    taxonomy.count_images(connection, collection.id, Counter(micro_of.tolist()))
    events.append(
        connection,
        collection.id,
        [
            {"kind": "attach", "image_id": arrival.image_id, "category": _or_none(categories[micro])}
            for arrival, micro in zip(new, micro_of.tolist(), strict=True)
        ],
    )
    collections.update(connection, collection.id, next_row=grouping.length)
    return outbox.put(
        connection,
        collection,
        Points(
            image_ids=[arrival.image_id for arrival in new],
            vectors=grouping.rows.matrix[first_row:],
            micro_ids=np.array([store_micro(collection.id, micro) for micro in micro_of.tolist()], np.int64),
            added_at=[now] * len(new),
        ),
    )


_NO_FACTS = dict.fromkeys(
    ("sha256", "phash", "name", "source", "format", "width", "height", "taken_at", "metadata")
) | {"stored": False}


def _problem(state: EngineState, arrival: Arrival, known: Record | None) -> CategoriserError | None:
    vector = arrival.vector
    if vector.shape != (state.collection.dimension,):
        return InvalidVectorError(
            f"The vector of {arrival.image_id!r} has shape {vector.shape}, the collection wants "
            f"({state.collection.dimension},); use the encoder the collection was made with."
        )
    if not np.isfinite(vector).all() or abs(float(vector @ vector) - 1) > 1e-3:
        return InvalidVectorError(f"The vector of {arrival.image_id!r} is NaN, infinite or zero; leave it out.")
    if known is None:
        return None
    sha256 = arrival.facts.get("sha256")
    if sha256 is None and known["sha256"] is None:
        return None if float(state.grouping.rows.matrix[known["row"]] @ vector) > _SAME_VECTOR else _taken(arrival)
    return None if sha256 == known["sha256"] else _taken(arrival)


def _same(one: Arrival, other: Arrival) -> bool:
    if one.facts.get("sha256") is None:
        return float(one.vector @ other.vector) > _SAME_VECTOR
    return bool(one.facts["sha256"] == other.facts.get("sha256"))


def _taken(arrival: Arrival) -> ConflictError:
    return ConflictError(
        f"The id {arrival.image_id!r} belongs to another picture already; delete that one first or use another id."
    )


def _twins(state: EngineState, first_row: int) -> Any:
    """Near-duplicates by perceptual hash, looked for among the closest neighbours only."""

    def twin(place: int, near: npt.NDArray[np.int32], cosines: FloatVector) -> int:
        own = state.hashes[first_row + place]
        if own is None:
            return -1
        for row, cosine in zip(near.tolist(), cosines.tolist(), strict=True):
            if cosine < _TWIN_COSINE:
                break
            other = state.hashes[row]
            if other is not None and near_duplicate(own, other):
                return int(row)
        return -1

    return twin


def _answer(storage: Storage, state: EngineState, arrival: Arrival, batch: _Sorted, first_row: int) -> Filed:
    stored = batch.known.get(arrival.image_id)
    if stored is not None:
        category, head = stored["category"], stored["head_row"]
    else:
        row = first_row + batch.place_of[arrival.image_id]
        category, head = state.grouping.label(row), _or_none(state.grouping.head_of[row])
    stacked_on = None
    if head is not None:
        with storage.database.read() as connection:
            stacked_on = images.places(connection, state.collection.id, [head])[head][0]
    return Filed(
        image_id=arrival.image_id,
        category=state.collection.category_id(category),
        known=stored is not None,
        stacked_on=stacked_on,
    )


def remove_images(storage: Storage, collection_id: int, image_ids: Sequence[str]) -> int:
    """Delete images with everything that is known about them; returns how many there were."""
    with storage.states.writing(collection_id) as state:
        collection, grouping = state.collection, state.grouping
        with storage.database.read() as connection:
            found = images.describe(connection, collection_id, list(dict.fromkeys(image_ids)))
        if not found:
            return 0
        rows = np.array([row["row"] for row in found.values()], np.int64)
        heads_before = grouping.head_of.copy()
        grouping.remove(rows)
        restacked = np.setdiff1d(np.flatnonzero(heads_before != grouping.head_of), rows)
        with storage.database.write() as connection:
            images.delete(connection, collection_id, list(found))
            images.set_heads(
                connection, collection_id, {row: _or_none(grouping.head_of[row]) for row in restacked.tolist()}
            )
            taxonomy.count_images(
                connection, collection_id, {m: -n for m, n in Counter(row["micro"] for row in found.values()).items()}
            )
            events.forget_images(connection, collection_id, list(found))
            order = outbox.delete(connection, collection, list(found))
            unused = [
                row["sha256"]
                for row in found.values()
                if row["sha256"] and not images.shares_file(connection, collection_id, row["sha256"])
            ]
        storage.delivery.deliver(order)
        for row in rows.tolist():
            state.hashes[row] = None
        for sha256 in unused:
            storage.media.forget(collection.key, sha256)
        return len(found)


def _or_none(number: int) -> int | None:
    return None if number < 0 else int(number)
