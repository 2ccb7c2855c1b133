"""What cannot be filed is listed with its reason, tried again, or forgotten."""

from __future__ import annotations

import time
from typing import Any

import httpx

from categoriser import Library
from categoriser.encoders.classic import ClassicEncoder
from tests.api.conftest import Start
from tests.whole import left_over, picture

ASYNC = {"Prefer": "respond-async"}


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def failed(client: httpx.Client, collection: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/v1/collections/{collection}/failed").json()["failed"]
    return found


def promise(client: httpx.Client, collection: str, *pictures: bytes) -> str:
    files = [("files", (f"{place}.png", data)) for place, data in enumerate(pictures)]
    answer = client.post(f"/v1/collections/{collection}/images", files=files, headers=ASYNC)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def test_failed_pictures_are_tried_again_one_or_all_and_forgotten_after_a_preview(start: Start) -> None:
    client = start()
    where = promise(client, "c", *(picture(seed)[:300] for seed in range(4)))
    client.post("/v1/collections/c/images", files={"file": ("sync.png", picture(9)[:300])})
    wait_for(lambda: len(failed(client, "c")) == 5)
    listed = failed(client, "c")
    assert all(one["reason"].endswith(".") for one in listed)
    assert all(one["repeatable"] for one in listed)
    first = listed[0]["cursor"]
    assert client.post("/v1/collections/c/failed/retry", json={"preview": True}).json() == {
        "retried": 5,
        "preview": True,
    }
    assert client.post("/v1/collections/c/failed/retry", json={"cursors": [first]}).json()["retried"] == 1
    wait_for(lambda: client.get(where).json()["status"] == "done")
    wait_for(lambda: len(failed(client, "c")) == 5)  # broken as before
    assert client.post("/v1/collections/c/failed/retry", json={}).json()["retried"] == 5
    wait_for(lambda: len(failed(client, "c")) == 5)
    assert client.post("/v1/collections/other/failed/retry", json={}).status_code == 404
    discard = "/v1/collections/c/failed/discard"
    assert client.post(discard, json={"preview": True}).json() == {"discarded": 5, "preview": True}
    assert client.post(discard, json={"cursors": [first], "preview": True}).json()["discarded"] == 1
    assert client.post(discard, json={"cursors": [first, 10**6]}).json() == {"discarded": 1, "preview": False}
    assert client.post(discard, json={}).json()["discarded"] == 4
    assert failed(client, "c") == []
    upload = client.get(where).json()
    assert [one["status"] for one in upload["results"]] == ["refused"] * 4  # still says why
    assert all(one["error"]["code"] == "unreadable_picture" for one in upload["results"])


def test_another_collections_failures_are_out_of_reach(start: Start) -> None:
    client = start()
    promise(client, "anna", picture(1)[:300])
    promise(client, "bob", picture(2)[:300])
    wait_for(lambda: failed(client, "anna") and failed(client, "bob"))
    hers = failed(client, "anna")[0]["cursor"]
    for action, said in (("retry", "retried"), ("discard", "discarded")):
        for body in ({"cursors": [hers]}, {"cursors": [hers], "preview": True}):
            assert client.post(f"/v1/collections/bob/failed/{action}", json=body).json()[said] == 0
    assert len(failed(client, "anna")) == 1


def test_an_encoder_that_fails_for_a_while_loses_nothing_and_needs_nobody(start: Start, monkeypatch: Any) -> None:
    client = start(uploads={"attempts": 50, "retry_seconds": 0.05, "longest_retry_seconds": 0.1})
    library: Library = client.app_library  # type: ignore[attr-defined]
    encode, broken = ClassicEncoder.encode_prepared, [True]

    def flaky(self: Any, prepared: Any) -> Any:
        if broken[0]:
            raise RuntimeError("out of memory")
        return encode(self, prepared)

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", flaky)
    where = promise(client, "c", picture(1), picture(2))
    wait_for(lambda: all(one["attempts"] >= 2 for one in client.get(where).json()["results"]))
    assert all("out of memory" in one["error"]["message"] for one in client.get(where).json()["results"])
    broken[0] = False
    wait_for(lambda: client.get(where).json()["status"] == "done")
    assert client.get(where).json()["filed"] == 2
    assert left_over(library)["inbox"] == 0


def test_an_encoder_that_fails_for_good_gives_up_after_enough_attempts(start: Start, monkeypatch: Any) -> None:
    client = start(uploads={"attempts": 3, "retry_seconds": 0.02})

    def broken(*_: Any) -> Any:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", broken)
    promise(client, "c", picture(1))
    wait_for(lambda: failed(client, "c"))
    assert failed(client, "c")[0]["repeatable"]
    monkeypatch.undo()
    assert client.post("/v1/collections/c/failed/retry", json={}).json()["retried"] == 1
    wait_for(lambda: client.get("/v1/collections/c").json()["images"] == 1)


def test_nonsense_is_refused_in_one_sentence(start: Start) -> None:
    client = start()
    promise(client, "c", picture(1))
    for body in ({"cursors": [2**63]}, {"cursors": [-1]}, {"cursors": "all"}, {"all": True}):
        answer = client.post("/v1/collections/c/failed/discard", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["message"].endswith(".")
