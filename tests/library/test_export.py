"""Every image is in every export, whatever things are called."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from categoriser import Collection, ConfigurationError, Library
from categoriser.catalog import taxonomy
from categoriser.intake import EXPORT_MARKER, Item
from tests.whole import check, clusters, picture, pictures

LABELS = [
    "Salt & pepper",
    "a/b",
    "A/B",
    "ünïcødé 日本語 🎉" * 30,
    "CON.",
    "=1+1",
    "..",
    "x" * 300,
    "Unsorted",
    "images.csv",
]
NAMES = [
    "plain.jpg",
    "PLAIN.JPG",
    "Plain.jpg",
    "no ending",
    "dots.in.the.name.png",
    ".hidden.png",
    "=cmd|' /C calc'!A0.png",
    "-minus.png",
    "🎉" * 200 + ".png",
    "y" * 300 + ".jpeg",
    "weird.ending with spaces and : colons",
    'quote " and \n newline.png',
    "con.png",
    "a&b<c>.png",
]


def _filled(library: Library, tmp_path: Path) -> Collection:
    collection = library.collection("a")
    collection.add([Item(name, data=picture(i)) for i, name in enumerate(NAMES)])
    for sub in ("one", "two", "Two"):
        (tmp_path / "in" / sub).mkdir(parents=True)
        for i in range(12):
            (tmp_path / "in" / sub / f"{i}.png").write_bytes(
                picture(100 + i + 20 * len(list((tmp_path / "in").iterdir())))
            )
    collection.add(tmp_path / "in")
    collection.run()
    with library.storage.database.write() as connection:
        for label, category in zip(LABELS, collection.categories(), strict=False):
            taxonomy.change(connection, collection.row.id, {category.number: {"label": label}})
    return collection


@pytest.mark.parametrize("files", ["link", "copy"])
def test_folders_hold_every_picture_in_its_category(pictures_library: Library, tmp_path: Path, files: str) -> None:
    collection = _filled(pictures_library, tmp_path)
    places = check(collection, tmp_path)
    target = tmp_path / "out"
    report = collection.export(target, files=files)  # type: ignore[arg-type]
    assert (report.images, report.without_file) == (len(places), [])
    with (target / "images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image_id"]: row["category"] or None for row in rows} == places
    written = [
        path for path in target.rglob("*") if not path.is_dir() and path.name not in {"images.csv", EXPORT_MARKER}
    ]
    assert len(written) == len({str(path).casefold() for path in written}) == len(places)
    assert all(path.is_symlink() == (files == "link") for path in written)
    folders: dict[str, set[str]] = {}
    for row in rows:
        path = target / row["file"]
        assert path.read_bytes() == collection.original(row["image_id"]).read_bytes()
        folders.setdefault(path.parent.name, set()).add(row["category"])
    assert all(len(categories) == 1 for categories in folders.values())
    assert len({name.casefold() for name in folders}) == len({row["category"] for row in rows})
    with pytest.raises(ConfigurationError, match="not empty"):
        collection.export(target)


def test_tables_hold_everything_and_no_formula(pictures_library: Library, tmp_path: Path) -> None:
    collection = _filled(pictures_library, tmp_path)
    collection.add(Item("data", data=picture(900), image_id="-id", metadata={"k": ["ü", 1.5, None]}))
    collection.add(Item("data", data=picture(901), image_id="=id"))
    places = collection.assignments()
    collection.export(tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").split("\n") if line]
    assert {line["image_id"]: line["category"] for line in lines} == places
    by_id = {line["image_id"]: line for line in lines}
    for image in collection.images(limit=1000):
        line = by_id[image.id]
        assert (line["name"], line["label"], line["source"]) == (image.name, image.label, image.source)
        assert line["metadata"] == (dict(image.metadata) or None)
    collection.export(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == len(lines)
    assert {row["image_id"] for row in cells} == {"'=id" if name == "=id" else name for name in places}
    for row in cells:
        assert not any(row[name].startswith(("=", "+", "-", "@")) for name in ("name", "label", "source", "metadata"))
    assert not list(tmp_path.glob(".*partial"))


def test_images_without_a_file_are_in_the_table_and_in_the_report(
    vectors_library: Library, pictures_library_too: Library, tmp_path: Path
) -> None:
    vectors = vectors_library.collection("a")
    vectors.add_vectors(["x", "y"], clusters(2))
    report = vectors.export(tmp_path / "vectors")
    assert (report.images, [one.item for one in report.without_file]) == (2, ["x", "y"])
    assert (tmp_path / "vectors" / "images.csv").read_text().count("\n") == 3
    source = pictures(tmp_path / "in", 3)
    collection = pictures_library_too.collection("a")
    collection.add(source)
    (source / "00001.jpg").unlink()
    report = collection.export(tmp_path / "out", files="copy")
    assert (report.images, len(report.without_file)) == (3, 1)
    assert "gone" in report.without_file[0].reason


@pytest.fixture
def pictures_library_too(tmp_path: Path):
    with Library.open(tmp_path / "other", encoder="classic") as library:
        yield library


def test_targets_that_cannot_be(vectors_library: Library, tmp_path: Path) -> None:
    collection = vectors_library.collection("a")
    with pytest.raises(ConfigurationError, match="style"):
        collection.export(tmp_path / "out.docx")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError):
        collection.export(tmp_path / "file", "folders")
    with pytest.raises(ConfigurationError):
        collection.export(tmp_path / "file" / "out.csv")
    assert collection.export(tmp_path / "new" / "out.csv").images == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.csv"]
