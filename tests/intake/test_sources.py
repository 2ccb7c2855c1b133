"""Folders and tables become items: all of them, in order, with a reason where there is nothing to read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from categoriser.errors import ConfigurationError, FetchError, RejectedError
from categoriser.intake import (
    DEMO_MARKER,
    Fetcher,
    FolderScan,
    Item,
    Limits,
    decode,
    from_csv,
    from_folder,
    from_parquet,
    from_path,
    read,
)

Encode = Callable[..., bytes]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def table(root: Path, text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    path = root / name
    path.write_bytes(text.encode(encoding))
    return path


def test_folder_gives_pictures_of_all_extensions_in_order(tmp_path: Path) -> None:
    names = ["B.JPG", "a.jpeg", "c.jpe", "d.PNG", "e.gif", "f.webp", "g.bmp", "h.tif", "i.tiff", "j.HEIC", "k.heif"]
    names += ["l.avif", "m.jfif", "sub/a.jpg", "sub/deeper/a.jpg", "another/z.jpg"]
    touch(tmp_path, *names)
    scan = from_folder(tmp_path)
    own = sorted(name for name in names if "/" not in name)
    assert [item.name for item in scan] == [*own, "another/z.jpg", "sub/a.jpg", "sub/deeper/a.jpg"]
    assert [read(item).decode() for item in scan.items] == [item.name for item in scan]
    assert len(scan) == len(names)


def test_folder_counts_what_it_leaves_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.txt", "sub/c.TXT", "README", "film.mp4", ".hidden.jpg", ".git/x.jpg")
    scan = from_folder(tmp_path)
    assert [item.name for item in scan] == ["a.jpg"]
    assert scan.skipped == {"": 1, ".mp4": 1, ".txt": 2}


def test_folder_without_its_subfolders(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "sub/b.jpg")
    assert [item.name for item in from_folder(tmp_path, recursive=False)] == ["a.jpg"]


def test_links_in_circles_end(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.jpg")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "sub")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    scan = from_folder(tmp_path)
    assert [item.name for item in scan] == ["lost.jpg", "again/a.jpg"]  # each folder once, under its first name
    assert scan.skipped == {"": 1}
    with pytest.raises(RejectedError, match=r"lost\.jpg is a link to a file that does not exist"):
        read(next(iter(scan)))


def test_pipes_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (pipe,) = from_folder(tmp_path)
    with pytest.raises(RejectedError, match=r"pipe\.jpg is not a file"):
        read(pipe)


def test_what_categoriser_made_is_left_out(tmp_path: Path) -> None:
    made = {"library": ("lock", "catalog.sqlite"), "out": (".made-by-categoriser-export",), "t": (DEMO_MARKER,)}
    for folder, names in made.items():
        (tmp_path / folder / "thumbnails").mkdir(parents=True)
        (tmp_path / folder / "thumbnails" / "a.jpg").touch()
        for name in names:
            (tmp_path / folder / name).touch()
    (tmp_path / "mine.jpg").touch()
    scan = from_folder(tmp_path)
    assert scan.paths == ("mine.jpg",)
    assert scan.left_out == ("library", "out", "t")
    assert from_folder(tmp_path / "out").paths == ("thumbnails/a.jpg",)
    with pytest.raises(ConfigurationError, match="is a library"):
        from_folder(tmp_path / "library")


def test_a_link_to_a_folder_above_does_not_widen_the_scan(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "up").symlink_to(tmp_path)
    (root / "a.jpg").touch()
    (tmp_path / "elsewhere.jpg").touch()
    assert from_folder(root).paths == ("a.jpg",)


def test_missing_folder_and_path_are_named(tmp_path: Path) -> None:
    for wrong in (lambda: from_folder(tmp_path / "no"), lambda: from_path(tmp_path / "no"), lambda: from_csv(tmp_path)):
        with pytest.raises(ConfigurationError, match=r"no |not "):
            wrong()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_of_any_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = "name,imageUrl,note\nÄpfel,https://a.example/p/x.jpg?key=1,süß\nB,sub/b.png,\n".replace(",", delimiter)
    first, second = from_csv(table(tmp_path, text, encoding=encoding))
    assert (first.url, first.path, first.name) == ("https://a.example/p/x.jpg?key=1", None, "x.jpg")
    assert dict(first.metadata) == {"name": "Äpfel", "imageUrl": "https://a.example/p/x.jpg?key=1", "note": "süß"}
    assert first.source == "https://a.example/p/x.jpg"
    assert (second.url, second.path) == (None, tmp_path / "sub/b.png")


@pytest.mark.parametrize(
    "column", ["image_url", "image", "url", "path", "file", "filename", "imageUrl", "link", "Image URL", "file_path"]
)
def test_the_usual_column_names_are_found(tmp_path: Path, column: str) -> None:
    (item,) = from_csv(table(tmp_path, f"id,{column},title\n1,a.jpg,t\n"))
    assert item.path == tmp_path / "a.jpg"
    assert item.image_id is None


def test_the_most_telling_column_wins(tmp_path: Path) -> None:
    (item,) = from_csv(table(tmp_path, "file,url,image_url\n1,2,3.jpg\n"))
    assert item.path == tmp_path / "3.jpg"


def test_columns_are_listed_when_none_or_the_wrong_one_is_found(tmp_path: Path) -> None:
    path = table(tmp_path, "title,colour\na,b\n")
    for arguments in (
        {},
        {"image_column": "nope"},
        {"image_column": "title", "id_column": "sku"},
        {"image_column": []},
    ):
        with pytest.raises(ConfigurationError, match="title, colour"):
            from_csv(path, **arguments)  # type: ignore[arg-type]


def test_several_image_columns_give_one_item_each(tmp_path: Path) -> None:
    path = table(tmp_path, "sku,front,back\n7,f.jpg,b.jpg\n8,g.jpg,\n")
    items = list(from_csv(path, image_column=["front", "back"], id_column="sku"))
    assert [item.image_id for item in items] == ["7#front", "7#back", "8#front", "8#back"]
    assert [item.metadata["image_column"] for item in items] == ["front", "back"] * 2
    assert [item.problem is None for item in items] == [True, True, True, False]


def test_a_window_of_rows_resumes_a_run(tmp_path: Path) -> None:
    path = table(tmp_path, "file\n" + "".join(f"{row}.jpg\n" for row in range(10)))
    assert [item.name for item in from_csv(path, start=3, end=6)] == ["3.jpg", "4.jpg", "5.jpg"]
    assert [item.name for item in from_csv(path, start=8)] == ["8.jpg", "9.jpg"]
    assert [item.name for item in from_csv(path, start=2, limit=2)] == ["2.jpg", "3.jpg"]
    for wrong in ({"start": -1}, {"start": 3, "end": 2}, {"limit": -1}):
        with pytest.raises(ConfigurationError, match="make no sense"):
            from_csv(path, **wrong)


def test_odd_rows_cost_nobody_else(tmp_path: Path) -> None:
    huge = "x" * 200_000
    text = (
        f'id,file,note\n1,a.jpg,ok\n2\n3,,empty\n\n4,d.jpg,too,many,cells\n5,{huge},n\n6,"f\ng.jpg",line\n7,g.jpg,end\n'
    )
    items = list(from_csv(table(tmp_path, text), id_column="id"))
    assert [item.image_id for item in items] == ["1", "2", "3", "4", None, "6", "7"]
    assert items[3].metadata["beyond the last column"] == ["many", "cells"]
    broken = [item for item in items if item.problem is not None]
    assert [item.name for item in broken] == ["row 1", "row 2", "row 4"]
    for item in broken:
        with pytest.raises(RejectedError, match=r"row \d.*\.$"):
            read(item)


def test_repeated_and_unnamed_columns_are_kept_apart(tmp_path: Path) -> None:
    (item,) = from_csv(table(tmp_path, "file,note,note,\na.jpg,1,2,3\n"))
    assert dict(item.metadata) == {"file": "a.jpg", "note": "1", "note_3": "2", "_4": "3"}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\0\0", b"file\n", b"\xff\xfe", bytes(range(256)) * 10])
def test_no_table_is_too_odd(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    try:
        items = list(from_csv(path))
    except ConfigurationError:
        return
    assert items == []


def test_parquet_gives_the_same_items(tmp_path: Path) -> None:
    rows = {
        "sku": [1, 2, 3, 4],
        "image_url": ["http://a.example/1.jpg", "b.jpg", None, ""],
        "price": [1.5, None, 2.0, 3.0],
    }
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    items = list(from_parquet(tmp_path / "t.parquet", id_column="sku"))
    assert [(item.url, item.path, item.image_id) for item in items[:2]] == [
        ("http://a.example/1.jpg", None, "1"),
        (None, tmp_path / "b.jpg", "2"),
    ]
    assert items[0].metadata["price"] == 1.5
    assert all(item.problem and "empty" in item.problem for item in items[2:])
    window = from_parquet(tmp_path / "t.parquet", start=1, end=3, limit=1)
    assert [item.name for item in window] == ["b.jpg"]


def test_parquet_may_hold_the_pictures_themselves(tmp_path: Path, photo: Image.Image, encoded: Encode) -> None:
    data = encoded(photo, "PNG")
    rows = {"image": [{"bytes": data, "path": "x.png"}, {"bytes": None, "path": "y.png"}], "label": [0, 1]}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    first, second = from_parquet(tmp_path / "t.parquet")
    assert decode(read(first), side=32).width == 96
    assert dict(first.metadata) == {"label": 0}
    assert second.path == tmp_path / "y.png"


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Parquet"):
        from_parquet(table(tmp_path, "PAR1 not really", name="t.parquet"))


def test_any_path_is_understood(tmp_path: Path) -> None:
    touch(tmp_path, "p/a.jpg", "odd.xyz")
    table(tmp_path, "file\tn\np/a.jpg\t1\n", name="t.TSV")
    pq.write_table(pa.table({"file": ["p/a.jpg"]}), tmp_path / "t.parquet")
    assert isinstance(from_path(tmp_path / "p"), FolderScan)
    for name in ("p", "t.TSV", "t.parquet", "p/a.jpg"):
        assert [read(item) for item in from_path(tmp_path / name)] == [b"p/a.jpg"]
    assert [item.name for item in from_path(tmp_path / "odd.xyz")] == ["odd.xyz"]  # what it is, decoding will tell


def test_reading_fails_with_a_sentence(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    for item, limits, word in (
        (Item("x", path=tmp_path / "x.jpg"), Limits(), "does not exist"),
        (Item("x", path=tmp_path), Limits(), "is not a file"),
        (Item("x", path=tmp_path / "a\0b"), Limits(), "a\0b"),
        (Item("x", path=tmp_path / ("n" * 300)), Limits(), "nnn"),
        (Item("x", path=tmp_path / "a.jpg"), Limits(max_bytes=2), "limit is 2"),
        (Item("x"), Limits(), "neither"),
    ):
        with pytest.raises(RejectedError, match=word):
            read(item, limits=limits)
    with pytest.raises(ConfigurationError, match="Fetcher"):
        read(Item("x", url="http://a.example/"))
    with Fetcher() as fetcher, pytest.raises(FetchError, match="http"):
        read(Item("x", url="file:///etc/passwd"), fetcher)


def test_real_table_of_shop_pictures(shared: Path) -> None:
    items = list(from_path(shared / "fashion" / "labels.csv", id_column="id", limit=20))
    assert len(items) == 20
    for item in items:
        assert decode(read(item), side=64).width == 60
        assert item.image_id == item.metadata["id"]
