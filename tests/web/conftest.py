"""A real browser on the real page of a real service."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from categoriser import Library
from categoriser.api.page import page_folder
from tests.api.conftest import serving
from tests.web.scenes import scenes

sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
]
KINDS = ["hills", "sunset", "citrus", "tiles", "bricks"]
Visit = Callable[..., Any]


def chromium() -> str | None:
    """Path of the system's Chromium."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all; each test has contexts of its own."""
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt install chromium)")
    if not (page_folder() / "index.html").is_file():
        pytest.skip("the page is not built (make web)")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service of the module's own."""
    with (
        Library.open(tmp_path_factory.mktemp("library"), encoder="classic") as library,
        serving(library) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Thirty pictures of five kinds."""
    return scenes(tmp_path_factory.mktemp("scenes"), 6, KINDS)


@pytest.fixture
def visit(browser: Any, service: httpx.Client) -> Iterator[Visit]:
    """Open the page as somebody else each time; nothing may go wrong in it, and it may ask no other machine."""
    home, contexts, wrong = str(service.base_url), [], []

    def check(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and parts.netloc != urlsplit(home).netloc:
            wrong.append(f"asked {request.url}")

    def said(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    def visit(path: str, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 860}} | options))
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("request", check)
        page.on("console", said)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(home + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


def fill(service: httpx.Client, collection: str, pictures: list[Path]) -> None:
    """Upload pictures, and run the job."""
    files = [("files", (one.name, one.read_bytes(), "image/jpeg")) for one in pictures]
    service.post(f"/v1/collections/{collection}/images", files=files).raise_for_status()
    service.post(f"/v1/collections/{collection}/runs").raise_for_status()


def categories(service: httpx.Client, collection: str) -> dict[str, int]:
    """Size of each category by its label, as the interface says."""
    found = service.get(f"/v1/collections/{collection}/categories").json()["categories"]
    return {one["label"]: one["size"] for one in found}
