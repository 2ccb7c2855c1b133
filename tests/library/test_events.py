"""The log can be read by kinds, and what one event says can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from categoriser import EVENT_KINDS, Collection, ConfigurationError, ConflictError, Event, Library, NotFoundError
from tests.library.test_decisions import sorted_collection, turned
from tests.whole import check, clusters


@pytest.fixture
def collection(tmp_path: Path):
    library, found = sorted_collection(tmp_path)
    with library:
        yield found


def last(collection: Collection, kind: str) -> Event:
    return collection.events(types=[kind], limit=10_000)[-1]


def members(collection: Collection, category: str) -> set[str]:
    return {one for one, where in collection.assignments().items() if where == category}


def test_kinds_are_chosen_and_the_cursor_only_grows(collection: Collection) -> None:
    everything = collection.events(limit=10_000)
    assert {event.kind for event in everything} <= set(EVENT_KINDS)
    wanted = {"spawn", "run"}
    chosen, after, pages = [], 0, 0
    while True:
        page, following = collection.events_and_next(after=after, types=wanted, limit=2)
        assert following >= after
        if not page:
            break
        chosen += page
        after, pages = following, pages + 1
    assert chosen == [event for event in everything if event.kind in wanted]
    assert pages > 1
    assert after == following == everything[-1].cursor  # behind all that was looked at, so none is read twice
    collection.rename(collection.categories()[0].id, "Trees")
    assert [event.kind for event in collection.events(after=after)] == ["rename"]
    assert collection.events(after=after, types=["run"]) == []
    with pytest.raises(ConfigurationError, match=r"'nonsense' is no kind of event; there are attach, .*\."):
        collection.events(types=["run", "nonsense"])


def test_one_merge_of_a_run_is_taken_back_and_not_repeated(tmp_path: Path) -> None:
    library, collection = turned(tmp_path, "fine", "broad")
    with library:
        before = collection.assignments()
        run = collection.run()
        merges = collection.events(after=last(collection, "run").cursor, types=["merge"])
        chosen = merges[0].detail
        others = [(one.detail["category"], loser) for one in merges[1:] for loser in one.detail["losers"]]
        done = collection.undo(event=merges[0].cursor)
        now = collection.assignments()
        for loser in chosen["losers"]:
            assert collection.category(loser).id == loser
        back = {one for one, where in before.items() if where in chosen["losers"] and now[one] == where}
        assert len(back) == done.moved > 0
        for winner, loser in others:  # nothing else changed
            assert collection.category(loser).id == collection.category(winner).id
        check(collection, tmp_path)
        with pytest.raises(ConflictError, match="is left to take back"):
            collection.undo(event=merges[0].cursor)
        collection.run()
        for loser in chosen["losers"]:
            assert collection.category(loser).id != collection.category(chosen["category"]).id
        check(collection, tmp_path)
        again = collection.undo(done.version)  # the undo is a version like any other
        assert again.version == collection.row.taxonomy_version
        collection.undo(run.version)  # what of the run is still as it left it
        check(collection, tmp_path)


def test_one_split_of_a_run_is_taken_back(tmp_path: Path) -> None:
    library, collection = turned(tmp_path, "broad", "fine")
    with library:
        before = collection.assignments()
        collection.run()
        event = collection.events(types=["split"], limit=10_000)[-1]
        fresh, parent = event.detail["category"], event.detail["parent"]
        inside, living = members(collection, fresh), {one.id for one in collection.categories()}
        collection.undo(event=event.cursor)
        now = collection.assignments()
        assert {one: now[one] for one in inside} == {one: before[one] for one in inside}
        assert {one.id for one in collection.categories()} == living - {fresh}
        check(collection, tmp_path)
        collection.run()
        assert parent in {one.id for one in collection.categories()}
        assert not [
            one for one in collection.events(after=event.cursor, types=["split"]) if one.detail["parent"] == parent
        ]


def test_an_image_that_a_run_moved_goes_back_for_good(tmp_path: Path) -> None:
    library, collection = turned(tmp_path, "broad", "fine")
    with library:
        collection.run()
        seen = len(collection.events(types=["move"], limit=10_000))
        assert seen >= 3
        for event in collection.events(types=["move"], limit=3):
            image_id, came = event.detail["image_id"], event.detail["from"]
            collection.undo(event=event.cursor)
            assert collection.image(image_id).category == came
            check(collection, tmp_path)
            collection.run()
            where = collection.image(image_id).category
            assert where == came if came is not None else where != event.detail["category"]
            with pytest.raises(ConflictError, match="is left to take back"):
                collection.undo(event=event.cursor)


def test_a_run_counts_what_it_takes_from_unsorted(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:32", automatic_runs=False) as library:
        collection = library.collection("a")
        collection.add_vectors([f"v{i}" for i in range(90)], clusters(90, 32))
        before = collection.assignments()
        report = collection.run()
        after = collection.assignments()
        came = [one for one, where in before.items() if where is None and after[one] is not None]
        assert report.absorbed == len(came) > 0
        assert collection.undo(report.version).moved == report.absorbed


def test_a_split_names_the_image_that_is_elsewhere(collection: Collection) -> None:
    first, second = (one.id for one in collection.categories()[:2])
    own, foreign = min(members(collection, first)), min(members(collection, second))
    with pytest.raises(ConfigurationError, match=f"Image '{foreign}' is in category '{second}'"):
        collection.split(first, [own, foreign])
    collection.reject([foreign])
    with pytest.raises(ConfigurationError, match=f"Image '{foreign}' is in Unsorted"):
        collection.split(first, [own, foreign])


def test_what_changes_nothing_makes_no_version_and_an_undo_of_nothing_is_refused(
    collection: Collection, tmp_path: Path
) -> None:
    first, second, third = (one.id for one in collection.categories()[:3])
    chosen = sorted(members(collection, first))[:2]
    moved = collection.move(chosen, second)
    collection.never_merge(first, second)
    version = collection.row.taxonomy_version
    for again in (collection.never_merge(second, first), collection.move(chosen, second)):
        assert (again.version, again.moved, again.changed) == (version, 0, False)
    collection.move(chosen, third)
    seen = collection.row.taxonomy_version
    with pytest.raises(ConflictError, match=f"Nothing of version {moved.version} is left to take back"):
        collection.undo(moved.version)
    assert collection.row.taxonomy_version == seen
    assert collection.undo().undone == seen
    assert collection.undo().what.startswith("keeping apart of ")  # repeated, it goes further back
    assert collection.undo(moved.version).undone == moved.version
    assert {collection.image(one).category for one in chosen} == {first}
    check(collection, tmp_path)


def test_undo_goes_back_beyond_any_number_of_runs_that_found_nothing_to_do(collection: Collection) -> None:
    image, other = collection.images(limit=1)[0].id, collection.categories()[1].id
    moved = collection.move([image], other)
    for _ in range(105):
        collection.run()
    assert collection.row.taxonomy_version == moved.version + 105
    assert collection.undo().undone == moved.version
    with pytest.raises(ConflictError, match="Nothing of any run"):
        list(iter(collection.undo, None))  # again and again


def test_one_image_of_a_correction_goes_back_as_if_it_had_stayed(collection: Collection, tmp_path: Path) -> None:
    first, second = (one.id for one in collection.categories()[:2])
    chosen = sorted(members(collection, first))[:3]
    moved = collection.move(chosen, second)
    event = next(one for one in collection.events(types=["move"], limit=100) if one.detail["image_id"] == chosen[0])
    undone = collection.undo(event=event.cursor)
    assert collection.image(chosen[0]).category == first
    assert collection.why(chosen[0]).decided_by == "neighbours"  # nobody pinned it
    assert {collection.image(one).category for one in chosen[1:]} == {second}
    assert collection.why(chosen[1]).decided_by == "person"
    check(collection, tmp_path)
    collection.undo(undone.version)
    assert collection.image(chosen[0]).category == second
    assert collection.why(chosen[0]).decided_by == "person"
    collection.undo(moved.version)
    assert {collection.image(one).category for one in chosen} == {first}
    rejected = collection.reject(chosen[:1])
    collection.undo(event=last(collection, "move").cursor)
    assert collection.image(chosen[0]).category == first
    collection.run()
    assert collection.image(chosen[0]).category == first
    assert rejected.version < collection.row.taxonomy_version
    check(collection, tmp_path)


def test_names_and_whole_corrections_come_back_by_their_event(collection: Collection, tmp_path: Path) -> None:
    first, second = (one.id for one in collection.categories()[:2])
    collection.rename(second, "Trees")
    collection.rename(first, "Boats")
    collection.undo(event=last(collection, "rename").cursor)
    assert collection.category(first).named_by != "person"
    before = collection.assignments()
    collection.merge(first, [second])
    collection.undo(event=last(collection, "merge").cursor)  # as well as by the event "unite" before it
    assert collection.assignments() == before
    assert collection.category(second).label == "Trees"
    assert collection.category(second).named_by == "person"
    with pytest.raises(ConflictError, match="undone already"):
        collection.undo(event=last(collection, "unite").cursor)
    check(collection, tmp_path)


def test_what_cannot_be_undone_is_refused_in_a_sentence(collection: Collection) -> None:
    first = collection.categories()[0].id
    arrival = collection.events(limit=1)[0]
    gone = next(one for one in collection.events(types=["attach"], limit=1000) if one.cursor > arrival.cursor)
    version = collection.row.taxonomy_version
    with pytest.raises(ConflictError, match="arrival of image 'v0'; move that"):
        collection.undo(event=arrival.cursor)
    collection.delete([gone.detail["image_id"]])
    with pytest.raises(NotFoundError, match="deleted with its image"):
        collection.undo(event=gone.cursor)
    for cursor in (0, 10**9):
        with pytest.raises(NotFoundError, match="no event"):
            collection.undo(event=cursor)
    with pytest.raises(ConfigurationError, match="not both"):
        collection.undo(1, event=1)
    collection.delete(members(collection, first))
    with pytest.raises(ConflictError, match="last image was deleted"):
        collection.undo(event=last(collection, "retire").cursor)
    assert collection.row.taxonomy_version == version
