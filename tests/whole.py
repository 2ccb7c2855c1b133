"""What must hold for a library at any time, and pictures to fill one with."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from PIL import Image

from categoriser import Collection, Library
from categoriser.catalog import images, taxonomy
from categoriser.catalog.tables import events, inbox, micros, outbox


def picture(seed: int, *, side: int = 48, kind: str = "PNG") -> bytes:
    """A small picture with structure, another one for each seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def pictures(folder: Path, number: int, *, start: int = 0) -> Path:
    """A folder of so many different picture files, half of them JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + number):
        ending, kind = ("jpg", "JPEG") if i % 2 else ("png", "PNG")
        (folder / f"{i:05}.{ending}").write_bytes(picture(i, kind=kind))
    return folder


def clusters(number: int, dimension: int = 8, *, centres: int = 6, seed: int = 0, noise: float = 0.15) -> np.ndarray:
    """Unit vectors around a few directions."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(centres, dimension))
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    vectors = middle[rng.integers(0, centres, number)] + noise * rng.normal(size=(number, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def stored(collection: Collection) -> dict[str, np.ndarray]:
    """Image id → vector, as the vector store has them."""
    row = collection.row
    store, cursor = collection._library.storage.store(row), None
    found: dict[str, np.ndarray] = {}
    while True:
        points, cursor = store.scroll(row.key, after=cursor)
        assert found.keys().isdisjoint(points.image_ids)
        found |= zip(points.image_ids, points.vectors, strict=True)
        if cursor is None:
            return found


def check(collection: Collection, tmp: Path, *, export: bool = True) -> dict[str, str | None]:
    """Assert that every image is in exactly one place and all counts agree; return the assignments."""
    storage, row = collection._library.storage, collection.row
    collection._library.settle(row)  # runs and names follow what was filed
    assignments = collection.assignments()
    with storage.database.read() as connection:
        counted = taxonomy.counted(connection, row.id)
        listed = [one["image_id"] for one in images.everything(connection, row.id, size=97)]
        query = sa.select(micros.c.number, micros.c.images).where(
            micros.c.collection_id == row.id, micros.c.images != 0
        )
        sizes = {row.number: row.images for row in connection.execute(query)}
    assert listed == list(assignments)
    assert counted == sizes
    assert len(collection) == len(assignments) == storage.store(row).count(row.key)
    vectors = stored(collection)
    assert vectors.keys() == assignments.keys()
    categories = collection.categories()
    assert {one.id: one.size for one in categories if one.size} == _sizes(assignments)
    assert collection.unsorted() == sum(category is None for category in assignments.values())
    assert replayed(collection) == assignments
    check_groups(collection)
    with storage.states.writing(row.id) as state:
        grouping, at = state.grouping, state.positions.at
        images_there = _rows(collection)
        numbers = {image.row: image.category for image in images_there}
        assert {r: (None if grouping.label(at(r)) < 0 else grouping.label(at(r))) for r in numbers} == numbers
        assert state.positions.rows[grouping.present()].tolist() == list(numbers)
        assert len(state.hashes) == grouping.length == len(state.positions.rows)
        assert state.positions.next_row == row.next_row
        if numbers:
            own = np.stack([vectors[image.image_id] for image in images_there])
            np.testing.assert_allclose(state.vectors_of(list(numbers)), own, atol=1e-5)
    if export:
        target = tmp / "export.csv"
        assert collection.export(target).images == len(assignments)
        with target.open(encoding="utf-8", newline="") as file:
            assert {one["image_id"]: one["category"] or None for one in csv.DictReader(file)} == assignments
    return assignments


# events that say why; images and categories follow in events of their own
KINDS = {"spawn", "split", "retire", "revive", "run", "undo", "gather", "reject", "part", "unite"}
KINDS |= {"suggest", "dismiss", "accept"}
KINDS |= {"naming", "name", "relabel", "suggest-name"}
KINDS |= {"rename", "lock", "unlock", "hide", "show", "apart", "granularity"}
KINDS |= {"webhook-on", "webhook-off"}
KINDS |= {"group-spawn", "group-join", "group-revive", "group-merge", "group-end"}


def check_groups(collection: Collection) -> dict[str, str]:
    """Assert that every category is in exactly one group, and no image lost in any; return category → group."""
    categories, groups = collection.categories(), collection.groups()
    assert sorted(child for group in groups for child in group.categories) == sorted(one.id for one in categories)
    assert {child: group.id for group in groups for child in group.categories} == {
        one.id: one.group for one in categories
    }
    assert sum(group.size for group in groups) + collection.unsorted() == len(collection)
    assert all(group.label.strip() and group.categories for group in groups)
    assert len({group.id for group in groups}) == len(groups)
    told: dict[str, str] = {}
    after = 0
    while page := collection.events(after=after, limit=1000):
        for event in page:
            told |= dict.fromkeys(event.detail.get("categories", ()), event.detail.get("group"))
        after = page[-1].cursor
    found = {one.id: one.group for one in categories}
    assert {one: told[one] for one in found} == found
    return found


def replayed(collection: Collection) -> dict[str, str | None]:
    """Assignments as they follow from the events alone."""
    places: dict[str, str | None] = {}
    after, order = 0, list(collection.assignments())
    while page := collection.events(after=after, limit=1000):
        for event in page:
            detail = event.detail
            if event.kind in ("attach", "move"):
                assert places.get(detail["image_id"]) == detail.get("from")
                places[detail["image_id"]] = detail["category"]
            elif event.kind == "merge":
                for image_id, place in places.items():
                    if place in detail["losers"]:
                        places[image_id] = detail["category"]
            else:
                assert event.kind in KINDS
        after = page[-1].cursor
    assert set(places) == set(order)
    return {image_id: places[image_id] for image_id in order}


def left_over(library: Library) -> dict[str, int]:
    """Pending inbox entries and outbox orders."""
    library.storage.delivery.flush()
    with library.storage.database.read() as connection:
        pending = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.reason.is_(None))
        orders = sa.select(sa.func.count()).select_from(outbox)
        return {
            "inbox": connection.execute(pending).scalar_one(),
            "outbox": connection.execute(orders).scalar_one(),
        }


def named_anywhere(library: Library, word: str) -> list[str]:
    """Tables and files of a library that contain a word."""
    found = []
    with library.storage.database.read() as connection:
        for table in events.metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).all()
            if any(word in str(row) for row in rows):
                found.append(table.name)
    found += [str(path) for path in library.storage.folder.rglob("*") if word in path.name]
    return found


def _sizes(assignments: dict[str, str | None]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for category in assignments.values():
        if category is not None:
            sizes[category] = sizes.get(category, 0) + 1
    return sizes


@dataclass(frozen=True)
class _Row:
    row: int
    image_id: str
    category: int | None


def _rows(collection: Collection) -> list[_Row]:
    with collection._library.storage.database.read() as connection:
        return [
            _Row(one["row"], one["image_id"], one["category"])
            for one in images.everything(connection, collection.row.id)
        ]
