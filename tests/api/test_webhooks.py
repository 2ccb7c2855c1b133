"""Webhooks over HTTP: an address is registered, tried, told, looked after and forgotten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook as Verifier

from tests.api.conftest import Start
from tests.api.test_live import client_library
from tests.api.test_upload import many, upload
from tests.receiver import Receiver, receiving
from tests.waiting import wait_until
from tests.whole import picture

OWN_NETWORK = {"allow_private_addresses": True, "first_wait": 0.02, "poll_seconds": 0.1, "seconds": 2.0}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.mark.parametrize("below", ["/v1/collections/a/webhooks", "/v1/webhooks"])
def test_an_address_is_registered_told_and_removed(start: Start, receiver: Receiver, below: str) -> None:
    client = start(webhooks=OWN_NETWORK)
    upload(client, "a", picture(0))
    wanted = {"url": receiver.url, "types": ["attach"]} | ({} if "collections" in below else {"prefix": "a"})
    answer = client.post(below, json=wanted)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["secret"].startswith("whsec_")
    where = f"{below}/{made['id']}"
    assert "secret" not in client.get(where).json()
    assert client.get(below).json() == {"webhooks": [client.get(where).json()], "next": None}
    assert client.post(f"{where}/ping").json()["status"] == 204
    with client_library(client).delivering():
        upload(client, "a", picture(1), "one.png")
        got = receiver.wait(2)[1]
        cursor = Verifier(made["secret"]).verify(got.body, got.headers)["data"]["cursor"]
        # sent and not yet noted, it would be taken for undone by who asks for it once more
        wait_until(lambda: client.get(f"{where}/deliveries").json()["deliveries"][0]["message"] == got.id)
        client.post(f"{where}/replay", json={"after": cursor - 1}).raise_for_status()
        assert receiver.wait(3)[2].id == got.id
    log = client.get(f"{where}/deliveries", params={"limit": 2}).json()
    assert [one["message"] for one in log["deliveries"]] == [got.id, got.id]
    older = client.get(f"{where}/deliveries", params={"before": log["next"]}).json()
    assert ([one["kind"] for one in older["deliveries"]], older["next"]) == (["ping"], None)
    assert client.post(f"{where}/secret", json={"overlap_hours": 1}).json()["secrets"] == 2
    assert client.patch(where, json={"enabled": False}).json()["enabled"] is False
    assert client.patch(where, json={"enabled": True, "types": []}).json()["problem"] is None
    assert client.delete(where).json() == {"removed": made["id"]}
    assert client.get(where).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": "https://127.0.0.1/x"}, 422),
        ({"url": "http://example.org/x"}, 422),
        ({"url": "https://8.8.8.8/x", "types": ["nonsense"]}, 400),
        ({"url": "https://8.8.8.8/x", "secret": "mine"}, 422),
        ({}, 422),
    ],
)
def test_what_is_not_safe_or_makes_no_sense_is_refused(service: httpx.Client, body: dict, status: int) -> None:
    upload(service, "hooked", picture(0))
    answer = service.post("/v1/collections/hooked/webhooks", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")
    assert service.post("/v1/collections/nobody/webhooks", json=body).status_code in {404, 422}


@pytest.mark.slow
def test_a_service_that_is_killed_while_it_tells_leaves_nothing_untold(tmp_path: Path, receiver: Receiver) -> None:
    environment = os.environ | {
        f"CATEGORISER_WEBHOOKS__{name.upper()}": json.dumps(value) for name, value in OWN_NETWORK.items()
    }
    command = [sys.executable, "-m", "categoriser", "serve", "--encoder", "classic", "--port", "0", "--json"]
    command += ["--library", str(tmp_path / "library")]

    def serve() -> tuple[subprocess.Popen[str], httpx.Client]:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())["listening"]
        return process, httpx.Client(base_url=where, timeout=60, trust_env=False)

    process, client = serve()
    upload(client, "a", picture(0))
    client.post("/v1/collections/a/webhooks", json={"url": receiver.url}).raise_for_status()
    first = client.get("/v1/collections/a/events", params={"limit": 1000}).json()["next"]
    for round_ in range(3):
        many(client, "a", [(f"{i}.png", picture(100 * round_ + i + 1)) for i in range(40)]).raise_for_status()
        receiver.wait(20 * round_ + 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process, client = serve()
    page = client.get("/v1/collections/a/events", params={"after": first, "limit": 1000}).json()
    wanted = [one["cursor"] for one in page["events"]]
    receiver.wait(len(wanted))
    while receiver.cursors[-1] != wanted[-1]:
        receiver.wait(len(receiver.got) + 1)
    process.terminate()
    assert process.wait(60) == 0
    assert list(dict.fromkeys(receiver.cursors)) == wanted  # in order and complete; a few may have come twice
    assert len(receiver.got) < 2 * len(wanted)
