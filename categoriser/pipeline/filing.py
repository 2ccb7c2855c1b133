"""The one writer of a collection: files encoded images, one transaction per batch.

Order of things, so that no crash can lose or double an image: the engine decides in memory; one SQL transaction writes
images, micro-clusters, events, the order for the vector store and the end of the inbox entries; the store follows. When
anything fails before the commit the engine's memory is dropped and read again from SQL.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from categoriser.catalog import events, images, inbox, outbox, taxonomy, together
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import Filed, FloatVector, IntVector, Points
from categoriser.errors import (
    CategoriserError,
    ConflictError,
    InvalidVectorError,
    OvertakenError,
    RejectedError,
)
from categoriser.intake import near_duplicate
from categoriser.maintenance import run_due_at
from categoriser.pipeline.due_runs import is_due, run_due
from categoriser.pipeline.image_id import check_id
from categoriser.pipeline.kept import Kept, refuse, settle_failures
from categoriser.pipeline.lookout import Lookout
from categoriser.state import EngineState, Storage, store_micro

_TWIN_COSINE = 0.9  # a look at the hashes is only worth it for close neighbours
_SAME_VECTOR = 0.9999

_ATTEMPTS = 5  # at filing some images, where other processes write the collection too

Outcome = Filed | CategoriserError


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image that has its vector. ``facts``: further columns of the images table."""

    image_id: str
    vector: FloatVector  # [d], unit length
    facts: Mapping[str, Any] = field(default_factory=dict)
    inbox_id: int | None = None
    kept: Kept | None = None  # there is no inbox entry: its files are kept with its image


def file_arrivals(
    storage: Storage,
    collection_id: int,
    batches: Iterable[Sequence[Arrival]],
    *,
    automatic_runs: bool,
    soon: Callable[[int], None] | None = None,
) -> Iterator[list[Outcome]]:
    """File images in their order; answers, part by part once it is durable, each with its category or why not.

    An id that is there already, or comes twice, is answered like the first time. With ``automatic_runs`` a run follows
    wherever the collection's growth makes one due, after the part that made it so was answered: exactly there, so that
    the same images lead to the same categories, or beside what is filed, so that nothing waits for it.

    Args:
        storage: of the library.
        collection_id: where they go.
        batches: each is looked at while the one before it is written.
        automatic_runs: see above.
        soon: begins the run of a collection elsewhere; None: it is done here.

    Raises:
        CategoriserError: nothing of the rest could be decided, as the disk is full or a store fails; may be repeated.
    """
    with Lookout() as lookout:
        for batch, following in _with_next(batches):
            start = 0
            while start < len(batch):
                rest = batch[start:]
                exactly = automatic_runs and soon is None
                outcomes, due = _file_some(storage, collection_id, rest, lookout, following, exactly=exactly)
                start += len(outcomes)
                yield outcomes
                if due and automatic_runs:
                    (soon or partial(run_due, storage))(collection_id)


def _file_some(
    storage: Storage,
    collection_id: int,
    batch: Sequence[Arrival],
    lookout: Lookout,
    following: Sequence[Arrival],
    *,
    exactly: bool,
) -> tuple[list[Outcome], bool]:
    """File a batch, or ``exactly`` up to where a run is due, and say whether one is; repeated when overtaken."""
    for attempt in range(_ATTEMPTS):
        storage.delivery.ready()
        try:
            with storage.states.writing(collection_id) as state:
                room = run_due_at(state.images_at_run) - state.grouping.weighing
                part = batch[: max(1, room)] if exactly else batch
                outcomes = _file(storage, state, part, lookout, batch[len(part) :] or following)
                state.save_if_grown()
                return outcomes, is_due(state)
        except OvertakenError:
            if attempt + 1 == _ATTEMPTS:
                raise
    raise AssertionError


def _with_next(batches: Iterable[Sequence[Arrival]]) -> Iterator[tuple[Sequence[Arrival], Sequence[Arrival]]]:
    """Each batch and the one after it."""
    last: Sequence[Arrival] | None = None
    for batch in batches:
        if last is not None:
            yield last, batch
        last = batch
    if last is not None:
        yield last, []


@dataclass(slots=True)
class _Sorted:
    """A batch taken apart."""

    known: Mapping[str, Record]  # image id → what is stored
    new: list[Arrival] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # of the new ones in the batch
    place_of: dict[str, int] = field(default_factory=dict)  # image id → place in ``new``
    refused: dict[int, CategoriserError] = field(default_factory=dict)  # place in the batch → why


def _file(
    storage: Storage, state: EngineState, arrivals: Sequence[Arrival], lookout: Lookout, following: Sequence[Arrival]
) -> list[Outcome]:
    batch = _sort(storage, state, arrivals)
    settled = [a.inbox_id for place, a in enumerate(arrivals) if a.inbox_id is not None and place not in batch.refused]
    first, micros_before = state.grouping.length, state.grouping.micros.length
    micro_of: IntVector = np.empty(0, np.int64)
    if batch.new:  # outside the transaction: other collections may write meanwhile
        state.ids.add(batch.place_of)
        state.positions.add(len(batch.new))
        state.hashes += [arrival.facts.get("phash") for arrival in batch.new]
        seen = lookout.seen(state.grouping, arrivals, batch.places)
        vectors = np.stack([arrival.vector for arrival in batch.new])
        micro_of = state.grouping.add(vectors, _twins(state, first), seen)
    lookout.look(state.grouping, following)
    answers = _Answers(state, batch, first)
    orders: list[outbox.Order] = []
    kept = [arrival.kept for arrival in batch.new if arrival.kept is not None]
    left = [arrivals[place] for place in batch.refused]
    if batch.new or settled or any(one.inbox_id is not None or one.kept is not None for one in left):
        with storage.media.settling if kept else nullcontext():
            with storage.database.write(reshapes=False) as connection:
                with together(connection):
                    written = (
                        _write(connection, state, batch.new, micro_of, first, micros_before) if batch.new else None
                    )
                    inbox.settle(connection, settled)
                    failed = inbox.have_failed_later(connection, [state.collection.id]) if kept else dict
                    answers.ask(connection)
                if written is not None:
                    orders.append(written())
                if failed().get(state.collection.id):
                    orders += settle_failures(connection, state.collection, kept)
                for place, problem in batch.refused.items():
                    orders += _refuse(connection, state.collection, arrivals[place], str(problem))
            for one in kept:
                one.settle(storage.media, state.collection.key)
    else:
        with storage.database.read() as connection:
            answers.ask(connection)
    if orders:
        storage.delivery.deliver(*orders)
    return answers.to(arrivals)


def _refuse(connection: Connection, collection: CollectionRow, arrival: Arrival, reason: str) -> list[outbox.Order]:
    if arrival.inbox_id is not None:
        inbox.fail(connection, arrival.inbox_id, reason)
    elif arrival.kept is not None:
        return refuse(connection, collection, arrival.kept, reason)
    return []


def _sort(storage: Storage, state: EngineState, arrivals: Sequence[Arrival]) -> _Sorted:
    known = _known(storage, state, arrivals)
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
            batch.places.append(place)
    return batch


def _known(storage: Storage, state: EngineState, arrivals: Sequence[Arrival]) -> Mapping[str, Record]:
    """Those that are there already."""
    ids = [one.image_id for one in arrivals if state.ids.may_hold(one.image_id)]
    if not ids:
        return {}
    with storage.database.glance() as connection:
        return images.known(connection, state.collection.id, ids)


def _write(
    connection: Connection,
    state: EngineState,
    new: Sequence[Arrival],
    micro_of: IntVector,
    first: int,
    micros_before: int,
) -> Callable[[], outbox.Order]:
    collection, grouping, now = state.collection, state.grouping, time.time()
    categories = grouping.micros.categories
    heads, rows = grouping.head_of[first:].tolist(), state.positions.rows[first:].tolist()
    images.insert(
        connection,
        collection.id,
        [
            {
                **_NO_FACTS,
                **arrival.facts,
                "row": rows[i],
                "image_id": arrival.image_id,
                "micro": int(micro_of[i]),
                "head_row": state.positions.row(heads[i]) if heads[i] >= 0 else None,
                "added_at": now,
            }
            for i, arrival in enumerate(new)
        ],
    )
    counts = Counter(micro_of.tolist())
    opened = {number: _or_none(categories[number]) for number in range(micros_before, grouping.micros.length)}
    tentative = grouping.micros.tentative
    taxonomy.open_micros(connection, collection.id, opened, counts, [number for number in opened if tentative[number]])
    taxonomy.count_images(connection, collection.id, {n: by for n, by in counts.items() if n not in opened})
    events.append(
        connection,
        collection.id,
        [
            {
                "kind": "attach",
                "image_id": arrival.image_id,
                "category": _or_none(categories[micro]),
                "detail": {"tentative": True} if tentative[micro] else None,
            }
            for arrival, micro in zip(new, micro_of.tolist(), strict=True)
        ],
        next_row=state.positions.next_row,
    )
    return outbox.put_later(
        connection,
        collection,
        Points(
            image_ids=[arrival.image_id for arrival in new],
            vectors=grouping.rows.matrix[first:],
            micro_ids=np.array([store_micro(collection.id, micro) for micro in micro_of.tolist()], np.int64),
            added_at=[now] * len(new),
        ),
    )


_NO_FACTS = dict.fromkeys(
    ("sha256", "phash", "name", "source", "format", "width", "height", "taken_at", "metadata")
) | {"stored": False}


def _problem(state: EngineState, arrival: Arrival, known: Record | None) -> CategoriserError | None:
    try:
        check_id(arrival.image_id)
    except RejectedError as error:
        return error
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
        stored = state.grouping.rows.matrix[state.positions.at(known["row"])]
        return None if float(stored @ vector) > _SAME_VECTOR else _taken(arrival)
    return None if sha256 == known["sha256"] else _taken(arrival)


def _same(one: Arrival, other: Arrival) -> bool:
    if one.facts.get("sha256") is None:
        return float(one.vector @ other.vector) > _SAME_VECTOR
    return bool(one.facts["sha256"] == other.facts.get("sha256"))


def _taken(arrival: Arrival) -> ConflictError:
    return ConflictError(
        f"The id {arrival.image_id!r} belongs to another picture already; delete that one first or use another id."
    )


def _twins(state: EngineState, first: int) -> Any:
    """Near-duplicates by perceptual hash, looked for among the closest neighbours only."""

    def twin(place: int, near: npt.NDArray[np.int32], cosines: FloatVector) -> int:
        own = state.hashes[first + place]
        if own is None:
            return -1
        for position, cosine in zip(near.tolist(), cosines.tolist(), strict=True):
            if cosine < _TWIN_COSINE:
                break
            other = state.hashes[position]
            if other is not None and near_duplicate(own, other):
                return int(position)
        return -1

    return twin


class _Answers:
    """Where the images of a batch came to lie."""

    def __init__(self, state: EngineState, batch: _Sorted, first: int) -> None:
        grouping = state.grouping
        self._collection = state.collection
        self._batch = batch
        self._places: dict[
            str, tuple[int | None, int | None, bool]
        ] = {  # id → category, row it is stacked on, tentative
            image_id: (stored["category"], stored["head_row"], stored["tentative"])
            for image_id, stored in batch.known.items()
        }
        for image_id, place in batch.place_of.items():
            position = first + place
            head = int(grouping.head_of[position])
            self._places[image_id] = (
                grouping.label(position),
                None if head < 0 else state.positions.row(head),
                grouping.is_tentative(position),
            )
        self._asked_heads: Callable[[], Mapping[int, tuple[str, int]]] = dict
        self._asked_labels: Callable[[], Mapping[int, str | None]] = dict

    def ask(self, connection: Connection) -> None:
        """Ask what the catalog knows of these places: to be had as of ``later``."""
        heads = [head for _, head, _ in self._places.values() if head is not None]
        categories = {category for category, *_ in self._places.values() if category is not None}
        self._asked_heads = images.places_later(connection, self._collection.id, heads)
        self._asked_labels = taxonomy.labels_later(connection, self._collection.id, categories)

    def to(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """One for each of the batch."""
        outcomes: list[Outcome] = []
        found, labels = self._asked_heads(), self._asked_labels()
        answered: set[str] = set(self._batch.known)
        for place, arrival in enumerate(arrivals):
            if place in self._batch.refused:
                outcomes.append(self._batch.refused[place])
                continue
            category, head, tentative = self._places[arrival.image_id]
            outcomes.append(
                Filed(
                    image_id=arrival.image_id,
                    category=self._collection.category_id(category),
                    known=arrival.image_id in answered,
                    stacked_on=None if head is None else found[head][0],
                    tentative=tentative,
                    label=None if category is None else labels.get(category),
                )
            )
            answered.add(arrival.image_id)
        return outcomes


def _or_none(number: int) -> int | None:
    return None if number < 0 else int(number)
