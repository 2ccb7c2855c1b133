"""Where keys are needed the page asks for one, and then shows what that key may see and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import bearer, new_key, serving
from tests.web.conftest import Visit

pytestmark = pytest.mark.web


@pytest.fixture
def service(tmp_path: Path) -> Iterator[httpx.Client]:
    """A service that nobody else's test opens to everybody or closes to them."""
    with Library.open(tmp_path / "library", encoder="classic") as library, serving(library) as client:
        yield client


def test_a_key_opens_its_own_collection_only(visit: Visit, service: httpx.Client, drawn: list[Path]) -> None:
    admin = new_key(service, "admin")
    for name in ("anna", "berta"):
        files = [("files", (one.name, one.read_bytes(), "image/jpeg")) for one in drawn]
        service.post(f"/v1/collections/{name}/images", files=files, headers=bearer(admin)).raise_for_status()
    key = new_key(service, "write:anna", by=admin)

    page = visit("/c/anna")
    field = page.get_by_label("Key or token")
    field.fill("not a key")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This key does not count").wait_for()
    field.fill(key)
    page.keyboard.press("Enter")
    page.get_by_text("30 pictures in").wait_for()
    page.locator("[data-card] img").first.wait_for()
    assert page.evaluate("document.cookie") == ""  # no script can read the session
    assert page.evaluate("JSON.stringify({ ...localStorage })").find(key) == -1

    page.goto(f"{service.base_url}/c/berta")
    page.get_by_role("heading").first.wait_for()
    page.wait_for_timeout(500)
    assert page.locator("[data-card]").count() == 0
    assert page.get_by_text("30 pictures in").count() == 0

    page.goto(f"{service.base_url}/c/anna/settings")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key or token").wait_for()
