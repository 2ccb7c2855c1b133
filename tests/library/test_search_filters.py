"""A filtered search finds what a loop over all images finds, whatever the filter."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from categoriser import Clue, Collection, ConfigurationError, Filter, Library, NotFoundError, SearchQuery
from categoriser.catalog.tables import images
from tests.examples import examples
from tests.whole import clusters

NUMBER = 400
VECTORS = clusters(NUMBER, 8, centres=6, noise=0.25, seed=7)
_VALUES: list[Any] = [5, 5.0, 7, -1.5, True, False, None, "5", "five", "a'b\"; DROP TABLE images; --", "é", "", 10**20]
_RNG = np.random.default_rng(1)


def _facts(i: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"n": i % 10, "text": f"t{i % 7}"}
    if i % 3:
        facts["any"] = _VALUES[i % len(_VALUES)]
    if i % 4 == 0:
        facts["camera"] = {"model": ["X", "Y"][i % 8 // 4], "é": {"iso": i}}
    if i % 5 == 0:
        facts["list"] = [i % 3, "x" if i % 2 else "y"]
    if i % 11 == 0:
        facts["a.b"] = i
    return facts


FACTS = [_facts(i) for i in range(NUMBER)]
SIZES = [(0, 0) if i % 9 == 0 else (100 + i % 5 * 50, 100 + i % 3 * 50) for i in range(NUMBER)]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with Library.open(tmp_path_factory.mktemp("filters") / "library", encoder="vectors:8") as library:
        made = library.collection("a")
        made.add_vectors([f"v{i}" for i in range(NUMBER)], VECTORS, metadata=FACTS)
        made.run()
        first = made.row.next_row - NUMBER
        with library.storage.database.write() as connection:  # what pictures would bring
            for i, (width, height) in enumerate(SIZES):
                values = {
                    "width": width or None,
                    "height": height or None,
                    "format": [None, "JPEG", "PNG"][i % 3],
                    "taken_at": None if i % 6 == 0 else 1e9 + 86400.0 * i,
                    "added_at": 1.5e9 + 86400.0 * i,
                    "head_row": first + i - 1 if i % 50 == 49 else None,
                }
                this = sa.and_(images.c.collection_id == made.row.id, images.c.row == first + i)
                connection.execute(sa.update(images).where(this).values(**values))
        other = library.collection("b")
        other.add_vectors([f"v{i}" for i in range(20)], VECTORS[:20], metadata=FACTS[:20])
        yield made


def _fits(value: Any, wanted: Any) -> bool:  # noqa: C901 - plain, so that it can be believed
    """The reference: what a condition says of one value."""

    def same(one: Any, other: Any) -> bool:
        if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
            return one is other
        return isinstance(one, str) == isinstance(other, str) and one == other

    def comparable(one: Any, bound: Any) -> bool:
        if isinstance(bound, str):
            return isinstance(one, str)
        return isinstance(one, int | float) and not isinstance(one, bool)

    if not isinstance(wanted, dict):
        wanted = {"one_of": wanted} if isinstance(wanted, list) else {"equals": wanted}
    absent = value is _ABSENT
    if "exists" in wanted and wanted["exists"] != (not absent and value is not None):
        return False
    tests: list[Callable[[Any], bool]] = []
    if "equals" in wanted:
        tests.append(lambda one: same(one, wanted["equals"]))
    if "one_of" in wanted:
        tests.append(lambda one: any(same(one, other) for other in wanted["one_of"]))
    for name in wanted.keys() & _COMPARED.keys():
        bound, compare = wanted[name], _COMPARED[name]
        tests.append(partial(lambda to, compare, one: comparable(one, to) and compare(one, to), bound, compare))
    if not tests:
        return True
    several = value if isinstance(value, list) else [value]
    return not absent and not isinstance(value, dict) and any(all(test(one) for test in tests) for one in several)


_COMPARED = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}
_ABSENT = object()


def _value(facts: Any, path: list[str]) -> Any:
    for key in path:
        if not isinstance(facts, dict) or key not in facts:
            return _ABSENT
        facts = facts[key]
    return facts


_scalars = st.sampled_from(_VALUES)
_bounds = st.one_of(st.integers(-3, 12), st.floats(-3, 12), st.sampled_from(["", "a", "t3", "x", "é"]))
_conditions = st.one_of(
    _scalars,
    st.lists(_scalars, max_size=4),
    st.fixed_dictionaries({}, optional={"exists": st.booleans(), "gte": _bounds, "lt": _bounds}).filter(bool),
    st.fixed_dictionaries({"gt": _bounds, "lte": _bounds}),
)
_KEYS = ["n", "text", "any", "list", "camera", "camera.model", "camera.é.iso", "a\\.b", "nothing", "list.0"]
_metadata = st.dictionaries(st.sampled_from(_KEYS), _conditions, max_size=2)
_pixels = st.one_of(st.none(), st.integers(90, 320))
_filters = st.fixed_dictionaries(
    {"metadata": _metadata},
    optional={
        "min_width": _pixels,
        "max_height": _pixels,
        "orientation": st.sampled_from(["landscape", "portrait", "square"]),
        "formats": st.lists(st.sampled_from(["jpeg", "PNG", "GIF"]), max_size=2),
        "stacked": st.sampled_from([True, False]),
        "taken_from": st.integers(0, NUMBER).map(lambda day: 1e9 + 86400.0 * day),
        "added_before": st.integers(0, NUMBER).map(lambda day: 1.5e9 + 86400.0 * day),
        "places": st.lists(st.integers(-1, 5), max_size=3),
    },
)


def _expected(told: dict[str, Any], places: list[str | None]) -> set[int]:
    wanted_places = None
    if "places" in told:
        wanted_places = set(told["places"])
    found = set()
    for i in range(NUMBER):
        width, height = (side or None for side in SIZES[i])
        tests = [
            all(
                _fits(_value(FACTS[i], ["a.b"] if key == "a\\.b" else key.split(".")), wanted)
                for key, wanted in told["metadata"].items()
            ),
            told.get("min_width") is None or (width is not None and width >= told["min_width"]),
            told.get("max_height") is None or (height is not None and height <= told["max_height"]),
            not told.get("formats") or [None, "JPEG", "PNG"][i % 3] in [one.upper() for one in told["formats"]],
            "stacked" not in told or told["stacked"] == (i % 50 == 49),
            "taken_from" not in told or (i % 6 != 0 and 1e9 + 86400.0 * i >= told["taken_from"]),
            "added_before" not in told or 1.5e9 + 86400.0 * i < told["added_before"],
            wanted_places is None or places[i] in wanted_places,
        ]
        if "orientation" in told:
            shape = None
            if width is not None and height is not None:
                shape = "landscape" if width > height else "portrait" if width < height else "square"
            tests.append(shape == told["orientation"])
        if all(tests):
            found.add(i)
    return found


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=_filters, seed=st.integers(0, NUMBER - 1), limit=st.sampled_from([1, 7, 400]))
def test_a_filtered_search_is_exact(collection: Collection, told: dict[str, Any], seed: int, limit: int) -> None:
    categories = sorted(collection.categories(), key=lambda one: one.number)
    names = {-1: "unsorted"} | {i: one.id for i, one in enumerate(categories)}
    numbers = {one.id: i for i, one in enumerate(categories)}
    assigned = collection.assignments()
    places = [numbers.get(assigned[f"v{i}"], -1) for i in range(NUMBER)]
    if "places" in told:
        told = told | {"places": [one for one in told["places"] if one in names]}
    expected = _expected(told, places)
    asked = {key: value for key, value in told.items() if key != "places"}
    if "places" in told:
        asked["categories"] = [names[one] for one in told["places"]]
    query = VECTORS[seed]
    scores = np.round(VECTORS.astype(np.float64) @ query.astype(np.float64), 7)
    best = sorted(expected, key=lambda i: (-scores[i], f"v{i}"))[:limit]
    found = collection.search(vector=query, filter=asked, limit=limit, min_relevance=0)
    assert [one.image_id for one in found] == [f"v{i}" for i in best]
    by_place = {
        None if one.value is None else one.value: one.count
        for one in collection.facets(["category"], filter=asked)[0].counts
    }
    counted: dict[str | None, int] = {}
    for i in expected:
        counted[assigned[f"v{i}"]] = counted.get(assigned[f"v{i}"], 0) + 1
    assert by_place == counted


def test_conditions_that_make_no_sense_are_told(collection: Collection) -> None:
    for metadata, told in (
        ({'a"b': 1}, "double quote"),
        ({"": 1}, "key"),
        ({"a": {"near": 1}}, "near"),
        ({"a": {}}, "nothing"),
        ({"a": {"gte": None}}, "bound"),
        ({"a": float("nan")}, "finite"),
        ({"a": {"exists": 1}}, "exists"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            collection.search(vector=VECTORS[0], filter={"metadata": metadata})
    with pytest.raises(ConfigurationError, match="orientation"):
        collection.search(vector=VECTORS[0], filter={"orientation": "round"})
    with pytest.raises(NotFoundError):
        collection.search(vector=VECTORS[0], filter={"groups": ["g99"]})


def test_retired_categories_and_groups_lead_on(collection: Collection) -> None:
    group = collection.groups()[0]
    rows = {name for name, place in collection.assignments().items() if place in set(group.categories)}
    found = collection.search(vector=VECTORS[0], filter={"groups": group.id}, limit=NUMBER, min_relevance=0)
    assert {one.image_id for one in found} == rows
    winner, loser, *_ = collection.categories()
    version = collection.merge(winner.id, [loser.id]).version
    try:
        both = collection.search(vector=VECTORS[0], filter=Filter(categories=[loser.id]), limit=NUMBER, min_relevance=0)
        assert len(both) == winner.size + loser.size
    finally:
        collection.undo(version)


def test_pages_by_cursor_stay_the_same_while_pictures_arrive(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Library.open(tmp_path_factory.mktemp("pages") / "library", encoder="vectors:8") as library:
        made = library.collection("a")
        made.add_vectors([f"v{i}" for i in range(300)], VECTORS[:300])
        made.run()
        place = made.categories()[0].id
        for options in (
            {"wanted": [Clue(vector=VECTORS[3])]},
            {"wanted": [Clue(category=place), Clue(image_id="v5")], "unwanted": [Clue(vector=-VECTORS[3])]},
            {"wanted": [Clue(vector=VECTORS[3])], "diversity": 0.6},
            {"wanted": [Clue(vector=VECTORS[3])], "group_by": "category", "group_size": 100},
        ):
            whole = made.search_page(SearchQuery(**options, limit=300, min_relevance=0))
            later, seen, cursor, page = 0, [], None, 3
            while True:
                asked = SearchQuery(**options, limit=page, min_relevance=0, cursor=cursor)
                answer = made.search_page(asked)
                seen += [one.image_id for one in answer.results]
                cursor = answer.next
                if cursor is None:
                    break
                later += 1
                page = 40
                made.add_vectors([f"late-{made.row.next_row}-{later}"], VECTORS[3:4] + 1e-3 * later)
            assert len(seen) == len(set(seen))
            if "diversity" not in options:
                assert seen == [one.image_id for one in whole.results]
            assert {one.image_id for one in whole.results} == set(seen)
            made.delete([name for name in made.assignments() if name.startswith("late")])


@pytest.mark.parametrize("cursor", ["", "x", "e30", "!!", "bnVsbA", "W10", "eyJxIjoxfQ"])
def test_a_cursor_that_no_search_gave_is_refused(collection: Collection, cursor: str) -> None:
    query = SearchQuery(wanted=[Clue(vector=VECTORS[0])], cursor=cursor)
    with pytest.raises(ConfigurationError, match="cursor"):
        collection.search_page(query)


def test_a_cursor_of_another_search_is_refused(collection: Collection) -> None:
    first = collection.search_page(SearchQuery(wanted=[Clue(vector=VECTORS[0])], limit=2, min_relevance=0))
    assert first.next is not None
    with pytest.raises(ConfigurationError, match="another search"):
        collection.search_page(
            SearchQuery(wanted=[Clue(vector=VECTORS[1])], limit=2, min_relevance=0, cursor=first.next)
        )


def test_diverse_results_come_from_a_pool_and_not_only_in_another_order(collection: Collection) -> None:
    plain = collection.search(vector=VECTORS[3], limit=10, min_relevance=0)
    diverse = collection.search(vector=VECTORS[3], limit=10, min_relevance=0, diversity=0.7)
    assert diverse[0] == plain[0]
    assert {one.image_id for one in diverse} != {one.image_id for one in plain}

    def likeness(some: list[Any]) -> float:
        rows = VECTORS[[int(one.image_id[1:]) for one in some]]
        return float((rows @ rows.T)[np.triu_indices(len(rows), 1)].mean())

    assert likeness(diverse) < likeness(plain)


def test_results_by_category_are_the_best_of_each(collection: Collection) -> None:
    query = SearchQuery(wanted=[Clue(vector=VECTORS[3])], group_by="category", group_size=4, limit=3, min_relevance=0)
    page = collection.search_page(query)
    assert page.groups is not None
    assert len(page.groups) == 3
    best = [group.results[0].score for group in page.groups]
    assert best == sorted(best, reverse=True)
    for group in page.groups:
        own = Filter(categories=[group.category or "unsorted"])
        alone = collection.search(vector=VECTORS[3], filter=own, limit=4, min_relevance=0)
        assert list(group.results) == alone


def test_facets_by_month_count_every_image_once(collection: Collection) -> None:
    months = collection.facets(["month", "taken", "group", "format"])
    for facet in months:
        assert sum(one.count for one in facet.counts) + facet.others == NUMBER
    first = months[0].counts[-1]
    assert first.value == datetime.fromtimestamp(1.5e9, UTC).strftime("%Y-%m")
    short = collection.facets(["month"], limit=2)[0]
    assert len(short.counts) == 2
    assert short.others == NUMBER - sum(one.count for one in short.counts)
    with pytest.raises(ConfigurationError, match="colour"):
        collection.facets(["colour"])  # type: ignore[list-item]


def test_duplicates_are_listed_in_stacks_page_by_page(collection: Collection) -> None:
    groups, after = [], None
    while True:
        page = collection.duplicates(after=after, limit=3)
        groups += page.groups
        after = page.next
        if after is None:
            break
    assert page.groups_in_all == len(groups) == 8
    assert page.surplus == 8
    assert [(one.image_id, one.images[1].image_id) for one in groups] == [
        (f"v{i - 1}", f"v{i}") for i in range(49, 400, 50)
    ]
    alike = collection.duplicates(min_score=0.999, limit=500)
    assert alike.groups_in_all == len(alike.groups) >= len(groups)
    members = [image.image_id for group in alike.groups for image in group.images]
    assert len(members) == len(set(members))
    assert sum(group.size - 1 for group in alike.groups) == alike.surplus
    for group in alike.groups:
        head = VECTORS[int(group.image_id[1:])]
        for one in group.images[1:]:
            if int(one.image_id[1:]) % 50 != 49:
                assert VECTORS[int(one.image_id[1:])] @ head >= 0.9989


def test_similar_categories_are_those_with_the_nearest_middles(collection: Collection) -> None:
    assigned = collection.assignments()
    rows: dict[str, list[int]] = {}
    for name, place in assigned.items():
        if place is not None:
            rows.setdefault(place, []).append(int(name[1:]))
    middles = {place: VECTORS[some].mean(axis=0) for place, some in rows.items()}
    middles = {place: one / np.linalg.norm(one) for place, one in middles.items()}
    largest = collection.categories()[0].id
    found = collection.similar_categories(largest, limit=100)
    expected = sorted((place for place in rows if place != largest), key=lambda one: -(middles[one] @ middles[largest]))
    assert [one.id for one in found] == expected
    for one in found:
        assert one.score == pytest.approx(float(middles[one.id] @ middles[largest]), abs=2e-2)
        assert one.likeness is None or 0 <= one.likeness <= 1
    assert all(one.score >= 0.2 for one in collection.similar_categories(largest, min_score=0.2))
    with pytest.raises(NotFoundError):
        collection.similar_categories("99")


def test_searches_see_only_their_own_collection(collection: Collection) -> None:
    other = collection._library.collection("b")
    assert len(other.search(vector=VECTORS[0], limit=500, min_relevance=0)) == 20
    assert sum(one.count for one in other.facets(["category"])[0].counts) == 20
    with pytest.raises(NotFoundError):
        other.search(category=collection.categories()[0].id)
    first = collection.search_page(SearchQuery(wanted=[Clue(vector=VECTORS[0])], limit=2, min_relevance=0))
    page = other.search_page(
        SearchQuery(wanted=[Clue(vector=VECTORS[0])], limit=500, min_relevance=0, cursor=first.next)
    )
    assert len(page.results) <= 20


def test_a_filtered_search_goes_on_while_images_are_deleted(collection: Collection) -> None:
    other, failures, done = collection._library.collection("busy"), [], threading.Event()
    other.add_vectors([f"v{i}" for i in range(NUMBER)], VECTORS, metadata=FACTS)

    def look() -> None:
        try:
            while not done.is_set():
                for one in other.search(vector=VECTORS[0], filter={"metadata": {"n": 3}}, limit=50, min_relevance=0):
                    assert int(one.image_id[1:]) % 10 == 3
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    for start in range(0, NUMBER, 40):
        other.delete([f"v{i}" for i in range(start, start + 40)])
    done.set()
    thread.join(30)
    assert failures == []
