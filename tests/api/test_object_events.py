"""An object store tells of its objects, and their pictures come and go."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote_plus, unquote

import httpx
import pytest

from categoriser import Library
from categoriser.library.objects import _later
from tests.api.conftest import Start
from tests.whole import picture

OBJECTS: dict[str, bytes] = {}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/redirect/a.png":
            self.send_response(302)
            self.send_header("Location", "/photos/cat.png")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = OBJECTS.get(unquote(self.path))
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def event(key: str, *, name: str = "s3:ObjectCreated:Put", bucket: str = "photos", **more: str) -> dict[str, Any]:
    about = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1, **more}}
    return {"eventVersion": "2.0", "eventName": name, "s3": about}


def tell(client: httpx.Client, *records: dict[str, Any], **headers: str) -> httpx.Response:
    body = {"EventName": "s3:ObjectCreated:Put", "Key": "photos/x", "Records": list(records)}
    return client.post("/v1/collections/anna/object-events", json=body, headers=headers)


def eventually(client: httpx.Client, ids: set[str]) -> None:
    until = time.monotonic() + 60
    while True:
        answer = client.get("/v1/collections/anna/images", params={"limit": 1000})
        found = {one["id"] for one in answer.json().get("images", [])}
        if found == ids:
            return
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_objects_are_filed_under_their_names_once_however_often_they_are_told_of(start: Start, bucket: str) -> None:
    OBJECTS["/photos/2024/my cat+ü.png"] = picture(1)
    client = start(uploads={"object_url": bucket})
    created = event("2024/my cat+ü.png", eTag="e1", sequencer="0A")
    first = tell(client, created, created)
    assert first.status_code == 200, first.text
    assert first.json() == {"taken": 1, "removed": 0, "ignored": 1}
    assert tell(client, created).json()["ignored"] == 1
    eventually(client, {"photos/2024/my cat+ü.png"})
    image = client.get("/v1/collections/anna/images").json()["images"][0]
    assert image["metadata"] == {"bucket": "photos", "key": "2024/my cat+ü.png"}
    assert image["name"] == "my cat+ü.png"


def test_an_object_that_was_removed_or_overwritten_takes_its_image_along(start: Start, bucket: str) -> None:
    OBJECTS["/photos/cat.png"] = picture(2)
    client = start(uploads={"object_url": bucket + "/{bucket}/{key}"})
    tell(client, event("cat.png", eTag="e1", sequencer="01"))
    eventually(client, {"photos/cat.png"})
    OBJECTS["/photos/cat.png"] = picture(3)
    assert tell(client, event("cat.png", eTag="e2", sequencer="03")).json()["taken"] == 1
    until = time.monotonic() + 60
    while [one["id"] for one in client.get("/v1/collections/anna/images").json()["images"]] in ([], ["photos/cat.png"]):
        assert time.monotonic() < until
        time.sleep(0.05)
    (image,) = client.get("/v1/collections/anna/images").json()["images"]
    assert image["id"].startswith("photos/cat.png#")
    late = tell(
        client,
        event("cat.png", eTag="e1", sequencer="02"),
        event("cat.png", name="ObjectRemoved:Delete", sequencer="02"),
    )
    assert late.json() == {"taken": 0, "removed": 0, "ignored": 2}
    gone = tell(client, event("cat.png", name="ObjectRemoved:DeleteMarkerCreated", sequencer="04"))
    assert gone.json()["removed"] == 1
    eventually(client, set())
    assert tell(client, event("cat.png", name="ObjectRemoved:Delete", sequencer="05")).json()["ignored"] == 1


def test_images_stay_where_the_settings_say_so(start: Start, bucket: str) -> None:
    OBJECTS["/photos/stay.png"] = picture(4)
    client = start(uploads={"object_url": bucket, "object_deletes": False})
    tell(client, event("stay.png"))
    eventually(client, {"photos/stay.png"})
    assert tell(client, event("stay.png", name="ObjectRemoved:Delete")).json()["removed"] == 0


def test_what_is_not_ours_is_ignored(start: Start, bucket: str) -> None:
    client = start(uploads={"object_url": bucket, "object_buckets": "photos, other"})
    strange = [
        event("a.png", bucket="secrets"),
        event("a.png", bucket=".."),
        event("a.png", bucket="photos/../secrets"),
        event("../secrets/a.png"),
        event("a/./b.png"),
        event("folder/"),
        event(""),
        event("a.png", name="s3:ObjectAccessed:Get"),
        event("a.png", name="ObjectRemoved:Delete"),
    ]
    assert tell(client, *strange).json() == {"taken": 0, "removed": 0, "ignored": len(strange)}


def test_an_object_that_cannot_be_fetched_is_listed_as_failed(start: Start, bucket: str) -> None:
    OBJECTS["/photos/cat.png"] = picture(5)
    client = start(uploads={"object_url": bucket})
    assert tell(client, event("missing.png"), event("a.png", bucket="redirect")).json()["taken"] == 2
    until = time.monotonic() + 60
    while len(found := client.get("/v1/collections/anna/failed").json()["failed"]) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "404" in found[0]["reason"] + found[1]["reason"]
    assert "redirects" in found[0]["reason"] + found[1]["reason"]  # the store's own network is entered, nothing else


def test_addresses_of_uploads_may_not_go_where_objects_are(start: Start, bucket: str) -> None:
    OBJECTS["/photos/private.png"] = picture(6)
    client = start(uploads={"object_url": bucket})
    answer = client.post("/v1/collections/eve/images", json={"url": f"{bucket}/photos/private.png"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "fetch")


@pytest.mark.parametrize("token", ["s3cret", "Bearer s3cret"])
def test_the_token_is_what_the_store_was_given(start: Start, bucket: str, token: str) -> None:
    client = start(uploads={"object_url": bucket, "object_token": "s3cret" if token == "s3cret" else token})
    for told in ({}, {"Authorization": "wrong"}, {"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        refused = tell(client, event("a.png"), **told)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "caller")
    assert client.get("/v1/collections").json()["collections"] == []
    sent = token if token.startswith("Bearer") else f"Bearer {token}"  # as MinIO does
    assert tell(client, event("folder/"), Authorization=sent).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"Records": {}}', 422),
        (b'{"Records": [1]}', 422),
        (b'{"Records": [{"eventName": "x", "s3": {"bucket": [], "object": {}}}]}', 422),
        (b'{"Records": []}', 200),
        (b'{"Service": "Amazon S3", "Event": "s3:TestEvent"}', 200),
        (b'{"Type": "Notification", "Message": "{\\"Records\\": []}"}', 200),
        (b" " * 3_000_000, 413),
    ],
)
def test_bodies_of_any_form_are_answered(start: Start, body: bytes, status: int) -> None:
    client = start(uploads={"object_url": "http://127.0.0.1:1"})
    answer = client.post("/v1/collections/anna/object-events", content=body)
    assert answer.status_code == status, answer.text


def test_without_a_place_to_fetch_from_the_setting_is_named(start: Start) -> None:
    answer = tell(start(), event("a.png"))
    assert answer.status_code == 400
    assert "uploads.object_url" in answer.json()["error"]["message"]


def test_images_that_had_to_go_go_after_a_restart(start: Start, bucket: str) -> None:
    OBJECTS["/photos/late.png"] = picture(7)
    client = start(uploads={"object_url": bucket})
    library: Library = client.app_library  # type: ignore[attr-defined]
    tell(client, event("late.png"))
    eventually(client, {"photos/late.png"})
    library.objects._closed.set()  # as if the process ended right after its answer
    tell(client, event("late.png", name="ObjectRemoved:Delete"))
    eventually(client, {"photos/late.png"})
    library.objects._closed.clear()
    library.resume()
    eventually(client, set())


@pytest.mark.parametrize(
    ("one", "other", "later"), [("0B", "0A", True), ("0A", "0A", False), ("0a1", "0A", True), ("09F", "0A", False)]
)
def test_sequencers_are_compared_from_the_left(one: str, other: str, later: bool) -> None:
    assert _later(one, other) == later
