"""What a run holds back stays to be decided by people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from categoriser import Collection, ConflictError, Library, NotFoundError, Suggestion
from tests.library.test_decisions import DIMENSION, turned
from tests.whole import check, clusters


@pytest.fixture
def merging(tmp_path: Path):
    """All categories are named, and the dial asks for fewer: merges that no run may do."""
    library, collection = turned(tmp_path, "fine", "broad")
    with library:
        for category in collection.categories():
            collection.rename(category.id, f"named {category.number}")
        yield collection


@pytest.fixture
def splitting(tmp_path: Path):
    """All categories are locked, and the dial asks for more."""
    library, collection = turned(tmp_path, "broad", "fine")
    with library:
        for category in collection.categories():
            collection.lock(category.id)
        yield collection


def members(collection: Collection, category: str | None) -> set[str]:
    return {one for one, where in collection.assignments().items() if where == category}


def one_of(collection: Collection, kind: str) -> Suggestion:
    return next(one for one in collection.suggestions() if one.kind == kind)


def test_what_a_run_holds_back_is_listed_until_it_is_not_found_any_more(merging: Collection) -> None:
    assert merging.suggestions() == []
    report = merging.run()
    found = merging.suggestions()
    assert report.suggestions == len(found) >= 3
    for one in found:
        assert one.source != one.target
        assert one.images == len(members(merging, one.source)) if one.kind == "merge" else one.images > 0
        assert set(one.examples) <= members(merging, one.source)
        assert "named" in one.reason
        assert one.version == report.version
    announced = merging.events(types=["suggest"], limit=1000)
    assert {event.detail["suggestion"] for event in announced} == {one.id for one in found}
    assert {event.detail["from"] for event in announced} == {one.source for one in found}
    merging.run()
    assert [one.id for one in merging.suggestions()] == [one.id for one in found]  # the same ones, not new ones
    pages = [merging.suggestions(limit=2), merging.suggestions(after=found[1].id, limit=1000)]
    assert [one.id for page in pages for one in page] == [one.id for one in found]
    merging.set_granularity("fine")
    merging.run()
    assert not {one.id for one in found if one.kind == "merge"} & {one.id for one in merging.suggestions()}


def test_they_outlast_the_process(merging: Collection, tmp_path: Path) -> None:
    merging.run()
    found = merging.suggestions()
    merging._library.close()
    with Library.open(tmp_path / "library", encoder=f"vectors:{DIMENSION}") as library:
        assert library.collection("a").suggestions() == found


def test_an_accepted_merge_is_done_kept_and_undone(merging: Collection, tmp_path: Path) -> None:
    merging.run()
    chosen, before = one_of(merging, "merge"), merging.assignments()
    assert chosen.target is not None
    both = members(merging, chosen.source) | members(merging, chosen.target)
    done = merging.accept(chosen.id)
    assert done.moved == chosen.images
    assert merging.category(chosen.source).id == chosen.target
    assert members(merging, chosen.target) == both
    assert merging.category(chosen.target).label.startswith("named")
    assert chosen.id not in {one.id for one in merging.suggestions()}
    with pytest.raises(NotFoundError):
        merging.accept(chosen.id)
    check(merging, tmp_path)
    merging.run()
    assert both <= members(merging, chosen.target)
    merging.undo(done.version)
    now = merging.assignments()
    assert {now[image_id] for image_id in both} == {before[image_id] for image_id in both}
    merging.run()
    assert {chosen.source, chosen.target} <= {one.id for one in merging.categories()}
    check(merging, tmp_path)


def test_an_accepted_split_makes_a_category_that_no_run_joins_again(splitting: Collection, tmp_path: Path) -> None:
    splitting.run()
    chosen = one_of(splitting, "split")
    assert chosen.target is None
    before = members(splitting, chosen.source)
    done = splitting.accept(chosen.id)
    assert done.category is not None
    assert len(members(splitting, done.category)) == chosen.images
    assert set(chosen.examples) <= members(splitting, done.category) <= before
    check(splitting, tmp_path)
    splitting.set_granularity("broad")
    splitting.run()
    assert splitting.category(done.category).id == done.category
    released = one_of(splitting, "release") if any(one.kind == "release" for one in splitting.suggestions()) else None
    if released is not None:
        splitting.accept(released.id)
        assert set(released.examples) <= members(splitting, None)


def test_every_suggestion_can_be_accepted_or_says_why_not(splitting: Collection, tmp_path: Path) -> None:
    splitting.run()
    found, problems = splitting.suggestions(), []
    for one in found:
        try:
            assert splitting.accept(one.id).moved
        except ConflictError as error:
            problems.append(str(error))
    assert len(problems) < len(found) - 2
    assert all("does not hold any more" in problem for problem in problems)
    check(splitting, tmp_path)


def test_a_dismissed_one_is_not_proposed_again_until_its_images_change(merging: Collection) -> None:
    merging.run()
    chosen = one_of(merging, "merge")
    merging.dismiss(chosen.id)
    with pytest.raises(ConflictError, match="dismissed already"):
        merging.dismiss(chosen.id)
    with pytest.raises(ConflictError, match="dismissed already"):
        merging.accept(chosen.id)
    pairs = [{one.source, one.target} for one in merging.suggestions() if one.kind == "merge"]
    for one in merging.suggestions():
        merging.dismiss(one.id)
    for _ in range(2):
        merging.run()
        assert not any({one.source, one.target} in pairs for one in merging.suggestions())
        assert not any({step.source, step.target} in pairs for step in merging.plan().steps)
    for category in (chosen.source, str(chosen.target)):  # now that nobody holds them, a run still leaves them apart
        merging.rename(category, None)
    merging.run()
    assert {chosen.source, chosen.target} <= {one.id for one in merging.categories()}
    vectors = clusters(400, DIMENSION, centres=5, seed=2, noise=0.3)
    many = np.tile(vectors, (2, 1)) + 0.1 * np.random.default_rng(1).normal(size=(800, DIMENSION))
    merging.add_vectors([f"more {i}" for i in range(800)], many)
    steps = [{step.source, step.target} for step in merging.plan().steps if step.kind == "merge"]
    assert any(pair in steps for pair in pairs)  # three times as many images: worth another look


def test_one_that_does_not_hold_any_more_is_neither_listed_nor_done(merging: Collection) -> None:
    merging.run()
    gone, kept = [one for one in merging.suggestions() if one.kind == "merge"][:2]
    assert gone.target is not None
    merging.never_merge(gone.source, gone.target)
    with pytest.raises(ConflictError, match="kept apart"):
        merging.accept(gone.id)
    merging.delete(members(merging, kept.source))
    assert kept.id not in {one.id for one in merging.suggestions()}
    with pytest.raises(ConflictError, match="ended"):
        merging.accept(kept.id)
    version = merging.row.taxonomy_version
    with pytest.raises(ConflictError, match=f"version {version}"):
        merging.accept(gone.id, expected=version - 1)
    merging.run()
    assert not {gone.id, kept.id} & {one.id for one in merging.suggestions()}
    with pytest.raises(NotFoundError):
        merging.dismiss(gone.id)


def test_what_goes_beyond_the_churn_budget_is_suggested(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder=f"vectors:{DIMENSION}", automatic_runs=False) as library:
        collection = library.collection("a")
        vectors = clusters(1500, DIMENSION, centres=9, seed=1, noise=0.35)
        collection.set_granularity("fine")
        collection.add_vectors([f"v{i}" for i in range(1500)], vectors)
        collection.run()
        collection.set_granularity("broad")
        report = collection.run()
        assert report.moved <= 0.03 * 1500
        found = collection.suggestions()
        assert report.suggestions == len(found) > 0
        assert {one.reason for one in found} == {"it would move more images than a run may"}
        collection.accept(found[0].id)
        check(collection, tmp_path)
