"""What every vector store does, whichever engine is behind it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from categoriser.domain import FloatVector, Points, Where
from categoriser.errors import ConfigurationError, InvalidVectorError
from categoriser.store import VectorStore

MakePoints = Callable[..., Points]

pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")


def same(left: Points, right: Points) -> bool:
    return (
        list(left.image_ids) == list(right.image_ids)
        and np.allclose(left.vectors, right.vectors, atol=1e-6)
        and left.micro_ids.tolist() == right.micro_ids.tolist()
        and list(left.added_at) == list(right.added_at)
    )


def walk(store: VectorStore, collection: str, limit: int) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = store.scroll(collection, after=cursor, limit=limit)
        assert len(page) <= limit
        seen += page.image_ids
        if cursor is None:
            return seen


def found(store: VectorStore, collection: str, vector: FloatVector, where: Where) -> set[str]:
    ids = {hit.image_id for hit in store.search(collection, vector, 100, where=where)}
    assert store.count(collection, where) == len(ids)
    return ids


def test_what_is_put_is_fetched_in_the_order_asked(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    points = make_points(["a", "b", "c"], micro_ids=[7, 2**40, -3], added_at=[1.5, 1_790_000_000.123456, 0.0])
    store.put(collection, points)
    assert same(store.fetch(collection, ["a", "b", "c"]), points)
    assert list(store.fetch(collection, ["c", "nobody", "a"]).image_ids) == ["c", "a"]
    assert store.fetch(collection, ["c"]).vectors.dtype == np.float32
    nobody = store.fetch(collection, ["nobody"])
    assert len(nobody) == 0
    assert nobody.vectors.shape == (0, store.dimension)


def test_a_replayed_put_changes_nothing(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    points = make_points(["a", "b"])
    store.put(collection, points)
    store.put(collection, points)
    assert store.count(collection) == 2
    assert same(store.fetch(collection, ["a", "b"]), points)


def test_a_second_put_replaces_the_point(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    store.put(collection, make_points(["a"], micro_ids=[1]))
    other = make_points(["a", "b"], micro_ids=[2, 3])
    store.put(collection, other)
    assert same(store.fetch(collection, ["a", "b"]), other)


def test_the_last_of_two_equal_ids_in_a_batch_wins(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    store.put(collection, make_points(["a", "a"], micro_ids=[1, 2]))
    assert store.count(collection) == 1
    assert store.fetch(collection, ["a"]).micro_ids.tolist() == [2]


def test_an_empty_batch_is_fine(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    store.put(collection, make_points([]))
    store.move(collection, [], [])
    store.delete(collection, [])
    assert store.count(collection) == 0
    assert len(store.fetch(collection, [])) == 0
    assert walk(store, collection, 10) == []
    assert store.search(collection, make_points(["q"]).vectors[0], 5) == []


def test_equal_image_ids_of_two_collections_are_two_points(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    other = collection + "-other"
    mine, theirs = make_points(["a"], micro_ids=[1]), make_points(["a", "b"], micro_ids=[2, 3])
    store.put(collection, mine)
    store.put(other, theirs)
    assert same(store.fetch(collection, ["a", "b"]), mine)
    assert same(store.fetch(other, ["a", "b"]), theirs)
    store.drop(collection)
    assert store.count(collection) == 0
    assert same(store.fetch(other, ["a", "b"]), theirs)
    store.drop(other)


def test_collection_and_image_id_cannot_be_spelt_into_each_other(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    names = [collection, collection + "/x", collection + "\0"]
    for name, image_id in zip(names, ["/xy", "y", "/xy"], strict=True):
        store.put(name, make_points([image_id]))
    for name, image_id in zip(names, ["/xy", "y", "/xy"], strict=True):
        assert walk(store, name, 10) == [image_id]
        store.drop(name)


def test_a_move_changes_the_micro_cluster_and_makes_no_point(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    points = make_points(["a", "b", "c"], micro_ids=[1, 1, 1])
    store.put(collection, points)
    store.move(collection, ["nobody", "c", "a"], [9, 2**40, 5])
    assert same(
        store.fetch(collection, ["a", "b", "c"]), replace(points, micro_ids=np.array([5, 1, 2**40], dtype=np.int64))
    )
    assert store.count(collection) == 3
    assert store.count(collection, Where(micro_ids=[9])) == 0
    assert store.count(collection, Where(micro_ids=[2**40])) == 1


def test_a_move_leaves_other_collections_alone(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    other = collection + "-other"
    store.put(collection, make_points(["a"], micro_ids=[1]))
    store.put(other, make_points(["a"], micro_ids=[1]))
    store.move(collection, ["a"], [2])
    assert store.fetch(other, ["a"]).micro_ids.tolist() == [1]
    store.drop(other)


def test_a_move_of_unequal_lengths_is_refused(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    store.put(collection, make_points(["a"]))
    with pytest.raises(ConfigurationError, match="2 image ids but 1"):
        store.move(collection, ["a", "b"], [4])


def test_filters_keep_search_and_count_inside(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    points = make_points(list("abcdef"), micro_ids=[1, 1, 2, 2**40, 3, 3], added_at=[10, 20, 30, 40, 50, 60])
    store.put(collection, points)
    query = points.vectors[0]
    assert found(store, collection, query, Where()) == set("abcdef")
    assert found(store, collection, query, Where(micro_ids=[1, 2**40])) == set("abd")
    assert found(store, collection, query, Where(micro_ids=np.array([3]))) == set("ef")  # type: ignore[arg-type]
    assert found(store, collection, query, Where(micro_ids=[])) == set()
    assert found(store, collection, query, Where(micro_ids=[77])) == set()
    assert found(store, collection, query, Where(added_from=20)) == set("bcdef")
    assert found(store, collection, query, Where(added_before=20)) == set("a")
    assert found(store, collection, query, Where(added_from=20, added_before=50)) == set("bcd")
    assert found(store, collection, query, Where(exclude_ids=["a", "nobody"])) == set("bcdef")
    every = Where(micro_ids=[1, 2], added_from=15, added_before=31, exclude_ids=["b"])
    assert found(store, collection, query, every) == {"c"}


def test_search_ranks_by_cosine(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    points = make_points([f"i{i}" for i in range(50)])
    store.put(collection, points)
    cosines = points.vectors @ points.vectors[7]
    nearest = np.argsort(-cosines)
    hits = store.search(collection, points.vectors[7], 10)
    assert [hit.image_id for hit in hits] == [f"i{i}" for i in nearest[:10]]
    assert np.allclose([hit.score for hit in hits], cosines[nearest[:10]], atol=1e-5)
    assert all(-1 <= hit.score <= 1 for hit in store.search(collection, -points.vectors[7], 50))
    assert store.search(collection, points.vectors[7], 0) == []


def test_min_score_cuts_the_ranking(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    points = make_points([f"i{i}" for i in range(20)])
    store.put(collection, points)
    ranking = [hit.image_id for hit in store.search(collection, points.vectors[0], 20)]
    scores = [hit.score for hit in store.search(collection, points.vectors[0], 20)]
    for place in (4, 11):
        bound = (scores[place] + scores[place + 1]) / 2
        reached = store.search(collection, points.vectors[0], 20, min_score=bound)
        assert [hit.image_id for hit in reached] == ranking[: place + 1]
    first = store.search(collection, points.vectors[0], 3, min_score=scores[11] - 1e-5)
    assert [hit.image_id for hit in first] == ranking[:3]
    assert store.search(collection, points.vectors[0], 3, offset=3, min_score=scores[3] + 1e-5) == []


def test_pages_neither_repeat_nor_skip_even_among_equal_scores(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    # halves only: the cosines are multiples of 1/4, exact in any arithmetic, and most of them equal
    signs = np.array(list(product([-0.5, 0.5], repeat=4)), dtype=np.float32)
    vectors = np.concatenate([np.roll(np.hstack([signs, 0 * signs]), by, axis=1) for by in (0, 1, 2, 4)])
    store.put(collection, make_points([f"i{i}" for i in range(64)], vectors=vectors))
    whole = store.search(collection, vectors[3], 100)
    assert len({hit.image_id for hit in whole}) == 64
    for size in (1, 7, 50):
        pages = [store.search(collection, vectors[3], size, offset=offset) for offset in range(0, 70, size)]
        assert [hit for page in pages for hit in page] == whole


def test_a_negative_page_is_refused(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    query = make_points(["q"]).vectors[0]
    with pytest.raises(ConfigurationError):
        store.search(collection, query, -1)
    with pytest.raises(ConfigurationError):
        store.search(collection, query, 1, offset=-1)


@pytest.mark.parametrize("limit", [1, 7, 128, 300, 1000])
def test_a_scroll_visits_each_point_once(
    store: VectorStore, collection: str, make_points: MakePoints, limit: int
) -> None:
    count = 300 if limit > 7 else 30
    ids = [f"i{i}" for i in range(count)]
    store.put(collection, make_points(ids))
    store.put(collection + "-other", make_points(ids))
    assert sorted(walk(store, collection, limit)) == sorted(ids)
    store.drop(collection + "-other")


def test_a_scroll_survives_a_delete_between_its_pages(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    ids = [f"i{i}" for i in range(40)]
    store.put(collection, make_points(ids))
    page, cursor = store.scroll(collection, limit=10)
    store.delete(collection, [page.image_ids[-1]])
    rest: list[str] = []
    while cursor is not None:
        following, cursor = store.scroll(collection, after=cursor, limit=10)
        rest += following.image_ids
    assert sorted([*page.image_ids, *rest]) == sorted(ids)


def test_a_delete_removes_only_what_it_names(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    points = make_points(["a", "b", "c"])
    store.put(collection, points)
    store.delete(collection, ["b", "nobody"])
    assert store.count(collection) == 2
    assert list(store.fetch(collection, ["a", "b", "c"]).image_ids) == ["a", "c"]
    assert found(store, collection, points.vectors[1], Where()) == {"a", "c"}
    store.put(collection, points)
    assert store.count(collection) == 3


def test_drop_empties_a_collection_of_many_slices(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    store.put(collection, make_points([f"i{i}" for i in range(600)]))
    assert store.count(collection) == 600
    store.drop(collection)
    store.drop(collection)
    assert store.count(collection) == 0
    assert walk(store, collection, 100) == []


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf, 1e30, 0.0, 0.99, 1.01])
def test_a_bad_vector_is_refused_by_name_and_nothing_of_its_batch_is_written(
    store: VectorStore, collection: str, make_points: MakePoints, fault: float
) -> None:
    points = make_points(["a", "bad", "c"])
    points.vectors[1] *= fault
    with pytest.raises(InvalidVectorError, match="'bad'"):
        store.put(collection, points)
    assert store.count(collection) == 0


def test_one_nan_among_good_values_is_refused(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    points = make_points(["a", "bad"])
    points.vectors[1, 3] = np.nan
    with pytest.raises(InvalidVectorError, match="'bad'"):
        store.put(collection, points)


@pytest.mark.parametrize(
    "change",
    [
        {"vectors": np.eye(9, dtype=np.float32)[:2]},
        {"vectors": np.eye(8, dtype=np.float32)[:1]},
        {"vectors": np.eye(8, dtype=np.float32)[0]},
        {"micro_ids": np.array([1], dtype=np.int64)},
        {"micro_ids": np.array([1, 2, 3], dtype=np.int64)},
        {"added_at": [0.0]},
        {"added_at": [0.0, float("nan")]},
    ],
)
def test_a_batch_of_the_wrong_shape_is_refused(
    store: VectorStore, collection: str, make_points: MakePoints, change: dict[str, object]
) -> None:
    with pytest.raises(InvalidVectorError, match=r"Image '(a|b)'"):
        store.put(collection, replace(make_points(["a", "b"]), **change))  # type: ignore[arg-type]
    assert store.count(collection) == 0


@pytest.mark.parametrize("query", [np.zeros(8), np.full(8, np.nan), np.ones(8), np.eye(9)[0], np.eye(8)[:1]], ids=str)
def test_a_bad_query_is_refused(store: VectorStore, collection: str, query: FloatVector) -> None:
    with pytest.raises(InvalidVectorError, match="Query"):
        store.search(collection, query, 3)


def test_vectors_of_other_layouts_and_precisions_are_taken(
    store: VectorStore, collection: str, make_points: MakePoints
) -> None:
    points = make_points(["a", "b", "c"])
    columns: Any = np.asfortranarray(points.vectors.astype(np.float64))
    store.put(collection, replace(points, vectors=columns))
    assert same(store.fetch(collection, ["a", "b", "c"]), points)
    strided: Any = np.repeat(points.vectors[1], 2)[::2].astype(np.float64)
    assert store.search(collection, strided, 1)[0].image_id == "b"


def test_image_ids_may_be_any_text(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    ids = ["猫/🐈 привет.jpg", "é", "e\u0301", "x" * 20_000, "", "a\0b", "'; DROP TABLE", "../..", "\u202e\n\t"]
    name = collection + " käse/🧀"
    points = make_points(ids)
    store.put(name, points)
    assert same(store.fetch(name, ids), points)
    assert sorted(walk(store, name, 4)) == sorted(ids)
    assert [store.search(name, points.vectors[i], 1)[0].image_id for i in range(len(ids))] == ids
    store.drop(name)


def test_names_with_undecodable_bytes_are_refused(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    with pytest.raises(InvalidVectorError, match="not valid Unicode"):
        store.put(collection, make_points(["a", "IMG\udcff.jpg"]))
    assert store.count(collection) == 0
    with pytest.raises(ConfigurationError, match="not valid Unicode"):
        store.put("\udcff", make_points(["a"]))


def test_no_call_goes_without_a_collection(store: VectorStore, make_points: MakePoints) -> None:
    points = make_points(["a"])
    calls: list[Callable[[], object]] = [
        lambda: store.put("", points),
        lambda: store.move("", ["a"], [1]),
        lambda: store.search("", points.vectors[0], 1),
        lambda: store.fetch("", ["a"]),
        lambda: store.scroll(""),
        lambda: store.count(""),
        lambda: store.delete("", ["a"]),
        lambda: store.drop(""),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError, match="name of a collection"):
            call()


def test_many_threads_may_call_at_once(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    def work(worker: int) -> int:
        name = f"{collection}-{worker}"
        for start in range(0, 30, 10):
            points = make_points([f"i{i}" for i in range(start, start + 10)])
            store.put(name, points)
            assert {hit.image_id for hit in store.search(name, points.vectors[0], 1)} <= {f"i{i}" for i in range(30)}
            store.move(name, points.image_ids, [worker] * 10)
        total = store.count(name, Where(micro_ids=[worker]))
        store.drop(name)
        return total

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [30] * 8


def test_flush_can_be_called_at_any_time(store: VectorStore, collection: str, make_points: MakePoints) -> None:
    store.flush()
    store.put(collection, make_points(["a"]))
    store.flush()
    assert store.count(collection) == 1
