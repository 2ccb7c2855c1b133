"""One run: the engine repairs its grouping, one transaction publishes what changed, the vector store follows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from categoriser.catalog import collections, events, images, outbox, taxonomy
from categoriser.domain import IntVector, RunReport
from categoriser.engine import UNSORTED, RunChanges
from categoriser.engine.quality import describe_categories
from categoriser.state import EngineState, Storage, store_micro

EXEMPLARS = 8


def run(storage: Storage, collection_id: int) -> RunReport:
    """Run the job on one collection now.

    Raises:
        NotFoundError: the collection was deleted.
    """
    started = time.perf_counter()
    storage.delivery.ready()
    with storage.states.writing(collection_id) as state:
        grouping = state.grouping
        first_new = grouping.next_category
        labels_before = grouping.labels
        changes = grouping.run()
        labels = grouping.labels
        with storage.database.write() as connection:
            order = _publish_moves(connection, state, changes.moved)
            gone = _publish_taxonomy(connection, state, changes, first_new)
            _announce(connection, state, changes, _renamed(labels_before, gone), labels)
            _announce_ends(connection, state, gone)
            collections.update(
                connection,
                collection_id,
                next_category=grouping.next_category,
                calibration=grouping.calibration.as_dict(),
                images_at_run=grouping.weighing,
                last_run_at=time.time(),
                taxonomy_version=state.collection.taxonomy_version + 1,
            )
            living = len(taxonomy.living(connection, collection_id))
            unsorted = taxonomy.unsorted(connection, collection_id)
        if order is not None:
            storage.delivery.deliver(order)
        state.published()
        state.vectors.release()  # a run reads every vector; between runs few are needed
        state.save_if_grown()
    return RunReport(
        spawned=len(changes.surgery.spawned),
        split=len(changes.surgery.split),
        merged=sum(len(losers) for _, losers in changes.surgery.merged),
        moved=int(np.count_nonzero((labels_before != labels) & (labels_before >= 0))),
        unsorted=unsorted,
        categories=living,
        seconds=time.perf_counter() - started,
    )


def _publish_moves(connection: Connection, state: EngineState, heads: IntVector) -> outbox.Order | None:
    """Images that changed their micro-cluster, with those stacked on them."""
    if not len(heads):
        return None
    collection, grouping = state.collection, state.grouping
    rows = np.concatenate([heads, np.flatnonzero(np.isin(grouping.head_of, heads))])
    micro_of = grouping.micro_of
    stored = images.places(connection, collection.id, rows.tolist())
    changes: dict[int, int] = {}
    for row, (_, old) in stored.items():
        changes[old] = changes.get(old, 0) - 1
        changes[int(micro_of[row])] = changes.get(int(micro_of[row]), 0) + 1
    images.set_micros(connection, collection.id, {row: int(micro_of[row]) for row in stored})
    taxonomy.count_images(connection, collection.id, changes)
    return outbox.move(
        connection,
        collection,
        [image_id for image_id, _ in stored.values()],
        np.array([store_micro(collection.id, int(micro_of[row])) for row in stored], np.int64),
    )


def _publish_taxonomy(
    connection: Connection, state: EngineState, changes: RunChanges, first_new: int
) -> dict[int, int | None]:
    """Micro-clusters' categories, new categories, and retired ones; returns the latter with where each leads."""
    collection_id, grouping = state.collection.id, state.grouping
    before, after = changes.categories_before, grouping.micros.categories
    taxonomy.create(connection, collection_id, range(first_new, grouping.next_category))
    taxonomy.set_categories(
        connection,
        collection_id,
        {number: _or_none(int(after[number])) for number in np.flatnonzero(before != after).tolist()},
    )
    described = describe_categories(grouping, EXEMPLARS)
    winners = {loser: winner for winner, losers in changes.surgery.merged for loser in losers}
    living = taxonomy.living(connection, collection_id)
    gone = {number: winners.get(number) for number in living if number not in described}
    taxonomy.retire(connection, collection_id, gone)
    ids = images.places(connection, collection_id, [row for one in described.values() for row in one.exemplars])
    taxonomy.describe(
        connection,
        collection_id,
        {
            number: {"cohesion": one.cohesion, "exemplars": [ids[row][0] for row in one.exemplars]}
            for number, one in described.items()
        },
    )
    return gone


def _announce(
    connection: Connection, state: EngineState, changes: RunChanges, expected: IntVector, labels: IntVector
) -> None:
    """Events of the run: categories first, then every image that is not where these lead it."""
    entries: list[Mapping[str, Any]] = []
    surgery = changes.surgery
    entries += [{"kind": "spawn", "category": number} for number in surgery.spawned]
    entries += [{"kind": "split", "category": child, "detail": {"parent": parent}} for parent, child in surgery.split]
    entries += [
        {"kind": "merge", "category": winner, "detail": {"losers": losers}} for winner, losers in surgery.merged
    ]
    rows = np.flatnonzero(expected != labels)
    ids = images.places(connection, state.collection.id, rows.tolist())
    entries += [_relocation(ids[row][0], int(expected[row]), int(labels[row])) for row in rows.tolist() if row in ids]
    events.append(connection, state.collection.id, entries)


def _announce_ends(connection: Connection, state: EngineState, gone: Mapping[int, int | None]) -> None:
    """Categories that lost all their images without being merged."""
    ended = sorted(number for number, winner in gone.items() if winner is None)
    events.append(connection, state.collection.id, [{"kind": "retire", "category": number} for number in ended])


def _relocation(image_id: str, old: int, new: int) -> Mapping[str, Any]:
    kind = "attach" if old == UNSORTED else "move"
    return {"kind": kind, "image_id": image_id, "category": _or_none(new), "detail": {"from": _or_none(old)}}


def _renamed(labels: IntVector, gone: Mapping[int, int | None]) -> IntVector:
    """Labels as they follow from the merges alone."""
    labels = labels.copy()
    for loser, winner in gone.items():
        if winner is not None:
            labels[labels == loser] = winner
    return labels


def _or_none(category: int) -> int | None:
    return None if category == UNSORTED else category
