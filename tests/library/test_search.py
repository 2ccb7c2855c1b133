"""Search finds what numpy finds."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from categoriser import ConfigurationError, Filter, InvalidVectorError, Library, NotFoundError
from tests.whole import check, clusters, picture

VECTORS = clusters(1500, 8, centres=9, noise=0.3)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory):
    with Library.open(tmp_path_factory.mktemp("search") / "library", encoder="vectors:8") as library:
        collection = library.collection("a")
        collection.add_vectors([f"v{i}" for i in range(1500)], VECTORS)
        collection.run()
        library.collection("b").add_vectors(["other"], VECTORS[:1])
        yield library


def _brute(query: np.ndarray, rows: np.ndarray | None = None) -> list[str]:
    rows = np.arange(len(VECTORS)) if rows is None else rows
    order = np.argsort(-(VECTORS[rows].astype(np.float64) @ query), kind="stable")
    return [f"v{rows[i]}" for i in order]


def test_a_small_collection_is_searched_exactly(library: Library) -> None:
    collection = library.collection("a")
    for seed in range(20):
        query = clusters(1, seed=100 + seed)[0]
        found = collection.search(vector=5 * query, limit=25, min_relevance=0)
        assert [one.image_id for one in found] == _brute(query)[:25]
        scores = [float(VECTORS[int(one.image_id[1:])] @ query) for one in found]
        np.testing.assert_allclose([one.score for one in found], scores, atol=1e-5)


def test_pages_neither_repeat_nor_skip_and_scores_have_a_floor(library: Library) -> None:
    collection, query = library.collection("a"), VECTORS[3]
    pages = [collection.search(vector=query, limit=40, offset=offset, min_relevance=0) for offset in range(0, 1600, 40)]
    found = [one.image_id for page in pages for one in page]
    assert len(found) == len(set(found)) == 1500
    some = collection.search(vector=query, limit=2000, min_score=0.5)
    assert len(some) == np.count_nonzero(VECTORS @ query >= 0.5)
    with pytest.raises(ConfigurationError, match="limit is 0"):
        collection.search(vector=query, limit=0)


def test_filters_by_category_unsorted_and_time(library: Library) -> None:
    collection, query = library.collection("a"), VECTORS[3]
    places = collection.assignments()
    for category in [*collection.categories(), None]:
        wanted = None if category is None else category.id
        rows = np.array([int(name[1:]) for name, place in places.items() if place == wanted], np.int64)
        found = collection.search(vector=query, filter={"category": wanted or "unsorted"}, limit=2000, min_relevance=0)
        assert [one.image_id for one in found] == _brute(query, rows)
        assert {one.category for one in found} <= {wanted}
    at = collection.image("v0").added_at
    assert len(collection.search(vector=query, filter=Filter(added_from=at), limit=2000, min_relevance=0)) == 1500
    assert collection.search(vector=query, filter=Filter(added_before=at), limit=2000) == []
    with pytest.raises(ConfigurationError, match="colour"):
        collection.search(vector=query, filter={"colour": "red"})


def test_a_stored_image_finds_others_than_itself(library: Library) -> None:
    found = library.collection("a").search(image_id="v3", limit=10, min_relevance=0)
    assert [one.image_id for one in found] == [name for name in _brute(VECTORS[3]) if name != "v3"][:10]
    with pytest.raises(NotFoundError):
        library.collection("b").search(image_id="v3")
    with pytest.raises(NotFoundError):
        library.collection("b").search(image_id="half \udc80")


def test_queries_that_make_no_sense(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    with pytest.raises(ConfigurationError, match="Search for a text"):
        collection.search()
    with pytest.raises(ConfigurationError):
        collection.search(text="a cat")
    with pytest.raises(ConfigurationError):
        collection.search(vector=VECTORS[0], limit=-1)
    for wrong in (np.zeros(8), np.full(8, np.nan), np.ones(7), [np.inf] * 8):
        with pytest.raises(InvalidVectorError):
            collection.search(vector=wrong)


def test_text_needs_an_encoder_that_reads(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    collection.add([picture(i) for i in range(10)])
    with pytest.raises(ConfigurationError, match="does not read text"):
        collection.search(text="a cat")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        collection.search(image=tmp_path / "nothing.png")
    found = collection.search(image=picture(3), limit=1)
    assert found[0].score > 0.999
    assert collection.original(found[0].image_id).read_bytes() == picture(3)


def test_hits_deleted_meanwhile_are_left_out(vectors_library: Library, tmp_path: Path) -> None:
    collection, failures = vectors_library.collection("a"), []
    collection.add_vectors([f"v{i}" for i in range(600)], VECTORS[:600])
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                for one in collection.search(vector=VECTORS[0], limit=50):
                    assert one.category is None or one.label
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for start in range(0, 500, 20):
        collection.delete([f"v{i}" for i in range(start, start + 20)])
    done.set()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(check(collection, tmp_path)) == 100


def test_a_large_collection_is_searched_through_its_lists(tmp_path: Path) -> None:
    number, dimension = 9500, 32
    vectors = clusters(number, dimension, centres=200, noise=0.12)
    names = [f"v{i}" for i in range(number)]
    with Library.open(tmp_path / "library", encoder=f"vectors:{dimension}", automatic_runs=False) as library:
        collection = library.collection("a")
        collection.add_vectors(names, vectors)
        collection.run()
        queries = clusters(60, dimension, centres=200, noise=0.12, seed=0)[:30]
        queries = np.concatenate([queries, vectors[::320]])
        hits = 0
        for query in queries:
            nearest = np.argsort(-(vectors @ query))[:10]
            hits += len(
                {f"v{i}" for i in nearest} & {one.image_id for one in collection.search(vector=query, min_relevance=0)}
            )
        assert hits >= 0.98 * 10 * len(queries)
        largest = collection.categories()[0]
        found = collection.search(vector=queries[0], filter={"category": largest.id}, limit=5, min_relevance=0)
        assert {one.category for one in found} == {largest.id}
        before = check(collection, tmp_path)
    with Library.open(tmp_path / "library", encoder=f"vectors:{dimension}") as library:
        collection = library.collection("a")
        assert collection.search(vector=vectors[5], limit=1)[0].image_id == "v5"
        assert collection.assignments() == before
