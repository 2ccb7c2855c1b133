"""Broad groups over categories, and the categories an image is between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from categoriser import Collection, Library, NotFoundError
from categoriser.engine import Grouping
from categoriser.engine.memberships import LEAST_SCORE, MOST, memberships
from tests.engine.test_hierarchy import two_levels
from tests.examples import examples
from tests.whole import check_groups, clusters

VECTORS, CLASSES, KINDS = two_levels(3, kinds=4, each=4, size=30)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """Sixteen classes of four kinds, grouped once."""
    with Library.open(tmp_path / "library", encoder="vectors:64", automatic_runs=False) as library:
        found = library.collection("a")
        found.add_vectors([f"v{i}" for i in range(len(VECTORS))], VECTORS)
        found.run()
        yield found


def test_groups_are_broader_than_categories_and_follow_the_kinds(collection: Collection) -> None:
    groups = collection.groups()
    check_groups(collection)
    assert 1 < len(groups) < len(collection.categories())
    assert [one.size for one in groups] == sorted((one.size for one in groups), reverse=True)
    kinds_of: dict[str, set[int]] = {}
    own = {one.id: one.group for one in collection.categories()}
    for image_id, category in collection.assignments().items():
        if category is not None:
            kinds_of.setdefault(own[category], set()).add(int(KINDS[int(image_id[1:])]))
    assert sum(len(kinds) == 1 for kinds in kinds_of.values()) >= len(groups) - 1
    first = groups[0]
    assert collection.group(first.id) == first
    assert [one.id for one in collection.categories(group=first.id)] == list(first.categories)
    with pytest.raises(NotFoundError):
        collection.categories(group="g999")
    with pytest.raises(NotFoundError):
        collection.group(first.categories[0])  # an id of a category is none of a group


def test_a_group_is_named_after_its_categories(collection: Collection) -> None:
    group = max(collection.groups(), key=lambda one: len(one.categories))
    names = sorted(group.categories, key=lambda one: int(one.rpartition("-")[2]))
    collection.rename(names[0], "Boats")
    label = collection.group(group.id).label
    assert label.startswith("Boats")
    assert ("more" in label) == (len(names) > 2)


def test_the_preview_shows_the_groups_that_the_run_makes(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:64", automatic_runs=False) as library:
        collection = library.collection("a")
        ids = [f"v{i}" for i in range(len(VECTORS))]
        for part in (slice(0, 200), slice(200, None)):
            collection.add_vectors(ids[part], VECTORS[part])
            plan = collection.plan()
            before = {one.id: set(one.categories) for one in collection.groups()}
            assert plan.groups
            report = collection.apply(plan)
            after = {one.id: set(one.categories) for one in collection.groups()}
            assert report.groups == len(after)
            assert {one.group: set(one.categories) for one in plan.groups} == {
                group: after.get(group, set()) for group in {*before, *after} if before.get(group) != after.get(group)
            }
            kinds = {one.group: one.kind for one in plan.groups}
            assert all((kind == "spawn") == (group not in before) for group, kind in kinds.items())
            assert all((kind == "end") == (group not in after) for group, kind in kinds.items())
        assert collection.plan().groups == [] or collection.plan().steps  # a second run has nothing of its own to do


def test_an_undone_run_leaves_the_groups_as_they_were_and_history_keeps_both(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:64", automatic_runs=False) as library:
        collection = library.collection("a")
        ids = [f"v{i}" for i in range(len(VECTORS))]
        collection.add_vectors(ids[:150], VECTORS[:150])
        first = collection.run().version
        before = check_groups(collection)
        collection.add_vectors(ids[150:], VECTORS[150:])
        second = collection.run().version
        after = check_groups(collection)
        assert after != before
        collection.undo(second)
        assert check_groups(collection) == before
        assert collection.groups_as_of(first) == before
        assert collection.groups_as_of(second) == after
        collection.undo(collection.row.taxonomy_version)
        assert check_groups(collection) == after


def test_what_people_split_stays_in_the_group_and_an_ended_group_leads_on(collection: Collection) -> None:
    group = max(collection.groups(), key=lambda one: len(one.categories))
    done = collection.split(group.categories[0])
    assert collection.category(str(done.category)).group == group.id
    other = next(one for one in collection.groups() if one.id != group.id)
    merged = collection.merge(group.categories[0], other.categories)
    assert collection.group(other.id).id == group.id
    check_groups(collection)
    collection.undo(merged.version)
    assert collection.group(other.id) == other
    alone = collection.move(["v0", "v1"], None, label="mine")
    assert alone.category in check_groups(collection)


def test_a_group_ends_with_its_last_image(collection: Collection) -> None:
    group = collection.groups()[-1]
    collection.delete([one for one, category in collection.assignments().items() if category in group.categories])
    check_groups(collection)
    with pytest.raises(NotFoundError):
        collection.group(group.id)
    told = [event.detail["group"] for event in collection.events(limit=5000) if event.kind == "group-end"]
    assert told == [group.id]


def test_memberships_begin_with_the_own_category_and_say_how_sure_they_are(collection: Collection) -> None:
    several = 0
    for image_id, category in collection.assignments().items():
        found = collection.memberships(image_id)
        assert [one.main for one in found] == [True, False, False][: len(found)] or category is None
        assert (found[0].category == category) if category is not None else not any(one.main for one in found)
        assert len({one.category for one in found}) == len(found)
        several += len(found) > 1
    assert several
    why = collection.why("v3")
    assert list(why.memberships) == collection.memberships("v3")
    with pytest.raises(NotFoundError):
        collection.memberships("nobody")


def test_an_image_that_a_person_moved_is_still_near_to_where_it_was(collection: Collection) -> None:
    sure = next(
        one
        for one, category in collection.assignments().items()
        if category is not None and collection.memberships(one)[0].score > 0.9
    )
    was = collection.image(sure).category
    target = next(one.id for one in collection.categories() if one.id != was)
    collection.move([sure], target)
    found = collection.memberships(sure)
    assert (found[0].category, found[0].main) == (target, True)
    assert (found[1].category, found[1].main) == (was, False)
    assert found[1].score > found[0].score


@given(seed=st.integers(0, 10_000), noise=st.floats(0.05, 1.5), run=st.booleans())
@settings(deadline=None, max_examples=examples(25))
def test_scores_are_shares_whatever_the_vectors(seed: int, noise: float, run: bool) -> None:
    grouping = Grouping(6)
    grouping.add(clusters(60, 6, centres=5, seed=seed, noise=noise))
    if run:
        grouping.run()
    grouping.remove(np.arange(0, 60, 7))
    for row in np.flatnonzero(grouping.active).tolist():
        found = memberships(grouping, row)
        assert len(found) <= MOST
        assert sum(score for _, score in found) <= 1 + 1e-9
        own = grouping.label(row)
        assert (found[0][0] == own) if own >= 0 else len(found) < MOST
        others = [score for number, score in found if number != own]
        assert others == sorted(others, reverse=True)
        assert all(LEAST_SCORE <= score <= 1 for score in others)
