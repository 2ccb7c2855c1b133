"""Uploads that are answered once nothing can be lost, and asked about later."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from categoriser import Library
from categoriser.errors import UnreachableError
from categoriser.intake import Fetcher
from tests.api.conftest import Start, serving
from tests.api.test_upload import many
from tests.whole import check, left_over, picture

ASYNC = {"Prefer": "respond-async"}


def send(client: httpx.Client, collection: str, *pictures: bytes, **more: Any) -> httpx.Response:
    files = [("files", (f"{place}.png", data)) for place, data in enumerate(pictures)]
    return client.post(f"/v1/collections/{collection}/images", files=files, headers=ASYNC, **more)


def finished(client: httpx.Client, where: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        answer = client.get(where)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        if body["status"] == "done":
            return body
        assert time.monotonic() < until, body
        time.sleep(0.02)


def test_a_picture_is_answered_before_it_is_filed_and_can_be_asked_about(service: httpx.Client) -> None:
    answer = service.post(
        "/v1/collections/async-one/images",
        files={"file": ("cat.png", picture(1))},
        data={"id": "mine", "metadata": '{"a": 1}'},
        headers={"Prefer": "wait=5, Respond-Async; foo=1"},
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["preference-applied"] == "respond-async"
    told = answer.json()
    assert (told["waiting"], told["refused"]) == (1, 0)
    assert told["results"] == [{"name": "cat.png", "status": "waiting", "image_id": "mine", "error": None}]
    assert answer.headers["location"] == f"/v1/collections/async-one/uploads/{told['upload_id']}"
    upload = finished(service, answer.headers["location"])
    assert (upload["filed"], upload["refused"], upload["waiting"]) == (1, 0, 0)
    image = service.get("/v1/collections/async-one/images/mine").json()
    assert (image["name"], image["metadata"], image["category"]) == (
        "cat.png",
        {"a": 1},
        upload["results"][0]["category"],
    )
    assert service.get("/v1/collections/async-one/images/mine/original").content == picture(1)


def test_each_of_several_pictures_tells_what_became_of_it(service: httpx.Client) -> None:
    cut = picture(3)[:200]
    answer = send(service, "async-several", picture(1), b"hello", picture(2), cut, picture(1))
    told = answer.json()
    assert [one["status"] for one in told["results"]] == ["waiting", "refused", "waiting", "waiting", "waiting"]
    assert told["results"][1]["error"]["code"] == "unreadable_picture"
    upload = finished(service, answer.headers["location"])
    assert [one["status"] for one in upload["results"]] == ["filed", "refused", "filed", "refused", "filed"]
    assert upload["results"][3]["error"]["code"] == "unreadable_picture"
    assert upload["results"][3]["error"]["message"].endswith(".")
    assert service.get("/v1/collections/async-several").json()["images"] == 2


def test_categories_are_those_of_now_and_deleted_images_are_said_to_be(service: httpx.Client) -> None:
    answer = send(service, "async-now", picture(1), picture(2))
    first = finished(service, answer.headers["location"])["results"][0]["image_id"]
    moved = service.post("/v1/collections/async-now/moves", json={"image_ids": [first], "label": "Mine"})
    assert moved.status_code == 200
    upload = finished(service, answer.headers["location"])
    assert upload["results"][0]["label"] == "Mine"
    service.delete(f"/v1/collections/async-now/images/{first}")
    upload = finished(service, answer.headers["location"])
    assert (upload["results"][0]["status"], upload["deleted"]) == ("deleted", 1)


def test_uploads_of_another_collection_are_not_there(service: httpx.Client) -> None:
    token = send(service, "async-anna", picture(1)).json()["upload_id"]
    send(service, "async-bob", picture(1))
    assert len(token) >= 20
    assert service.get(f"/v1/collections/async-bob/uploads/{token}").status_code == 404
    assert service.get("/v1/collections/async-bob/uploads", params={"after": token}).status_code == 404
    listed = service.get("/v1/collections/async-bob/uploads").json()["uploads"]
    assert token not in [one["upload_id"] for one in listed]


def test_pages_of_uploads_join_newest_first(service: httpx.Client) -> None:
    sent = [send(service, "async-pages", picture(seed)).json()["upload_id"] for seed in range(5)]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = service.get("/v1/collections/async-pages/uploads", params={"limit": 2} | after).json()
        seen += [one["upload_id"] for one in page["uploads"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == sent[::-1]


def test_what_was_promised_is_filed_by_the_next_process(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        with serving(library) as client:
            library.pipeline.feeder.stop()  # as if the process ended right after its answer
            large = picture(9, side=600, kind="BMP")
            where = send(client, "later", picture(1), large, picture(2)[:200]).headers["location"]
            assert client.get(where).json()["waiting"] == 3
        assert left_over(library)["inbox"] == 3
    with Library.open(tmp_path / "library") as library, serving(library) as client:
        upload = finished(client, where)
        assert [one["status"] for one in upload["results"]] == ["filed", "filed", "refused"]
        check(library.collection("later"), tmp_path)
        assert library.collection("later").original(upload["results"][1]["image_id"]).read_bytes() == large


def test_an_address_is_fetched_later_and_one_that_never_answers_is_listed_with_its_reason(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(allow_private_addresses=True, uploads={"attempts": 3, "retry_seconds": 0.02})
    image_id = client.post("/v1/collections/source/images", files={"file": ("a.png", picture(5))}).json()["image_id"]
    there = str(client.base_url.join(f"/v1/collections/source/images/{image_id}/original?token=secret"))
    gone = "http://example.org/gone.jpg?token=secret"
    fetch, tries = Fetcher.fetch, Counter[str]()

    def flaky(self: Fetcher, url: str) -> bytes:
        tries[url] += 1
        if url == gone or (url == there and tries[url] < 3):
            raise UnreachableError("http://example.org/gone.jpg answered 503 (4 tries); try again later.")
        return fetch(self, url)

    monkeypatch.setattr(Fetcher, "fetch", flaky)
    answer = client.post(
        "/v1/collections/fetched/images",
        json={"images": [{"url": there, "metadata": {"n": 1}}, {"url": gone}, {"url": "http://[::1"}]},
        headers=ASYNC,
    )
    assert answer.status_code == 202, answer.text
    upload = finished(client, answer.headers["location"])
    assert [one["status"] for one in upload["results"]] == ["filed", "refused", "refused"]
    assert upload["results"][0]["image_id"] == image_id
    assert upload["results"][1]["error"]["code"] == "unreachable"
    assert (tries[there], tries[gone]) == (3, 3)
    assert "secret" not in client.get(answer.headers["location"]).text
    failed = client.get("/v1/collections/fetched/failed").json()["failed"]
    assert [one["attempts"] for one in failed] == [2, 0]
    assert "secret" not in str(failed)
    assert client.get(f"/v1/collections/fetched/images/{image_id}").json()["metadata"] == {"n": 1}


def test_too_many_waiting_pictures_are_refused_with_when_to_come_back(start: Start) -> None:
    client = start(uploads={"waiting_per_collection": 2, "waiting": 3})
    library: Library = client.app_library  # type: ignore[attr-defined]
    library.pipeline.feeder._room.acquire()  # nothing is taken from the inbox
    for _ in range(63):
        library.pipeline.feeder._room.acquire()
    statuses = [send(client, "crowded", picture(seed)).status_code for seed in range(4)]
    assert statuses == [202, 202, 202, 429]  # one is in the feeder's hands
    crowded = send(client, "crowded", picture(9))
    assert crowded.json()["error"]["code"] == "crowded"
    assert int(crowded.headers["retry-after"]) > 0
    assert send(client, "other", picture(1)).status_code == 202
    busy = send(client, "third", picture(1))
    assert (busy.status_code, busy.json()["error"]["code"]) == (503, "busy")
    assert int(busy.headers["retry-after"]) > 0
    for _ in range(64):
        library.pipeline.feeder._room.release()


@pytest.mark.parametrize("single", [True, False])
def test_a_file_beyond_the_limit_is_refused_at_once(start: Start, single: bool) -> None:
    client = start(max_bytes=20_000)
    large = picture(1) + bytes(20_000)
    if single:
        answer = client.post("/v1/collections/c/images", files={"file": ("a.png", large)}, headers=ASYNC)
        assert answer.status_code == 413
        assert client.get("/v1/collections/c").json()["images"] == 0
    else:
        told = send(client, "c", large, picture(2)).json()
        assert [one["status"] for one in told["results"]] == ["refused", "waiting"]


def test_uploads_are_forgotten_after_their_time(start: Start) -> None:
    client = start(uploads={"keep_hours": 1e-9})
    library: Library = client.app_library  # type: ignore[attr-defined]
    where = send(client, "c", picture(1)).headers["location"]
    until = time.monotonic() + 30
    while client.get("/v1/collections/c").json()["images"] < 1:
        assert time.monotonic() < until
    while client.get(where).status_code == 200:
        library.uploads.tidy()
        assert time.monotonic() < until
    assert client.get("/v1/collections/c").json()["images"] == 1


def test_synchronous_uploads_are_as_before_beside_the_others(service: httpx.Client) -> None:
    send(service, "both", *(picture(seed) for seed in range(10)))
    report = many(service, "both", [(f"{seed}.png", picture(seed)) for seed in range(5, 15)]).json()
    assert report["refused"] == 0
    until = time.monotonic() + 60
    while service.get("/v1/collections/both").json()["images"] < 15:
        assert time.monotonic() < until
        time.sleep(0.05)
