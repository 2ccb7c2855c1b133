"""Whatever is damaged in a library is found, shown before it is touched, and mended where that can be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from categoriser import Collection, Library
from categoriser.catalog.tables import categories, images, micros
from categoriser.domain import Points
from categoriser.library.repair import Finding, find_faults, mend
from tests.whole import check, clusters, left_over, picture

NUMBER = 40


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of uploads, with categories, that was closed properly."""
    folder = tmp_path_factory.mktemp("sound") / "library"
    with Library.open(folder, encoder="classic") as library:
        collection = library.collection("a")
        collection.add([picture(seed % 8 + 100 * (seed // 8), side=40 + seed % 5) for seed in range(NUMBER)])
        collection.run()
        library.collection("b").add([picture(900)])
    return folder


@pytest.fixture
def library(sound: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of it to damage."""
    shutil.copytree(sound, tmp_path / "library")
    with Library.open(tmp_path / "library", resume=False) as library:
        yield library


def kinds(found: list[Finding]) -> dict[str, int]:
    return {one.kind: one.number for one in found}


def mended(library: Library, tmp: Path) -> list[Finding]:
    """What is left after the repair, of which at least everything else was mended."""
    for outcome in mend(find_faults(library)):
        assert outcome.problem is None, outcome
        assert outcome.changed == outcome.finding.number
    left = find_faults(library)
    assert not any(one.repairable for one in left)
    return left


def whole_again(library: Library, tmp: Path, before: dict[str, str | None]) -> None:
    assert mended(library, tmp) == []
    assert check(library.collection("a"), tmp) == before
    check(library.collection("b"), tmp)


def store_of(library: Library, collection: Collection) -> tuple[object, str]:
    return library.storage.store(collection.row), collection.row.key


def test_a_sound_library_has_nothing_to_repair(library: Library) -> None:
    assert find_faults(library) == []


def test_points_that_nobody_owns_are_deleted(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, row = collection.assignments(), collection.row
    vectors = clusters(3, row.dimension)
    library.storage.store(row).put(row.key, Points(["x", "y", "z"], vectors, np.arange(3), [0.0] * 3))
    assert kinds(find_faults(library)) == {"orphaned-points": 3}
    assert library.storage.store(row).count(row.key) == NUMBER + 3  # a preview changes nothing
    whole_again(library, tmp_path, before)


def test_missing_points_come_back_from_the_saved_state(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, row = collection.assignments(), collection.row
    store, ids = library.storage.store(row), list(before)[::3]
    vectors = store.fetch(row.key, ids).vectors
    store.delete(row.key, ids)
    shutil.rmtree(library.storage.folder / "originals")  # pictures are not needed for it
    assert kinds(find_faults(library))["missing-points"] == len(ids)
    assert {one.kind for one in mended(library, tmp_path)} == {"missing-originals"}
    assert np.allclose(store.fetch(row.key, ids).vectors, vectors, atol=1e-6)
    assert check(collection, tmp_path, export=False) == before


def test_missing_points_are_encoded_again_without_a_saved_state(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, row = collection.assignments(), collection.row
    store, ids = library.storage.store(row), list(before)[:7]
    vectors = store.fetch(row.key, ids).vectors
    store.delete(row.key, ids)
    library.storage.drop_state(row.key)
    found = find_faults(library)
    assert kinds(found) == {"missing-points": 7}
    assert "encoded again" in found[0].sentence
    whole_again(library, tmp_path, before)
    assert np.allclose(store.fetch(row.key, ids).vectors, vectors, atol=1e-5)


def test_what_cannot_be_made_again_is_said_and_left_alone(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        collection = library.collection("v")
        collection.add_vectors([f"v{i}" for i in range(20)], clusters(20))
        row = collection.row
        library.storage.states.close()
        library.storage.store(row).delete(row.key, ["v3", "v4"])
        library.storage.drop_state(row.key)
        left = mended(library, tmp_path)
        assert kinds(left) == {"lost-vectors": 2}
        assert left[0].examples == ("v3", "v4")
        assert len(collection) == 20


def test_points_in_the_wrong_list_are_moved(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, row = collection.assignments(), collection.row
    library.storage.store(row).move(row.key, list(before)[:5], [1 << 40] * 5)
    assert kinds(find_faults(library)) == {"misplaced-points": 5}
    whole_again(library, tmp_path, before)
    found = collection.search(image_id=next(iter(before)), limit=3, min_relevance=0)
    assert found


def _vectors(folder: Path) -> Path:
    (found,) = folder.glob("vectors*")
    return found


@pytest.mark.parametrize("damage", ["lists", "vectors", "short"])
def test_a_damaged_engine_state_is_dropped(library: Library, tmp_path: Path, damage: str) -> None:
    collection = library.collection("a")
    before, folder = collection.assignments(), library.storage.folder / "state" / collection.row.key
    if damage == "lists":
        (folder / "lists.npz").write_bytes(b"no archive")
    elif damage == "short":
        _vectors(folder).write_bytes(b"")
    else:
        size = _vectors(folder).stat().st_size
        _vectors(folder).write_bytes(np.random.default_rng(0).bytes(size))
    assert kinds(find_faults(library)) == {"state": 1}
    whole_again(library, tmp_path, before)


def test_wrong_counts_are_counted_anew(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, row = collection.assignments(), collection.row
    with library.storage.database.write() as connection:
        connection.execute(sa.update(micros).where(micros.c.collection_id == row.id).values(images=micros.c.images + 2))
    assert "counts" in kinds(find_faults(library))
    whole_again(library, tmp_path, before)


def test_images_of_a_lost_micro_cluster_are_unsorted_and_not_lost(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    row = collection.row
    with library.storage.database.write() as connection:
        largest = connection.execute(
            sa.select(micros.c.number).where(micros.c.collection_id == row.id).order_by(micros.c.images.desc()).limit(1)
        ).scalar_one()
        ours = sa.and_(micros.c.collection_id == row.id, micros.c.number == largest)
        connection.execute(sa.delete(micros).where(ours))
    assert len(collection.assignments()) < NUMBER  # they are in no list any more
    assert mended(library, tmp_path) == []
    assert len(collection.assignments()) == NUMBER
    with library.storage.database.read() as connection:
        lost = sa.select(images.c.image_id).where(images.c.collection_id == row.id, images.c.micro == largest)
        ids = list(connection.execute(lost).scalars())
    assert {collection.assignments()[image_id] for image_id in ids} == {None}


def test_a_category_without_its_row_gets_one(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    row = collection.row
    with library.storage.database.write() as connection:
        connection.execute(sa.update(micros).where(micros.c.collection_id == row.id).values(category=77))
        connection.execute(sa.delete(categories).where(categories.c.collection_id == row.id))
    assert kinds(find_faults(library)) == {"categories": 1}
    assert mended(library, tmp_path) == []
    assert [one.size for one in collection.categories()] == [NUMBER]


def test_missing_thumbnails_are_made_again(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, folder = collection.assignments(), library.storage.folder / "thumbnails" / collection.row.key
    number = sum(path.is_file() for path in folder.rglob("*"))
    shutil.rmtree(folder)
    assert kinds(find_faults(library)) == {"missing-thumbnails": number}
    whole_again(library, tmp_path, before)
    assert sum(path.is_file() for path in folder.rglob("*")) == number


def test_missing_originals_are_named(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    image_id = next(iter(collection.assignments()))
    collection.original(image_id).unlink()
    left = mended(library, tmp_path)
    assert kinds(left) == {"missing-originals": 1}
    assert left[0].examples == (image_id,)


def test_files_and_folders_that_nobody_needs_are_deleted_and_no_others(library: Library, tmp_path: Path) -> None:
    collection = library.collection("a")
    before, folder = collection.assignments(), library.storage.folder
    key = collection.row.key
    (folder / "originals" / key / "ff").mkdir(exist_ok=True)
    (folder / "originals" / key / "ff" / ("f" * 64)).write_bytes(b"nobody's")
    (folder / "thumbnails" / "gone2345").mkdir()
    (folder / "state" / "gone2345").mkdir()
    assert kinds(find_faults(library)) == {"orphaned-files": 1, "orphaned-folders": 2}
    whole_again(library, tmp_path, before)
    assert not (folder / "originals" / key / "ff" / ("f" * 64)).exists()
    assert not (folder / "state" / "gone2345").exists()


def test_a_picture_in_the_inbox_keeps_its_file(library: Library, tmp_path: Path) -> None:
    from categoriser.catalog import inbox

    row = library.collection("a").row
    library.storage.media.keep_original(row.key, "e" * 64, b"x")
    entry = {"image_id": "x", "sha256": "e" * 64, "name": "x", "source": None, "stored": True, "metadata": None}
    with library.storage.database.write() as connection:
        inbox.accept(connection, row.id, [entry])
    assert find_faults(library) == []
    assert left_over(library)["inbox"] == 1
