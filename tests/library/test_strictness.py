"""Corrections teach a category how much it should ask of newcomers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from categoriser import Collection
from tests.library.test_decisions import sorted_collection
from tests.whole import check


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    library, found = sorted_collection(tmp_path)
    library.settings = library.settings.model_copy(update={"automatic_runs": False})
    with library:
        yield found


def strictness(collection: Collection, category: str) -> float:
    with collection._storage.states.writing(collection.row.id) as state:
        return state.grouping.rules.strictness.get(collection.category(category).number, 0.0)


def members(collection: Collection, category: str) -> list[str]:
    return [one for one, where in collection.assignments().items() if where == category]


def vectors_of(collection: Collection, image_ids: list[str]) -> np.ndarray:
    row = collection.row
    return collection._storage.store(row).fetch(row.key, image_ids).vectors


def test_what_leaves_tightens_and_what_comes_loosens_within_bounds(collection: Collection, tmp_path: Path) -> None:
    first, second = (one.id for one in collection.categories()[:2])
    images = members(collection, first)
    collection.move(images[:1], second)
    assert strictness(collection, first) == 0.25
    assert strictness(collection, second) == 0.0  # never laxer than usual
    collection.reject(images[1:3])
    assert strictness(collection, first) == 0.5
    collection.move(images[:1], first)  # back again: the other one loses it now
    assert strictness(collection, first) == 0.25
    assert strictness(collection, second) == 0.25
    collection.move(images[3:4], first)  # it is there already: nothing to learn
    assert strictness(collection, first) == 0.25
    for image_id in images[4:14]:
        collection.reject([image_id])
    assert strictness(collection, first) == 1.5
    check(collection, tmp_path, export=False)


def test_an_undone_correction_takes_back_only_its_own_part(collection: Collection) -> None:
    first, second = (one.id for one in collection.categories()[:2])
    images = members(collection, first)
    rejected = collection.reject(images[:1])
    moved = collection.move(images[1:2], second)
    collection.reject(images[2:3])
    assert strictness(collection, first) == 0.75
    collection.undo(rejected.version)
    assert strictness(collection, first) == 0.5
    undone = collection.undo(moved.version)
    assert strictness(collection, first) == 0.25
    collection.undo(undone.version)
    assert strictness(collection, first) == 0.5


def test_a_strict_category_refuses_what_it_took_before(collection: Collection) -> None:
    first, second = (one.id for one in collection.categories()[:2])
    images = members(collection, first)
    centre = vectors_of(collection, images).mean(axis=0)
    away = -vectors_of(collection, [one for one in collection.assignments() if one not in images]).mean(axis=0)

    def answer(share: float, name: str) -> str | None:
        mixed = share * centre / np.linalg.norm(centre) + (1 - share) * away / np.linalg.norm(away)
        mixed /= np.linalg.norm(mixed)
        place = collection.add_vectors([name], mixed[None])[0].category
        collection.delete([name])
        return place

    shares = np.linspace(1, 0, 41).tolist()
    borderline = [share for share in shares if answer(share, f"before {share}") == first][-1]
    for image_id in images[:6]:
        collection.reject([image_id])
    assert strictness(collection, first) == 1.5
    assert answer(borderline, "strict") != first
    assert answer(1.0, "typical") == first  # what is clearly of it still comes
    for image_id in images[:6]:
        collection.move([image_id], first)
    assert strictness(collection, first) == 0.0
    assert answer(borderline, "again") == first
    assert strictness(collection, second) == 0.0
