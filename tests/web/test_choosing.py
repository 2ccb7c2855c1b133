"""Choosing a category in the dialog: by its name, also by one that it has only just got."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.web.conftest import Visit, categories, fill
from tests.web.gestures import choose

pytestmark = pytest.mark.web


def test_a_name_that_a_category_got_unseen_means_that_category(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    base = "/v1/collections/chosen"
    fill(service, "chosen", drawn)
    page = visit("/c/chosen")
    cards = page.locator("[data-card]")
    cards.nth(3).wait_for()
    page.route("**/events**", lambda route: route.abort())  # what happens from here on the page is not told
    largest, *_, last = service.get(f"{base}/categories").json()["categories"]
    page.reload()
    cards.first.click()
    page.locator("[data-place]").first.click(modifiers=["Control"])
    page.get_by_text("1 selected").wait_for()
    service.patch(f"{base}/categories/{last['id']}", json={"label": "Harbour"}).raise_for_status()
    before = categories(service, "chosen")
    page.keyboard.press("m")
    choose(page, "Harbour")
    page.get_by_text("1 picture moved to Harbour").wait_for()
    after = categories(service, "chosen")
    assert largest["label"] != "Harbour"
    assert after == before | {largest["label"]: before[largest["label"]] - 1, "Harbour": before["Harbour"] + 1}
