"""Every image is in every export exactly once, whatever things are called and however an export is read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc
import zipfile
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from categoriser import Collection, ConfigurationError, Library, NotFoundError
from categoriser.catalog import taxonomy
from categoriser.catalog.tables_uploads import upload_items, uploads
from categoriser.intake import Item
from categoriser.library.exports.archive import Archive
from categoriser.library.exports.places import Places, safe_name
from tests.library.test_export import LABELS, NAMES
from tests.whole import clusters, named_anywhere, picture

FORBIDDEN = set('<>:"/\\|?*') | {chr(i) for i in range(32)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory):
    """Pictures with awkward names in categories with awkward labels, and a view."""
    with Library.open(tmp_path_factory.mktemp("library"), encoder="classic") as library:
        collection = library.collection("anna")
        collection.add([Item(name, data=picture(i), metadata={"n": i}) for i, name in enumerate(NAMES)])
        collection.add([Item(f"{i}.png", data=picture(100 + i)) for i in range(60)])
        collection.run()
        ids = list(collection.assignments())
        for start in range(0, 20, 4):
            collection.move(ids[start : start + 4], None)
        with library.storage.database.write() as connection:
            for label, category in zip(LABELS, collection.categories(), strict=False):
                taxonomy.change(connection, collection.row.id, {category.number: {"label": label}})
        collection.view("words", texts={image_id: f"text of {image_id}" for image_id in ids[:5]})
        library.collection("somebody else").add(Item("secretname.png", data=picture(999)))
        yield collection


def archive(data: Path | bytes) -> zipfile.ZipFile:
    """An archive whose checksums are right."""
    opened = zipfile.ZipFile(data if isinstance(data, Path) else io.BytesIO(data))
    assert opened.testzip() is None
    return opened


@pytest.mark.parametrize("nested", [False, True])
def test_a_zip_holds_every_picture_once_in_its_category(photos: Collection, tmp_path: Path, nested: bool) -> None:
    places = photos.assignments()
    report = photos.export(tmp_path / "out.zip", nested=nested)
    assert (report.images, report.without_file) == (len(places), [])
    with archive(tmp_path / "out.zip") as opened:
        table = list(csv.DictReader(io.StringIO(opened.read("images.csv").decode())))
        names = set(opened.namelist()) - {"images.csv"}
        assert {row["image_id"]: row["category"] or None for row in table} == places
        assert {row["file"] for row in table} == names
        assert len(names) == len({name.casefold() for name in names}) == len(table) == len(places)
        for row in table:
            assert opened.read(row["file"]) == photos.original(row["image_id"]).read_bytes()
    folders: dict[str, set[str]] = {}
    for row in table:
        folders.setdefault(str(PurePosixPath(row["file"]).parent), set()).add(row["category"])
    assert all(len(categories) == 1 for categories in folders.values())
    assert "Salt & pepper" in {PurePosixPath(folder).name for folder in folders}
    depth = {len(PurePosixPath(folder).parts) for folder in folders}
    grouped = any(len(group.categories) > 1 for group in photos.groups())
    assert depth <= ({1, 2} if nested else {1})
    assert (2 in depth) == (nested and grouped)


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=12))
def test_names_are_safe_on_every_system_and_never_meet(things: list[tuple[str, str]]) -> None:
    places, found = Places(("images.csv",)), []
    for number, (label, name) in enumerate(things):
        for copy in range(2):
            row = {"category": f"c{number}", "category_number": number, "label": label, "name": name}
            found.append(places.place({**row, "image_id": f"i{copy}", "format": "png"}))
    assert len({place.casefold() for place in found}) == len(found)
    for place in found:
        for part in (parts := place.split("/")):
            assert not FORBIDDEN & set(part)
            assert part.strip(" .") == part
            assert part.encode()[:256] == part.encode()
            assert part.partition(".")[0].lower() not in {"con", "nul", "com1", ".", ".."}
        assert len(parts) == 2


def test_ampersands_stay_and_devices_do_not() -> None:
    assert safe_name("Salt & pepper") == "Salt & pepper"
    assert [safe_name(name) for name in ("NUL", "com1.txt", "console", "..", "a/../b")] == [
        "_NUL",
        "_com1.txt",
        "console",
        "_",
        "a_.._b",
    ]


def test_a_name_cannot_turn_the_direction_of_writing() -> None:
    assert safe_name("a\u202egpj.exe") == "a_gpj.exe"
    assert safe_name("a family: 👨\u200d👩.jpg") == "a family_ 👨\u200d👩.jpg"


def test_parquet_has_the_vectors_that_search_uses(tmp_path: Path) -> None:
    vectors = clusters(1100)  # more than one group of rows
    with Library.open(tmp_path / "library", encoder="vectors:8", automatic_runs=False) as library:
        collection = library.collection("a")
        collection.add_vectors([f"{i}" for i in range(1100)], vectors)
        collection.export(tmp_path / "out.parquet")
        places = collection.assignments()
    table = pq.read_table(tmp_path / "out.parquet")
    assert dict(zip(table["image_id"].to_pylist(), table["category"].to_pylist(), strict=True)) == places
    stored = dict(zip(table["image_id"].to_pylist(), table["vector"].to_pylist(), strict=True))
    assert all(abs(a - b) < 1e-6 for i in (0, 999, 1000, 1099) for a, b in zip(stored[f"{i}"], vectors[i], strict=True))


def test_some_images_can_be_chosen(photos: Collection, tmp_path: Path) -> None:
    places = photos.assignments()
    category = photos.categories()[0].id

    def exported(**selection: object) -> list[str]:
        photos.export(tmp_path / "some.jsonl", selection=selection)
        return [json.loads(line)["image_id"] for line in (tmp_path / "some.jsonl").read_text("utf-8").splitlines()]

    assert exported(category=category) == [one for one, place in places.items() if place == category]
    assert exported(category="unsorted") == [one for one, place in places.items() if place is None]
    assert exported() == list(places)
    middle = photos.images(limit=30)[-1].added_at
    assert exported(added_before=middle) + exported(added_from=middle) == list(places)
    with pytest.raises(NotFoundError):
        exported(category="nonsense")
    with pytest.raises(ConfigurationError, match="no style"):
        photos.export(tmp_path / "x", "docx")  # type: ignore[arg-type]


def test_fiftyone_finds_every_picture_under_its_label(photos: Collection, tmp_path: Path) -> None:
    photos.export(tmp_path / "fiftyone.zip", "fiftyone")
    with archive(tmp_path / "fiftyone.zip") as opened:
        labels = json.loads(opened.read("labels.json"))
        media = {PurePosixPath(name).stem: name for name in opened.namelist() if name.startswith("data/")}
    # as FiftyOneImageClassificationDataset is read: keys are names of files in data/ without endings
    assert set(labels) == {"classes", "labels"}
    assert set(labels["labels"]) == set(media)
    assert len(media) == len(photos)
    assert labels["classes"] == sorted({one.label for one in photos.categories()})
    found = {one["attributes"]["image_id"]: one["label"] for one in labels["labels"].values() if one is not None}
    assert found == {image.id: image.label for image in photos.images(limit=1000) if image.label is not None}
    assert sum(one is None for one in labels["labels"].values()) == photos.unsorted()


def test_the_same_export_makes_the_same_bytes_until_something_changes(photos: Collection) -> None:
    exporter = photos.exporter()
    for style in ("csv", "jsonl", "parquet", "zip", "fiftyone"):
        assert b"".join(exporter.chunks(style)) == b"".join(exporter.chunks(style))
    marks = {exporter.mark("zip"), exporter.mark("csv"), photos.exporter(nested=True).mark("zip")}
    before = exporter.mark("zip")
    photos.move([next(iter(photos.assignments()))], None)
    assert photos.exporter().mark("zip") not in marks | {before}


def test_all_that_is_known_is_in_one_archive_and_its_manifest_is_true(photos: Collection, tmp_path: Path) -> None:
    manifest = photos.export_everything(tmp_path / "all.zip")
    with archive(tmp_path / "all.zip") as opened:
        told = json.loads(opened.read("manifest.json"))
        assert told["counts"] == manifest.counts
        assert {one["name"] for one in told["files"]} == set(opened.namelist()) - {"manifest.json"}
        for one in told["files"]:
            data = opened.read(one["name"])
            assert (len(data), hashlib.sha256(data).hexdigest()) == (one["bytes"], one["sha256"])
        lines = {
            name: [json.loads(line) for line in opened.read(name).decode().split("\n") if line]
            for name in opened.namelist()
            if name.endswith(".jsonl")
        }
        for name, number in told["counts"].items():
            if name.endswith(".jsonl"):
                assert len(lines[name]) == number
        table = pq.read_table(io.BytesIO(opened.read("vectors.parquet")))
        pictures = {hashlib.sha256(opened.read(n)).hexdigest() for n in opened.namelist() if n.startswith("pictures/")}
        assert not any(b"secretname" in opened.read(name) for name in opened.namelist())
    places = photos.assignments()
    assert {one["image_id"]: one["category"] for one in lines["images.jsonl"]} == places
    assert None not in table["vector"].to_pylist()
    assert table["image_id"].to_pylist() == list(places)
    assert (told["counts"]["images"], told["counts"]["pictures"], told["without_file"]) == (
        len(places),
        len(places),
        [],
    )
    assert pictures == {image.sha256 for image in photos.images(limit=1000)}
    assert len(lines["catalog/events.jsonl"]) == len(photos.events(limit=100_000))
    assert len(lines["catalog/versions.jsonl"]) == len(photos.versions(limit=1000))
    assert len(lines["catalog/constraints.jsonl"]) > 0
    assert {one["label"] for one in lines["catalog/categories.jsonl"]} >= {"Salt & pepper"}
    view = photos.view("words")
    assert {one["image_id"] for one in lines["views/words/images.jsonl"]} == set(view.assignments())
    assert named_anywhere(photos._library, "secretname")  # it is there, and was not taken along


def test_rows_that_belong_to_a_collection_by_another_table_are_among_them(
    vectors_library: Library, tmp_path: Path
) -> None:
    one, other = vectors_library.collection("a"), vectors_library.collection("b")
    for collection, name in ((one, "mine"), (other, "theirs")):
        with vectors_library.storage.database.write() as connection:
            connection.execute(sa.insert(uploads).values(collection_id=collection.row.id, token=name, accepted_at=1.0))
            connection.execute(sa.insert(upload_items).values(token=name, place=0, name=name))
    one.export_everything(tmp_path / "all.zip")
    with archive(tmp_path / "all.zip") as opened:
        assert json.loads(opened.read("catalog/upload_items.jsonl"))["name"] == "mine"
        assert not any(b"theirs" in opened.read(name) for name in opened.namelist())


def test_a_view_and_a_collection_of_vectors_have_all_of_theirs(vectors_library: Library, tmp_path: Path) -> None:
    collection = vectors_library.collection("a")
    collection.add_vectors(["x", "y"], clusters(2))
    manifest = collection.export_everything(tmp_path / "all.zip")
    assert (manifest.counts["images"], manifest.counts["pictures"], len(manifest.without_file)) == (2, 0, 2)


def test_an_archive_of_large_files_needs_little_memory() -> None:
    part = b"x" * (1 << 20)
    tracemalloc.start()
    try:
        archive_, sizes = Archive(), 0
        for number in range(40):
            sizes += sum(len(chunk) for chunk in archive_.add(f"{number}", (part for _ in range(4))))
        sizes += sum(len(chunk) for chunk in archive_.end())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sizes > 160 * len(part)
    assert peak < 8 * len(part)
