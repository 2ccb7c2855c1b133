"""A newcomer whose neighbours do not agree has a category at once, tentatively: the next run decides anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from categoriser import Collection, Library
from tests.whole import check

DIMENSION = 32


def _around(middles: np.ndarray, number: int, seed: int, noise: float) -> np.ndarray:
    """Unit vectors around some directions, one after the other."""
    rng = np.random.default_rng(seed)
    vectors = middles[np.arange(number) % len(middles)] + noise * rng.normal(size=(number, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _between(number: int, seed: int = 1) -> np.ndarray:
    """Vectors between three of the classes."""
    return _around(np.eye(DIMENSION)[:6].reshape(2, 3, DIMENSION).sum(axis=1) / 3**0.5, number, seed, 0.05)


def _open(folder: Path) -> tuple[Library, Collection]:
    library = Library.open(folder, encoder=f"vectors:{DIMENSION}", automatic_runs=False)
    return library, library.collection("a")


@pytest.fixture
def sorted_folder(tmp_path: Path) -> Path:
    """A library of six classes, each a category."""
    library, collection = _open(tmp_path / "library")
    with library:
        collection.add_vectors([f"v{i}" for i in range(180)], _around(np.eye(DIMENSION)[:6], 180, 0, 0.08))
        collection.run()
        assert len(collection.categories()) == 6
    return tmp_path / "library"


def _arrive(collection: Collection, seed: int = 1) -> list[str]:
    """Images between the classes; returns those that were filed tentatively."""
    filed = collection.add_vectors([f"n{i}" for i in range(12)], _between(12, seed))
    found = [one.image_id for one in filed if one.tentative]
    assert found
    assert all(one.category is not None for one in filed if one.tentative)
    return found


def _marked(collection: Collection) -> set[str]:
    """Images that say that their category is tentative; the engine and every question agree about them."""
    found = {one.id for one in collection.images(limit=1000) if one.tentative}
    with collection._library.storage.states.writing(collection.row.id) as state:
        grouping = state.grouping
        rows = [row for row in range(grouping.length) if grouping.is_tentative(row)]
    assert len(rows) == len(found)
    assert all(collection.why(one).tentative for one in sorted(found)[:2])
    return found


def test_the_mark_outlives_a_restart_and_a_run_clears_it(sorted_folder: Path, tmp_path: Path) -> None:
    library, collection = _open(sorted_folder)
    with library:
        told = _arrive(collection)
        assert _marked(collection) == set(told)
        told_first = {one: collection.image(one).category for one in told}
    library, collection = _open(sorted_folder)
    with library:
        assert _marked(collection) == set(told)
        check(collection, tmp_path)
        again = collection.add_vectors([told[0]], _between(12)[[int(told[0][1:])]])[0]
        assert again.known
        assert again.tentative
        report = collection.run()
        assert not _marked(collection)
        after = check(collection, tmp_path)
        assert report.moved == 0
        assert report.reconsidered == sum(after[one] != told_first[one] for one in told)
    library, collection = _open(sorted_folder)
    with library:
        assert not _marked(collection)
        assert collection.assignments() == after


def test_a_run_finds_what_it_would_have_found_without_the_guesses(sorted_folder: Path, tmp_path: Path) -> None:
    library, collection = _open(sorted_folder)
    with library:
        guessed = _arrive(collection)
        with library.storage.states.writing(collection.row.id) as state:
            with_guesses = state.grouping.propose()
            micros = state.grouping.micros
            marked = np.flatnonzero(micros.tentative)
            guesses = micros.categories[marked].copy()
            micros.categories[marked] = -1  # as if nothing had been guessed
            micros.settle(marked.tolist())
            without = state.grouping.propose()
            micros.categories[marked], micros.tentative[marked] = guesses, True
        assert (with_guesses.after == without.after).all()
        assert dict(with_guesses.moves) == dict(without.moves)
        collection.run()
        found = check(collection, tmp_path)
        names = [collection.row.category_id(int(one)) if one >= 0 else None for one in without.after]
        with library.storage.states.writing(collection.row.id) as state:
            own = state.grouping.micro_of[state.grouping.present()]
        where = {one.id: place for place, one in enumerate(collection.images(limit=1000))}
        assert [found[one] for one in guessed] == [names[own[where[one]]] for one in guessed]


def test_nothing_is_guessed_into_a_category_that_a_person_locked(sorted_folder: Path) -> None:
    library, collection = _open(sorted_folder)
    with library:
        for category in collection.categories():
            collection.lock(category.id)
        filed = collection.add_vectors([f"n{i}" for i in range(12)], _between(12))
        assert not any(one.tentative for one in filed)
        assert any(one.category is None for one in filed)


def test_who_locks_a_category_keeps_what_was_guessed_into_it(sorted_folder: Path, tmp_path: Path) -> None:
    library, collection = _open(sorted_folder)
    with library:
        told = _arrive(collection)
        category = collection.image(told[0]).category
        assert category is not None
        collection.lock(category)
        inside = {one for one in told if collection.image(one).category == category}
        assert _marked(collection) == set(told) - inside
        collection.run()
        after = check(collection, tmp_path)
        assert {after[one] for one in inside} == {category}


def test_a_move_by_a_person_is_no_guess_any_more(sorted_folder: Path, tmp_path: Path) -> None:
    library, collection = _open(sorted_folder)
    with library:
        told = _arrive(collection)
        target = next(one.id for one in collection.categories() if one.id != collection.image(told[0]).category)
        assert collection.move([told[0]], target).moved == 1
        assert told[0] not in _marked(collection)
        collection.run()
        assert check(collection, tmp_path)[told[0]] == target


def test_an_undone_run_puts_guesses_back_for_good_and_teaches_nothing_of_them(
    sorted_folder: Path, tmp_path: Path
) -> None:
    library, collection = _open(sorted_folder)
    with library:
        _arrive(collection, seed=2)
        before = collection.assignments()
        report = collection.run()
        assert (report.moved, report.reconsidered > 0) == (0, True)
        collection.undo(report.version)
        assert check(collection, tmp_path) == before
        assert not _marked(collection)
        with library.storage.states.writing(collection.row.id) as state:
            assert not state.grouping.rules.apart
            assert not state.grouping.rules.whole
