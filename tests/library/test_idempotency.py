"""The same upload twice is one image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from categoriser import ConflictError, Filed, Library, Refused
from categoriser.intake import Item
from tests.whole import check, clusters, named_anywhere, picture, pictures


def test_the_same_folder_twice_changes_nothing(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    source = pictures(tmp_path / "pictures", 60)
    first = collection.add(source)
    before, log = check(collection, tmp_path), collection.events(limit=1000)
    second = collection.add(source)
    assert (len(first.filed), len(first.known), len(second.filed), len(second.known)) == (60, 0, 0, 60)
    assert [one.image_id for one in second.known] == [one.image_id for one in first.filed]
    assert {one.image_id: one.category for one in second.known} == before
    assert check(collection, tmp_path) == before
    assert collection.events(limit=1000) == log


def test_copies_inside_one_folder_are_one_image(pictures_library: Library, tmp_path: Path) -> None:
    source = pictures(tmp_path / "pictures", 10)
    for i in range(20):
        (source / f"copy {i}.png").write_bytes(picture(0))
    report = pictures_library.collection("a").add(source)
    assert (len(report.filed), len(report.known), report.inputs) == (10, 20, 30)
    check(pictures_library.collection("a"), tmp_path)


def test_an_id_of_another_picture_is_a_conflict_and_nothing_is_lost(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    same, other = picture(1), picture(2)
    one = collection.add(Item("one", data=same, image_id="7")).filed[0]
    again = collection.add(Item("again", data=same, image_id="7")).known[0]
    assert (one.image_id, again.image_id, again.known) == ("7", "7", True)
    report = collection.add([Item("other", data=other, image_id="7"), Item("fine", data=picture(4), image_id="8")])
    assert [(refused.item, "'7'" in refused.reason) for refused in report.refused] == [("other", True)]
    assert [filed.image_id for filed in report.filed] == ["8"]
    assert [refused.reason for refused in collection.failed()] == [report.refused[0].reason]
    assert set(check(collection, tmp_path)) == {"7", "8"}
    with pytest.raises(ConflictError):
        pictures_library.pipeline.submit(collection.row, Item("other", data=other, image_id="7")).result()
    assert len(collection.failed()) == 1
    assert collection.delete("7") == 1
    assert collection.failed() == []
    assert collection.add(Item("other", data=picture(3), image_id="7")).filed


def test_one_id_for_two_pictures_in_one_batch(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    items = [Item(f"{i}", data=picture(i % 3), image_id=f"id{i % 2}") for i in range(12)]
    report = collection.add(items)
    assert (len(report.filed), report.inputs) == (2, 12)
    assert len(report.refused) == 8
    assert set(check(collection, tmp_path)) == {"id0", "id1"}


def test_vectors_again_and_other_vectors_under_known_ids(vectors_library: Library, tmp_path: Path) -> None:
    collection = vectors_library.collection("a")
    vectors = clusters(40)
    names = [f"v{i}" for i in range(40)]
    first = collection.add_vectors(names, vectors)
    before = check(collection, tmp_path)
    again = collection.add_vectors([*names, "v0"], 3 * np.concatenate([vectors, vectors[:1]]))
    assert [(one.image_id, one.known) for one in again if isinstance(one, Filed)] == [(n, True) for n in [*names, "v0"]]
    assert isinstance(collection.add_vectors(["v3"], -vectors[3:4])[0], Refused)
    mixed = collection.add_vectors(["new", "new", "new", "v1"], [vectors[5], vectors[5], -vectors[5], vectors[1]])
    assert [type(one) for one in mixed] == [Filed, Filed, Refused, Filed]
    assert [one.known for one in mixed if isinstance(one, Filed)] == [False, True, True]
    after = check(collection, tmp_path)
    assert {name: after[name] for name in names} == before
    assert len(first) == 40


@pytest.mark.parametrize("name", ["", "nul\0", "half \udc80", "x" * 1025])
def test_ids_that_no_database_takes_are_refused_alone(
    name: str, vectors_library: Library, pictures_library_too: Library, tmp_path: Path
) -> None:
    vectors = vectors_library.collection("a")
    answers = vectors.add_vectors(["fine", name, "also fine"], clusters(3))
    assert [type(one) for one in answers] == [Filed, Refused, Filed]
    assert set(check(vectors, tmp_path)) == {"fine", "also fine"}
    if name:  # an empty one of a table means: none
        report = pictures_library_too.collection("a").add(
            [Item("one", data=picture(1), image_id=name), Item("two", data=picture(2))]
        )
        assert (len(report.filed), len(report.refused)) == (1, 1)
    assert vectors.delete([name, "fine"]) == 1


@pytest.fixture
def pictures_library_too(tmp_path: Path):
    with Library.open(tmp_path / "other", encoder="classic") as library:
        yield library


def test_metadata_of_any_kind_is_kept_as_far_as_json_can(vectors_library: Library) -> None:
    import datetime as dt

    collection = vectors_library.collection("a")
    odd = {
        "day": dt.date(2026, 1, 2),
        "nan": float("nan"),
        "half": "\udc80",
        3: np.float32(1.5),
        "list": (1, b"x"),
        "nul": "a\0b",
    }
    assert isinstance(collection.add_vectors(["a"], clusters(1), metadata=[odd])[0], Filed)
    kept = collection.image("a").metadata
    assert kept["day"] == "2026-01-02"
    assert kept["nan"] is None
    assert kept["3"] == 1.5
    assert kept["nul"] == "ab"


def test_deleting_leaves_no_trace(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    source = pictures(tmp_path / "pictures", 40)
    collection.add(source)
    collection.add([Item(f"upload{i}", data=picture(500 + i), image_id=f"mine{i}") for i in range(10)])
    collection.add(Item("broken", data=picture(505)[:90], image_id="mine-broken"))
    collection.run()
    gone = [image for image in collection.images(limit=100) if image.id == "mine3" or image.name == "00004.png"]
    paths = [collection.thumbnail(image.id) for image in gone] + [collection.original("mine3")]
    kept = collection.original("mine4")
    assert collection.delete([*(image.id for image in gone), "mine-broken", "nobody"]) == 2
    check(collection, tmp_path)
    assert not any(path.exists() for path in paths)
    assert (source / "00004.png").exists()
    assert kept.exists()
    pictures_library.storage.delivery.flush()
    for image in gone:
        assert named_anywhere(pictures_library, image.id) == []
        assert image.sha256
        assert named_anywhere(pictures_library, image.sha256) == []
    assert named_anywhere(pictures_library, "mine-broken") == []
    row = collection.row
    assert len(pictures_library.storage.store(row).fetch(row.key, [image.id for image in gone])) == 0
    with pictures_library.storage.states.writing(row.id) as state:
        zero = np.flatnonzero(~state.vectors.matrix.any(axis=1))
    assert len(zero) == 2
    ids = list(collection.assignments())
    assert collection.delete(ids) == len(ids)
    assert collection.categories() == []
    assert check(collection, tmp_path) == {}
    assert collection.add(source).inputs == 40
    check(collection, tmp_path)


def test_one_of_two_images_with_the_same_bytes_keeps_its_file(pictures_library: Library) -> None:
    collection = pictures_library.collection("a")
    collection.add([Item("one", data=picture(1), image_id="one"), Item("two", data=picture(1), image_id="two")])
    collection.delete("one")
    assert collection.original("two").read_bytes() == picture(1)
    collection.delete("two")
    assert not list(pictures_library.storage.folder.glob("originals/*/*/*"))
    assert not list(pictures_library.storage.folder.glob("thumbnails/*/*/*"))


def test_a_deleted_collection_leaves_no_trace(pictures_library: Library, tmp_path: Path) -> None:
    collection, other = pictures_library.collection("a"), pictures_library.collection("b")
    source = pictures(tmp_path / "pictures", 12)
    for one in (collection, other):
        one.add(source)
        one.add(Item("upload", data=picture(99)))
        one.add(Item("broken", data=b"nothing"))
    before, row = check(other, tmp_path), collection.row
    assert pictures_library.delete_collection("a") == 13
    assert check(other, tmp_path) == before
    assert len(other.failed()) == 1
    pictures_library.storage.delivery.flush()
    assert named_anywhere(pictures_library, row.key) == []
    assert pictures_library.storage.store(row).count(row.key) == 0
    assert [one.name for one in pictures_library.collections()] == ["b"]
    again = pictures_library.collection("a")
    assert len(again) == 0
    assert again.key != row.key
