"""Exports over HTTP are complete, and one that broke goes on where it broke."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import httpx
import pyarrow.parquet as pq
import pytest

from categoriser.api.resuming import attachment
from tests.api.test_upload import many
from tests.whole import picture

BASE = "/v1/collections/taken out"
COUNT = 20


@pytest.fixture(scope="module")
def ids(service: httpx.Client) -> set[str]:
    """A filled collection."""
    sent = [(f"{seed}.png", picture(seed)) for seed in range(COUNT)]
    results = many(service, "taken out", sent).json()["results"]
    found = [one["image"]["image_id"] for one in results]
    service.post(f"{BASE}/moves", json={"image_ids": found[:3], "label": "=1+1"}).raise_for_status()
    return set(found)


def get(client: httpx.Client, style: str, **headers: str) -> httpx.Response:
    return client.get(f"{BASE}/export", params={"style": style}, headers=headers)


def test_every_style_has_every_image(service: httpx.Client, ids: set[str]) -> None:
    jsonl = [json.loads(line)["image_id"] for line in get(service, "jsonl").text.splitlines()]
    table = [row["image_id"] for row in csv.DictReader(io.StringIO(get(service, "csv").text))]
    parquet = pq.read_table(io.BytesIO(get(service, "parquet").content))["image_id"].to_pylist()
    with zipfile.ZipFile(io.BytesIO(get(service, "zip").content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    with zipfile.ZipFile(io.BytesIO(get(service, "fiftyone").content)) as archive:
        labels = json.loads(archive.read("labels.json"))["labels"]
    assert len(jsonl) == len(table) == len(parquet) == COUNT
    assert set(jsonl) == set(table) == set(parquet) == ids
    assert (len(names), len(labels)) == (COUNT + 1, COUNT)
    assert not any(cell.startswith("=") for cell in get(service, "csv").text.replace("\n", ",").split(","))


@pytest.mark.parametrize("style", ["zip", "csv", "parquet"])
def test_a_download_that_broke_goes_on(service: httpx.Client, ids: set[str], style: str) -> None:
    whole = get(service, style)
    data, tag = whole.content, whole.headers["etag"]
    for first in (0, 1, len(data) // 2, len(data) - 1):
        rest = get(service, style, **{"Range": f"bytes={first}-", "If-Range": tag})
        assert rest.status_code == 206
        assert rest.headers["content-range"] == f"bytes {first}-{len(data) - 1}/{len(data)}"
        assert data[:first] + rest.content == data
    assert get(service, style, **{"Range": "bytes=5-8", "If-Range": tag}).content == data[5:9]
    assert get(service, style, **{"Range": f"bytes={len(data)}-", "If-Range": tag}).status_code == 416
    for headers in ({"Range": "bytes=5-"}, {"Range": "bytes=5-", "If-Range": '"old"'}, {"Range": "x", "If-Range": tag}):
        again = get(service, style, **headers)
        assert (again.status_code, again.content) == (200, data)


def test_a_download_that_broke_begins_anew_when_something_changed_meanwhile(
    service: httpx.Client, ids: set[str]
) -> None:
    tag = get(service, "zip").headers["etag"]
    service.post(f"{BASE}/moves", json={"image_ids": [min(ids)]}).raise_for_status()
    answer = get(service, "zip", **{"Range": "bytes=10-", "If-Range": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag


def test_all_that_is_known_is_one_call(service: httpx.Client, ids: set[str]) -> None:
    answer = service.get(f"{BASE}/export/everything")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''taken%20out-everything.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["collection"], manifest["counts"]["pictures"]) == ("taken out", COUNT)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("anna-images.zip", 'filename="anna-images.zip"'),
        ('a"; x="b.zip', "filename*=utf-8''a%22%3B%20x%3D%22b.zip"),
        ("../möwe\r\nX: y.csv", "filename*=utf-8''..-m%C3%B6we%0D%0AX%3A%20y.csv"),
    ],
)
def test_a_download_is_called_after_its_collection_whatever_that_is_called(name: str, header: str) -> None:
    assert attachment(name) == f"attachment; {header}"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"style": "docx"}, 422),
        ({"category": "nonsense"}, 404),
        ({"added_from": "nan"}, 422),
        ({"tags": "true"}, 400),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    service: httpx.Client, ids: set[str], query: dict[str, str], status: int
) -> None:
    answer = service.get(f"{BASE}/export", params=query)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
