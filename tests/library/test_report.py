"""Many inputs with twenty broken ones of different kinds."""

from __future__ import annotations

import csv
import struct
import zlib
from pathlib import Path

import pytest

from categoriser import Library
from categoriser.domain import Refused
from tests.whole import check, left_over, picture, pictures


def _huge_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


BROKEN = {
    "truncated.jpg": picture(9001, kind="JPEG")[:-300],
    "truncated.png": picture(9002)[:-200],
    "head only.jpg": picture(9003, kind="JPEG")[:20],
    "empty.jpg": b"",
    "empty.png": b"",
    "text.jpg": b"this is no picture at all\n" * 20,
    "page.png": b"<!doctype html><html><body>not found</body></html>",
    "archive.jpg": b"PK\x03\x04" + bytes(200),
    "document.png": b"%PDF-1.7\n" + bytes(200),
    "huge.png": _huge_png(),
    "zeros.bmp": bytes(500),
    "noise.webp": bytes(range(256)) * 4,
    "half.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(10),
    "half.gif": b"GIF89a" + bytes(3),
    "half.tiff": b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(8),
    "script.jpeg": b"#!/bin/sh\nexit 0\n",
    "json.png": b'{"error": "forbidden"}',
    "svg.png": b'<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "one byte.jpg": b"\xff",
    "flipped.png": picture(9004).replace(b"IDAT", b"IDAX"),
}
assert len(BROKEN) == 20


def _mixed(folder: Path, *, good: int) -> Path:
    pictures(folder, good)
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("good", [130, pytest.param(980, marks=pytest.mark.slow)])
def test_the_report_names_each_broken_file_and_files_the_others(
    pictures_library: Library, tmp_path: Path, good: int
) -> None:
    source = _mixed(tmp_path / "pictures", good=good)
    collection = pictures_library.collection("a")
    progress: list[tuple[int, int | None]] = []
    report = collection.add(source, progress=lambda done, total: progress.append((done, total)))
    assert (report.inputs, len(report.filed), len(report.known)) == (good + 20, good, 0)
    assert {Path(one.item).name for one in report.refused} == set(BROKEN)
    assert all(one.reason.endswith(".") and len(one.reason) > 20 for one in report.refused)
    assert progress == [(i + 1, good + 20) for i in range(good + 20)]
    assert _by_item(collection.failed(limit=1000)) == _by_item(report.refused)
    assert len(check(collection, tmp_path)) == good
    assert left_over(pictures_library) == {"inbox": 0, "outbox": 0}

    # again: nothing new, and the list of failures does not grow
    again = collection.add(source)
    assert (len(again.filed), len(again.known), len(again.refused)) == (0, good, 20)
    assert len(collection.failed(limit=1000)) == 20

    # repaired: filed, and off the list
    (source / "truncated.jpg").write_bytes(picture(9001, kind="JPEG"))
    (source / "empty.png").write_bytes(picture(9005))
    repaired = collection.add(source)
    assert {one.image_id for one in repaired.filed} == set(collection.assignments()) - {
        one.image_id for one in report.filed
    }
    assert len(repaired.filed) == 2
    assert len(collection.failed(limit=1000)) == 18
    assert len(check(collection, tmp_path)) == good + 2


def _by_item(refused: list[Refused]) -> dict[str, str]:
    return {one.item: one.reason for one in refused}


def test_a_table_with_broken_rows(pictures_library: Library, tmp_path: Path) -> None:
    source = _mixed(tmp_path / "pictures", good=60)
    rows = [{"id": f"r{i}", "image": f"pictures/{path.name}"} for i, path in enumerate(sorted(source.iterdir()))]
    rows += [
        {"id": "gone", "image": "pictures/not there.jpg"},
        {"id": "empty", "image": ""},
        {"id": "folder", "image": "pictures"},
        {"id": "private", "image": "http://127.0.0.1:9/x.jpg"},
    ]
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "image"])
        writer.writeheader()
        writer.writerows(rows)
    collection = pictures_library.collection("a")
    report = collection.add(table, id_column="id")
    assert (report.inputs, len(report.filed), len(report.refused)) == (84, 60, 24)
    expected = {row["id"] for row in rows if Path(row["image"]).name not in BROKEN} - {
        "gone",
        "empty",
        "folder",
        "private",
    }
    assert set(check(collection, tmp_path)) == expected
    failed = {Path(one.item).name for one in collection.failed(limit=100)}
    assert failed == {*BROKEN, "not there.jpg", "pictures", "x.jpg"}
    (source / "not there.jpg").write_bytes(picture(77))
    assert "gone" in {one.image_id for one in collection.add(table, id_column="id").filed}
    assert "not there.jpg" not in {Path(one.item).name for one in collection.failed(limit=100)}


@pytest.mark.skipif("sys.platform != 'linux'")
def test_a_file_whose_name_is_no_text_is_refused_alone(pictures_library: Library, tmp_path: Path) -> None:
    import os

    source = pictures(tmp_path / "pictures", 2)
    with open(os.fsencode(source) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123
        file.write(picture(3))
    report = pictures_library.collection("a").add(source)
    assert (len(report.filed), len(report.refused)) == (2, 1)
    assert "rename" in report.refused[0].reason
