"""The examples do what they say, with real services."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from categoriser import Library
from categoriser.api.serving import address, listen
from examples.upload_service import create_app
from tests.api.conftest import serving
from tests.whole import picture


@contextmanager
def running(url: str) -> Iterator[tuple[httpx.Client, FastAPI]]:
    """The upload service, before a categoriser at ``url``."""
    listener = listen("127.0.0.1", 0)
    app = create_app(url, own_address=address(listener))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with httpx.Client(base_url=address(listener), timeout=60, trust_env=False) as client:
            yield client, app
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def test_an_upload_service_hands_pictures_on_and_is_told_of_changes(tmp_path: Path) -> None:
    settings = {"webhooks": {"allow_private_addresses": True}}
    with (
        Library.open(tmp_path / "library", encoder="classic", **settings) as library,
        serving(library) as categoriser,
        running(str(categoriser.base_url)) as (client, _),
        library.delivering(),
    ):
        for seed in range(3):
            sent = client.post("/users/anna/pictures", files={"picture": (f"{seed}.png", picture(seed))})
            assert sent.status_code == 201
        broken = client.post("/users/anna/pictures", files={"picture": ("x.png", b"nothing")})
        assert (broken.status_code, "detail" in broken.json()) == (422, True)
        photos = library.collection("user-anna")
        album = photos.move([sent.json()["id"]], None, label="Holidays").category
        assert client.get("/users/anna/albums").json()["Holidays"] == 1
        assert client.get("/users/bob/albums").json() == {}
        photos.rename(str(album), "Greece")
        end = time.monotonic() + 60
        while not any(one["type"] == "rename" for one in client.get("/users/anna/changes").json()):
            assert time.monotonic() < end
            time.sleep(0.02)
        forged = client.post("/hooks/anna", json={"type": "rename"}, headers={"webhook-id": "x"})
        assert forged.status_code == 401
        assert library.collection("user-anna").webhooks.list()[0].problem is None
