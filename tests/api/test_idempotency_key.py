"""The same request again under the same key gets the same answer, and does nothing twice."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import Start
from tests.whole import picture


def send(client: httpx.Client, key: str, content: bytes, collection: str = "c", **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} | more.pop("headers", {})
    files = {"file": ("a.png", content)}
    return client.post(f"/v1/collections/{collection}/images", files=files, headers=headers, **more)


def test_the_same_request_gets_the_same_answer_even_when_the_image_is_gone(service: httpx.Client) -> None:
    key = str(uuid.uuid4())
    first = send(service, key, picture(1), "idem")
    service.delete(f"/v1/collections/idem/images/{first.json()['image_id']}")
    again = send(service, f'"{key}"', picture(1), "idem")  # httpx writes another boundary: the content counts
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert service.get("/v1/collections/idem").json()["images"] == 0


def test_a_promise_is_given_again_with_its_location(service: httpx.Client) -> None:
    key, prefer = str(uuid.uuid4()), {"headers": {"Prefer": "respond-async"}}
    first = send(service, key, picture(1), "idem-async", **prefer)
    again = send(service, key, picture(1), "idem-async", **prefer)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["location"] == first.headers["location"]
    assert len(service.get("/v1/collections/idem-async/uploads").json()["uploads"]) == 1


@pytest.mark.parametrize(
    ("data", "more"),
    [(picture(2), {}), (picture(1), {"data": {"id": "x"}}), (picture(1), {"data": {"metadata": '{"a": 1}'}})],
)
def test_the_same_key_with_another_request_is_refused(service: httpx.Client, data: bytes, more: Any) -> None:
    key = str(uuid.uuid4())
    send(service, key, picture(1), "idem-other")
    answer = send(service, key, data, "idem-other", **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "reused_key")
    assert send(service, str(uuid.uuid4()), data, "idem-other", **more).status_code in {200, 201, 409}


def test_keys_belong_to_their_collection(service: httpx.Client) -> None:
    key = str(uuid.uuid4())
    assert send(service, key, picture(1), "idem-anna").status_code == 201
    assert send(service, key, picture(2), "idem-bob").status_code == 201


def test_a_refusal_is_given_again(service: httpx.Client) -> None:
    key = str(uuid.uuid4())
    first = send(service, key, b"hello", "idem-refused")
    again = send(service, key, b"hello", "idem-refused")
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"


def test_what_was_not_done_may_be_tried_again_under_the_same_key(start: Start) -> None:
    client = start(uploads={"waiting": 1})
    library: Library = client.app_library  # type: ignore[attr-defined]
    key = str(uuid.uuid4())
    check, busy = library.pipeline.feeder.check_room, True

    def check_room(row: Any, pictures: int = 0) -> None:
        if busy:
            from categoriser import BusyError

            raise BusyError("Not now; try again.")
        check(row, pictures)

    library.pipeline.feeder.check_room = check_room  # type: ignore[method-assign]
    prefer = {"headers": {"Prefer": "respond-async"}}
    assert send(client, key, picture(1), **prefer).status_code == 503
    busy = False
    assert send(client, key, picture(1), **prefer).status_code == 202


def test_the_same_request_at_the_same_time_is_done_once(start: Start) -> None:
    client = start()
    library: Library = client.app_library  # type: ignore[attr-defined]
    inside, go_on, finish = threading.Event(), threading.Event(), library.uploads.finish

    def slow(*arguments: Any) -> None:
        inside.set()
        assert go_on.wait(60)
        finish(*arguments)

    library.uploads.finish = slow  # type: ignore[method-assign]
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(send, client, key, picture(1))
        assert inside.wait(60)
        meanwhile = send(client, key, picture(1))
        go_on.set()
        assert running.result().status_code == 201
    assert (meanwhile.status_code, meanwhile.json()["error"]["code"]) == (409, "in_progress")
    assert int(meanwhile.headers["retry-after"]) > 0
    assert send(client, key, picture(1)).content == running.result().content


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a\tb"])
def test_keys_that_are_none_are_refused_in_a_sentence(service: httpx.Client, key: str) -> None:
    answer = send(service, key, picture(1), "idem-bad")
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith("Idempotency-Key: ")


def test_keys_are_forgotten_after_their_time(start: Start) -> None:
    client = start(uploads={"idempotency_hours": 1e-9})
    first = send(client, "k", picture(1))
    again = send(client, "k", picture(2))
    assert (first.status_code, again.status_code) == (201, 201)
    library: Library = client.app_library  # type: ignore[attr-defined]
    time.sleep(0.001)
    library.uploads.tidy()
    from categoriser.catalog.tables_uploads import idempotency_keys

    with library.storage.database.read() as connection:
        assert connection.execute(idempotency_keys.select()).all() == []


def test_a_key_of_a_process_that_died_is_free_again(start: Start) -> None:
    client = start()
    library: Library = client.app_library  # type: ignore[attr-defined]
    send(client, "k1", picture(0))
    row = library.collection("c").row
    library.uploads._owner = "another process"
    library.uploads.begin(row, "", "k2", "something")
    library.uploads._owner = "this one"
    assert send(client, "k2", picture(1)).status_code == 201
