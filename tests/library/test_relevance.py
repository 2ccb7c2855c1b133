"""What is not there is not found, and what is there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from categoriser import Clue, Collection, ConfigurationError, Library, SearchQuery
from categoriser.engine.relevance import LEAST, Scale, scale_of

DIMENSION, CLASSES, EACH = 64, 14, 60
_rng = np.random.default_rng(3)
CENTRES = _rng.normal(size=(CLASSES + 20, DIMENSION))
CENTRES /= np.linalg.norm(CENTRES, axis=1, keepdims=True)


def near(centre: int, number: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(1000 + seed)
    vectors = CENTRES[centre] + 0.9 * rng.normal(size=(number, DIMENSION)) / np.sqrt(DIMENSION)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    folder = tmp_path_factory.mktemp("relevance")
    with Library.open(folder / "library", encoder=f"vectors:{DIMENSION}", automatic_runs=False) as library:
        made = library.collection("a")
        for which in range(CLASSES):
            made.add_vectors([f"{which}-{i}" for i in range(EACH)], near(which, EACH, which))
        made.run()
        yield made


def test_a_picture_of_what_is_there_finds_it_and_little_else(collection: Collection) -> None:
    right = wrong = found_any = 0
    for which in range(CLASSES):
        for query in near(which, 5, 100 + which):
            found = collection.search(vector=query, limit=EACH)
            found_any += bool(found)
            right += sum(one.image_id.startswith(f"{which}-") for one in found)
            wrong += sum(not one.image_id.startswith(f"{which}-") for one in found)
    assert found_any >= 0.9 * 5 * CLASSES
    assert right >= 0.5 * 5 * CLASSES * EACH
    assert wrong <= 0.1 * right


def test_a_picture_of_what_is_not_there_finds_nothing(collection: Collection) -> None:
    strangers = np.concatenate([near(CLASSES + which, 5, 200 + which) for which in range(20)])
    silent = sum(not collection.search(vector=query) for query in strangers)
    assert silent >= 0.8 * len(strangers)
    assert len(collection.search(vector=strangers[0], min_relevance=0, limit=5)) == 5


def test_results_say_how_relevant_they_are_and_why(collection: Collection) -> None:
    query = SearchQuery(wanted=[Clue(image_id="3-0"), Clue(vector=CENTRES[5])], limit=40)
    page = collection.search_page(query)
    assert page.min_relevance == pytest.approx(0.5)
    assert page.results
    for one in page.results:
        assert one.relevance is not None
        assert 0.5 <= one.relevance <= 1
        assert one.category is not None
        if one.image_id.startswith(("3-", "5-")):
            assert one.nearest == ("image: 3-0" if one.image_id.startswith("3-") else "vector 2")
    assert {one.image_id.partition("-")[0] for one in page.results} >= {"3", "5"}


def test_a_category_finds_its_own_images(collection: Collection) -> None:
    place = collection.assignments()["4-0"]
    found = collection.search(category=place, limit=20)
    assert {one.image_id.partition("-")[0] for one in found} == {"4"}


def test_what_is_more_like_something_unwanted_is_left_out(collection: Collection) -> None:
    between = CENTRES[1] + CENTRES[2]
    both = collection.search(vector=between, limit=200, min_relevance=0.2)
    assert {one.image_id.partition("-")[0] for one in both} >= {"1", "2"}
    without = collection.search(vector=between, negatives=[{"vector": CENTRES[2]}], limit=200, min_relevance=0.2)
    assert without
    assert not [one for one in without if one.image_id.startswith("2-")]
    with pytest.raises(ConfigurationError, match="cancel"):
        collection.search(positives=[{"vector": between}, {"vector": -between}])


def test_a_score_or_a_relevance_that_is_given_takes_the_place_of_the_default(collection: Collection) -> None:
    stranger = near(CLASSES, 1, 9)[0]
    assert collection.search(vector=stranger, min_score=-1, limit=3)
    assert len(collection.search(vector=stranger, min_relevance=0.01, limit=500)) < CLASSES * EACH
    with pytest.raises(ConfigurationError, match="min_relevance"):
        collection.search(vector=stranger, min_relevance=float("nan"))


def test_a_collection_that_cannot_tell_cuts_nothing_off(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        few = library.collection("few")
        few.add_vectors(["a", "b"], np.eye(8)[:2])
        found = few.search(vector=-np.ones(8))
        assert [one.relevance for one in found] == [None, None]


def test_relevance_is_the_share_of_absent_queries_that_fall_short() -> None:
    scale = Scale(middle=0.5, width=0.1, spread=0.2)
    assert scale.relevance(0.5) == pytest.approx(0.5)
    assert scale.relevance(0.5 + 1.2816 * 0.1) == pytest.approx(0.9, abs=1e-3)
    assert Scale(middle=0.9, width=0.3, spread=0.2).relevance(1.0) == 1  # the very same vector is what was meant
    for one in (0.01, 0.3, 0.9, 0.999):
        assert scale.relevance(scale.cosine(one)) == pytest.approx(one)
    assert scale.cosine(0) == -1


def test_a_scale_moves_with_the_number_of_images_and_needs_enough_queries() -> None:
    rng = np.random.default_rng(0)
    images, queries = rng.normal(size=(2000, 32)), rng.normal(size=(200, 32))
    images, queries = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (images, queries))
    nobody, labels = np.full(200, -1), np.full(2000, -1)
    part = scale_of(queries[:, :].astype(np.float32), images[:500].astype(np.float32), nobody, labels[:500], 2000)
    whole = scale_of(queries.astype(np.float32), images.astype(np.float32), nobody, labels, 2000)
    assert part is not None
    assert whole is not None
    assert part.middle == pytest.approx(whole.middle, abs=0.03)
    assert scale_of(queries[: LEAST - 1].astype(np.float32), images.astype(np.float32), nobody, labels, 9) is None
