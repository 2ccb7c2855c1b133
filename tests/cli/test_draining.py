"""A service that is told to stop under load answers what it has begun, refuses the rest, and loses nothing."""

from __future__ import annotations

import itertools
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from categoriser import Library
from tests.library.test_kill import settled
from tests.services import service
from tests.whole import check, left_over, picture

CLIENTS = 12


class _Load:
    """Uploads from several clients at once until the service is gone."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._seeds = itertools.count()
        self.answered: dict[str, int] = {}  # image id → status
        self.refused: list[httpx.Response] = []
        self.enough = threading.Event()

    def client(self, _: int) -> None:
        with httpx.Client(base_url=self._address, timeout=60, trust_env=False) as client:
            while True:
                data = picture(next(self._seeds))
                try:
                    answer = client.post("/v1/collections/load/images", files={"file": ("a.png", data)})
                except httpx.TransportError:  # it listens no more
                    return
                if not answer.is_success:
                    self.refused.append(answer)
                    return
                assert answer.json()["image_id"] == sha256(data).hexdigest()[:32]
                self.answered[answer.json()["image_id"]] = answer.status_code
                if len(self.answered) >= 40:
                    self.enough.set()


@pytest.mark.parametrize("seconds", ["30", "0"])
def test_nothing_is_lost_or_doubled_when_a_service_stops_under_load(
    tmp_path: Path, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATEGORISER_OPERATIONS__STOP_SECONDS", seconds)
    with (
        (tmp_path / "log").open("wb") as log,
        service(tmp_path / "library", log) as (running, address),
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        load = _Load(address)
        clients = [pool.submit(load.client, number) for number in range(CLIENTS)]
        assert load.enough.wait(120)
        running.send_signal(signal.SIGTERM)
        for client in clients:
            client.result(120)
        assert running.wait(120) == 0
    text = (tmp_path / "log").read_text()
    assert "Traceback" not in text, text
    assert all(one.status_code == 503 for one in load.refused)
    assert all(one.headers["retry-after"] == "5" for one in load.refused)
    assert all(one.json()["error"]["code"] == "stopping" for one in load.refused)
    with Library.open(tmp_path / "library") as library:
        if seconds == "30":  # everything that was accepted was finished before the end
            assert left_over(library)["inbox"] == 0
        settled(library)
        present = check(library.collection("load"), tmp_path)
        assert set(load.answered) <= set(present)
        assert len(present) <= len(load.answered) + len(load.refused) + CLIENTS
        assert left_over(library) == {"inbox": 0, "outbox": 0}


def test_a_service_says_that_it_leaves_before_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATEGORISER_OPERATIONS__NOTICE_SECONDS", "60")
    with (tmp_path / "log").open("wb") as log, service(tmp_path / "library", log) as (running, address):
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            assert client.get("/readyz").status_code == 200
            running.send_signal(signal.SIGTERM)
            while client.get("/readyz").status_code == 200:
                pass
            uploaded = client.post("/v1/collections/late/images", files={"file": ("a.png", picture(1))})
            assert uploaded.status_code == 201
            assert uploaded.headers["connection"] == "close"
        running.send_signal(signal.SIGTERM)  # impatient
        assert running.wait(60) == 0
