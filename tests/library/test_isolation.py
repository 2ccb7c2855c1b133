"""Collections know nothing of each other: random operations against a model, and direct comparisons."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from categoriser import Filed, Library, NotFoundError, Refused
from tests.whole import check, clusters, left_over, pictures

VECTORS = clusters(64, 8, seed=3)
BAD = [np.full(8, np.nan), np.zeros(8), np.full(8, np.inf), np.array([np.nan, *[1.0] * 7])]


def test_two_users_with_the_same_pictures_see_only_their_own(pictures_library: Library, tmp_path: Path) -> None:
    source = pictures(tmp_path / "pictures", 30)
    one, two = pictures_library.collection("one"), pictures_library.collection("two")
    one.add(source)
    two.add(source)
    assert list(one.assignments()) == list(two.assignments())
    assert {c.id for c in one.categories()}.isdisjoint(c.id for c in two.categories())
    some = next(iter(one.assignments()))
    before, log = check(two, tmp_path), two.events(limit=1000)
    found = two.search(image_id=some, limit=100)
    assert one.thumbnail(some) != two.thumbnail(some)
    for category in one.categories():
        with pytest.raises(NotFoundError):
            two.category(category.id)
        with pytest.raises(NotFoundError):
            two.search(image_id=some, filter={"category": category.id})
        with pytest.raises(NotFoundError):
            two.images(category=category.id)
    one.run()
    one.delete(list(one.assignments())[:20])
    pictures_library.delete_collection("one")
    assert check(two, tmp_path) == before
    assert two.events(limit=1000) == log
    assert two.search(image_id=some, limit=100) == found
    assert two.thumbnail(some).exists()


operation = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 2), st.lists(st.integers(0, 63), min_size=1, max_size=40)),
    st.tuples(st.just("conflict"), st.integers(0, 2), st.lists(st.integers(0, 63), min_size=1, max_size=4)),
    st.tuples(st.just("bad"), st.integers(0, 2), st.lists(st.integers(0, 3), min_size=1, max_size=4)),
    st.tuples(st.just("delete"), st.integers(0, 2), st.lists(st.integers(0, 63), min_size=1, max_size=30)),
    st.tuples(st.just("run"), st.integers(0, 2), st.just([])),
    st.tuples(st.just("drop"), st.integers(0, 2), st.just([])),
    st.tuples(st.just("reopen"), st.just(0), st.just([])),
)


Operations = list[tuple[str, int, list[int]]]
any_operations = given(st.lists(operation, min_size=4, max_size=14))
patient = partial(settings, deadline=None, suppress_health_check=list(HealthCheck))


@patient(max_examples=5)
@any_operations
def test_random_operations_against_a_model(operations: Operations) -> None:
    compare_with_a_model(operations)


@pytest.mark.slow
@patient(max_examples=60)
@any_operations
def test_many_random_operations_against_a_model(operations: Operations) -> None:
    compare_with_a_model(operations)


def compare_with_a_model(operations: Operations) -> None:
    folder = Path(tempfile.mkdtemp())
    library = Library.open(folder / "library", encoder="vectors:8")
    model: dict[str, set[str]] = {}
    ever: dict[str, set[str]] = {}  # category ids seen, by collection key
    try:
        for kind, which, values in operations:
            if kind == "reopen":
                before = {name: library.collection(name).assignments() for name in model}
                library.close()
                library = Library.open(folder / "library", encoder="vectors:8")
                assert left_over(library) == {"inbox": 0, "outbox": 0}
                assert {name: library.collection(name).assignments() for name in model} == before
            else:
                _apply(library, model, kind, f"c{which}", values)
            assert {one.name for one in library.collections()} == set(model)
            for name, expected in model.items():
                collection = library.collection(name)
                assert set(check(collection, folder)) == expected
                _check_search(library, collection, expected)
                present = {category.id for category in collection.categories()}
                alive = ever.setdefault(collection.key, set())
                assert not present & {one for one in alive if one.startswith("ended:")}
                alive |= {f"ended:{one}" for one in alive - present if not one.startswith("ended:")}
                assert present.isdisjoint(one.removeprefix("ended:") for one in alive if one.startswith("ended:"))
                alive |= present
    finally:
        library.close()
        shutil.rmtree(folder)


def _apply(library: Library, model: dict[str, set[str]], kind: str, name: str, values: list[int]) -> None:
    if kind == "drop":
        if name in model:
            assert library.delete_collection(name) == len(model.pop(name))
        return
    collection, known = library.collection(name), model.setdefault(name, set())
    names = [f"i{value}" for value in values]
    if kind == "add":
        answers = collection.add_vectors(names, VECTORS[values])
        places = collection.assignments()
        for answer in answers:
            assert isinstance(answer, Filed)
            assert answer.image_id in places
        assert [one.known for one in answers if isinstance(one, Filed)] == [
            name in known or name in names[:place] for place, name in enumerate(names)
        ]
        known.update(names)
    elif kind == "conflict":
        names = list(dict.fromkeys(names))
        answers = collection.add_vectors(names, [-VECTORS[int(one[1:])] for one in names])
        assert [isinstance(one, Refused) for one in answers] == [one in known for one in names]
        collection.delete([one for one in names if one not in known])
    elif kind == "bad":
        answers = collection.add_vectors([f"bad{value}" for value in values], [BAD[value] for value in values])
        assert all(isinstance(one, Refused) for one in answers)
    elif kind == "delete":
        assert collection.delete(names) == len(set(names) & known)
        known.difference_update(names)
    else:
        report = collection.run()
        assert report.categories == len(collection.categories())
        assert report.unsorted == collection.unsorted()


def _check_search(library: Library, collection, expected: set[str]) -> None:
    found = collection.search(vector=VECTORS[0], limit=100, min_relevance=0)
    assert {one.image_id for one in found} == expected
    places = collection.assignments()
    assert all(one.category == places[one.image_id] for one in found)


def test_vectors_of_another_dimension_are_refused_as_a_whole(vectors_library: Library, tmp_path: Path) -> None:
    from categoriser import InvalidVectorError

    collection = vectors_library.collection("a")
    for wrong in (np.ones((2, 7)), np.ones(8), np.ones((3, 8)), np.ones((0, 8))):
        with pytest.raises(InvalidVectorError):
            collection.add_vectors(["a", "b"], wrong)
    with pytest.raises(InvalidVectorError):
        collection.add_vectors(["a", "b"], np.ones((2, 8)), metadata=[None])
    assert collection.add_vectors([], np.ones((0, 8))) == []
    assert check(collection, tmp_path) == {}
