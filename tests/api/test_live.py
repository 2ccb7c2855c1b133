"""Events are told as they happen, none lost and none twice, whatever becomes of the connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.serving import Server, address, listen
from tests.api.conftest import Start, bearer, new_key
from tests.api.test_upload import upload
from tests.whole import picture


@contextmanager
def live(client: httpx.Client, collection: str, last: int | None = None, **query: Any) -> Iterator[Iterator[dict]]:
    """The messages of a stream, each with its id and its event, if it has one."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    url = f"/v1/collections/{collection}/events/live"
    with client.stream("GET", url, params=query, headers=headers, timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer.iter_lines())


def messages(lines: Iterator[str]) -> Iterator[dict]:
    """As an EventSource reads them."""
    found: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if not line and found:
            yield found
            found = {}
        elif name in {"id", "data"}:
            found[name] = int(value) if name == "id" else json.loads(value)


def told(stream: Iterator[dict], number: int) -> list[dict]:
    """So many events of a stream."""
    events = []
    for message in stream:
        if "data" in message:
            assert message["id"] == message["data"]["cursor"]
            events.append(message["data"])
            if len(events) == number:
                break
    return events


def logged(client: httpx.Client, collection: str, **query: Any) -> list[dict]:
    """The whole log."""
    return client.get(f"/v1/collections/{collection}/events", params={"limit": 1000} | query).json()["events"]


def test_what_happens_is_told_at_once_to_who_asked_for_what_is_new(service: httpx.Client) -> None:
    upload(service, "new", picture(1))
    before = logged(service, "new")
    with live(service, "new") as stream:
        assert next(stream) == {"id": before[-1]["cursor"]}  # connected: from now on nothing is missed
        upload(service, "new", picture(2))
        after = told(stream, 1)
    assert after == logged(service, "new", after=before[-1]["cursor"])[:1]


def test_a_stream_that_broke_goes_on_without_loss_or_repetition(service: httpx.Client) -> None:
    for seed in range(4):
        upload(service, "again", picture(seed))
    with live(service, "again", after=0) as stream:
        seen = told(stream, 2)
    upload(service, "again", picture(9))
    everything = logged(service, "again")
    with live(service, "again", last=seen[-1]["cursor"], after=0) as stream:  # the header counts, the address is old
        seen += told(stream, len(everything) - 2)
    assert seen == everything


def test_only_the_wanted_kinds_are_told_and_the_place_moves_on_all_the_same(service: httpx.Client) -> None:
    upload(service, "kinds", picture(1))
    with live(service, "kinds", after=0, types="rename,lock") as stream:
        assert next(stream) == {"id": 0}
        assert next(stream) == {"id": logged(service, "kinds")[-1]["cursor"]}


def test_every_reader_is_told_of_what_many_writers_do(service: httpx.Client) -> None:
    upload(service, "many", picture(0))
    with live(service, "many", after=0) as one, live(service, "many", after=0) as other:
        writers = [
            threading.Thread(target=lambda first=first: [upload(service, "many", picture(first + i)) for i in range(3)])
            for first in (10, 20, 30)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        everything = logged(service, "many")
        assert told(one, len(everything)) == told(other, len(everything)) == everything


def test_what_another_process_wrote_is_found_by_looking(start: Start) -> None:
    client = start(live={"poll_seconds": 0.05})
    upload(client, "a", picture(1))
    library = client_library(client)
    with live(client, "a") as stream:
        next(stream)
        with library.storage.database.write() as connection:
            from categoriser.catalog import events, feed

            events.append(connection, library.collection("a").row.id, [{"kind": "lock", "category": 0}])
            feed.noted(connection)  # as if this process knew nothing of it
        assert [one["kind"] for one in told(stream, 1)] == ["lock"]


def test_a_stream_ends_with_its_collection(start: Start) -> None:
    client = start(live={"poll_seconds": 0.05})
    upload(client, "a", picture(1))
    with live(client, "a") as stream:
        next(stream)
        client.delete("/v1/collections/a", params={"confirm": "a"}).raise_for_status()
        assert list(stream) == []


@pytest.mark.parametrize("how", ["token", "expired", "first key"])
def test_a_stream_ends_when_its_key_counts_no_more(start: Start, how: str) -> None:
    client = start(live={"recheck_seconds": 0.05})
    upload(client, "a", picture(1))
    if how != "first key":
        admin = new_key(client, "admin")
        key = new_key(client, "read:a", by=admin, seconds=1.5 if how == "expired" else None)
        number = key.split("_")[1]
        if how == "token":
            wanted = {"collection": "a", "seconds": 60}
            client.headers.update(bearer(key))
            key = client.post("/v1/tokens", json=wanted).json()["token"]
        client.headers.update(bearer(key))
    with live(client, "a") as stream:
        next(stream)
        if how == "first key":
            new_key(client, "admin")
        elif how != "expired":
            client.delete(f"/v1/keys/{number}", headers=bearer(admin)).raise_for_status()
        assert [one for one in stream if "data" in one] == []


def test_no_more_streams_than_may_be(start: Start) -> None:
    client = start(live={"streams": 1})
    upload(client, "a", picture(1))
    with live(client, "a") as stream:
        next(stream)
        refused = client.get("/v1/collections/a/events/live")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["error"]["code"] == "busy"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"types": "nonsense"}, {}, 422),
        ({"after": "-1"}, {}, 422),
        ({}, {"Last-Event-ID": "x"}, 422),
        ({}, {"Last-Event-ID": "9" * 30}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_stream_begins(
    service: httpx.Client, query: dict, headers: dict, status: int
) -> None:
    upload(service, "odd", picture(1))
    answer = service.get("/v1/collections/odd/events/live", params=query, headers=headers)
    assert answer.status_code == status
    assert service.get("/v1/collections/nobody/events/live").status_code == 404


def test_the_service_ends_although_somebody_reads(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        listener = listen("127.0.0.1", 0)
        server = Server(create_app(library))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        with httpx.Client(base_url=address(listener), timeout=60, trust_env=False) as client:
            upload(client, "a", picture(1))
            with live(client, "a") as stream:
                next(stream)
                server.should_exit = True
                assert list(stream) == []
        thread.join(30)
        assert not thread.is_alive()


def client_library(client: httpx.Client) -> Library:
    """The library behind a service of a test."""
    return client.library  # type: ignore[attr-defined]
