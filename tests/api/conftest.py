"""A real service on a free port, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.serving import Server, address, listen
from tests.prepared import copy_of, nothing

Start = Callable[..., httpx.Client]


@contextmanager
def serving(library: Library, **options: Any) -> Iterator[httpx.Client]:
    """A client of the service over a library."""
    with serving_app(create_app(library, **options)) as client:
        yield client


@contextmanager
def serving_app(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of a service that was put together already."""
    listener = listen("127.0.0.1", 0)
    server = Server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        # without certificates, which nobody asks for over plain HTTP and which take long to read
        with httpx.Client(base_url=address(listener), timeout=60, trust_env=False, verify=False) as client:
            client.app_library = app.state.library  # type: ignore[attr-defined] # for tests that look behind the scenes
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library"), encoder="classic") as opened:
        yield opened


@pytest.fixture(scope="module")
def service(library: Library) -> Iterator[httpx.Client]:
    """One for all tests of a module; they keep apart by their collections' names."""
    with serving(library) as client:
        yield client


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A service with settings of the test's own."""
    with ExitStack() as stack:

        def start(max_body: int | None = None, **settings: Any) -> httpx.Client:
            if not (folder := tmp_path / "library").exists():
                copy_of(nothing, folder)
            opened = stack.enter_context(Library.open(folder, **({"encoder": "classic"} | settings)))
            client = stack.enter_context(serving(opened, max_body=max_body))
            client.library = opened  # type: ignore[attr-defined]
            return client

        yield start


@pytest.fixture
def pictures_library(tmp_path: Path) -> Iterator[Library]:
    """An empty library that encodes pictures."""
    with Library.open(copy_of(nothing, tmp_path / "library"), encoder="classic") as opened:
        yield opened


def bearer(key: str) -> dict[str, str]:
    """The header that carries a key or token."""
    return {"Authorization": f"Bearer {key}"}


def new_key(client: httpx.Client, *scopes: str, by: str | None = None, **facts: Any) -> str:
    """A key made over HTTP."""
    answer = client.post("/v1/keys", json={"scopes": scopes, **facts}, headers=bearer(by) if by else {})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])
