"""One user never sees another's picture, whatever both of them do in whatever order."""

from __future__ import annotations

from typing import TypeAlias
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from categoriser.domain import Points, Where
from categoriser.store import QdrantEdgeStore, VectorStore
from tests.examples import examples

Row: TypeAlias = tuple[int, int, float]  # which vector, micro-cluster, time
Model: TypeAlias = dict[str, dict[str, Row]]  # collection → image id → row
Step: TypeAlias = tuple[str, int, list[tuple[str, Row]]]  # what, which collection, images

# Few of each, so that the two collections share image ids, micro-clusters and vectors. Halves only: the cosines to
# QUERY are 1, 3/4, … -3/4, exact in any arithmetic, so that two equal vectors score the same wherever they are stored.
QUERY = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=np.float32) / 2
VECTORS = (
    np.array(
        [
            [1, 1, 1, 1, 0, 0, 0, 0],
            [1, 1, 1, 0, 1, 0, 0, 0],
            [1, 1, 0, 0, 1, 1, 0, 0],
            [1, 0, 0, 0, 1, 1, 1, 0],
            [0, 0, 0, 0, 1, 1, 1, 1],
            [-1, 0, 0, 0, 0, 1, 1, 1],
            [-1, -1, 0, 0, 0, 0, 1, 1],
            [-1, -1, -1, 0, 0, 0, 0, 1],
        ],
        dtype=np.float32,
    )
    / 2
)

image_ids = st.sampled_from(["a", "b", "c", "d", "ü", "a/b"])
rows = st.tuples(st.integers(0, 7), st.sampled_from([1, 2, 2**40]), st.sampled_from([0.0, 10.5, 20.0]))
steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "move", "delete", "drop"]),
        st.integers(0, 1),
        st.lists(st.tuples(image_ids, rows), max_size=5),
    ),
    max_size=10,
)
filters = st.builds(
    Where,
    micro_ids=st.none() | st.lists(st.sampled_from([1, 2, 2**40, 99]), max_size=3),
    added_from=st.none() | st.sampled_from([0.0, 10.5, 15.0]),
    added_before=st.none() | st.sampled_from([10.5, 15.0, 30.0]),
    exclude_ids=st.lists(image_ids, max_size=2),
)


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
def test_every_answer_is_that_of_a_dictionary_per_collection(store: VectorStore) -> None:
    @settings(max_examples=examples(200 if isinstance(store, QdrantEdgeStore) else 16), deadline=None)
    @given(sequence=steps, where=filters, limit=st.integers(1, 5), offset=st.integers(0, 4))
    def holds(sequence: list[Step], where: Where, limit: int, offset: int) -> None:
        names = [f"isolation-{uuid4()}" for _ in range(2)]
        model: Model = {name: {} for name in names}
        try:
            for what, which, images in sequence:
                apply(store, model, what, names[which], images)
            for name in names:
                assert stored(store, name) == model[name]
                check_reads(store, name, model[name], where, limit, offset)
        finally:
            for name in names:
                store.drop(name)

    holds()


def apply(store: VectorStore, model: Model, what: str, name: str, images: list[tuple[str, Row]]) -> None:
    ids = [image_id for image_id, _ in images]
    if what == "put":
        store.put(name, batch(images))
        model[name].update(images)
    elif what == "move":
        store.move(name, ids, [row[1] for _, row in images])
        for image_id, (_, micro_id, _) in images:
            if image_id in model[name]:
                vector, _, added_at = model[name][image_id]
                model[name][image_id] = (vector, micro_id, added_at)
    elif what == "delete":
        store.delete(name, ids)
        for image_id in ids:
            model[name].pop(image_id, None)
    else:
        store.drop(name)
        model[name].clear()


def batch(images: list[tuple[str, Row]]) -> Points:
    return Points(
        image_ids=[image_id for image_id, _ in images],
        vectors=VECTORS[[row[0] for _, row in images]],
        micro_ids=np.array([row[1] for _, row in images], dtype=np.int64),
        added_at=[row[2] for _, row in images],
    )


def read_back(points: Points) -> dict[str, Row]:
    which = np.argmax(points.vectors @ VECTORS.T, axis=1).tolist() if len(points) else []
    assert np.allclose(points.vectors, VECTORS[which], atol=1e-6)
    return dict(zip(points.image_ids, zip(which, points.micro_ids.tolist(), points.added_at, strict=True), strict=True))


def stored(store: VectorStore, name: str) -> dict[str, Row]:
    everything: dict[str, Row] = {}
    cursor = None
    while True:
        page, cursor = store.scroll(name, after=cursor, limit=2)
        assert everything.keys().isdisjoint(page.image_ids)
        everything.update(read_back(page))
        if cursor is None:
            return everything


def check_reads(store: VectorStore, name: str, images: dict[str, Row], where: Where, limit: int, offset: int) -> None:
    asked = ["a/b", "a", "nobody", "c"]
    fetched = store.fetch(name, asked)
    assert list(fetched.image_ids) == [image_id for image_id in asked if image_id in images]
    assert read_back(fetched) == {image_id: images[image_id] for image_id in asked if image_id in images}
    inside = {image_id: row for image_id, row in images.items() if allows(where, image_id, row)}
    assert store.count(name) == len(images)
    assert store.count(name, where) == len(inside)
    # the cosines to QUERY fall with the vector's number, so the exact ranking needs no arithmetic
    ranking = sorted(inside, key=lambda image_id: (inside[image_id][0], image_id))
    hits = store.search(name, QUERY, limit, where=where, offset=offset)
    assert [hit.image_id for hit in hits] == ranking[offset : offset + limit]


def allows(where: Where, image_id: str, row: Row) -> bool:
    _, micro_id, added_at = row
    return (
        (where.micro_ids is None or micro_id in where.micro_ids)
        and (where.added_from is None or added_at >= where.added_from)
        and (where.added_before is None or added_at < where.added_before)
        and image_id not in where.exclude_ids
    )
