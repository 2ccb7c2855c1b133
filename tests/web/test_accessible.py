"""Everybody can use every page: axe-core finds nothing serious, light and dark, on a laptop and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.conftest import Visit, fill

pytestmark = pytest.mark.web

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
]


@pytest.fixture(scope="module")
def places(service: httpx.Client, drawn: list[Path]) -> dict[str, str]:
    """An address of every page."""
    fill(service, "axe", drawn)
    category = service.get("/v1/collections/axe/categories").json()["categories"][0]["id"]
    image = service.get("/v1/collections/axe/images", params={"limit": 1}).json()["images"][0]["id"]
    return {
        "start": "/",
        "library": "/c/axe",
        "category": f"/c/axe/category/{category}",
        "deleting": f"/c/axe/category/{category}",
        "unsorted": "/c/axe/category/unsorted",
        "picture": f"/c/axe/picture/{image}",
        "search": f"/c/axe/search?like={image}",
        "map": "/c/axe/map",
        "runs": "/c/axe/runs",
        "suggestions": "/c/axe/suggestions",
        "views": "/c/axe/views",
        "settings": "/c/axe/settings",
        "names": "/c/axe/settings/names",
        "webhooks": "/c/axe/settings/webhooks",
        "keys": "/c/axe/settings/keys",
    }


def violations(page: Any, name: str) -> list[str]:
    """What axe-core finds on a page as it is, as far as it is serious."""
    page.add_script_tag(path=str(AXE))
    answer = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{name}: {one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:160]}"
        for one in answer["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_no_page_has_a_serious_violation(
    visit: Visit, service: httpx.Client, places: dict[str, str], look: dict[str, Any]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make web)")
    page = visit("/", **look, bypass_csp=True, reduced_motion="reduce")
    found = []
    for name, path in places.items():
        page.goto(str(service.base_url) + path)
        page.locator("h1").first.wait_for()
        if name == "deleting":
            page.locator("[data-place]").first.click(modifiers=["Control"])
            page.keyboard.press("Delete")
        page.wait_for_timeout(700)  # the stream of events never ends, so the network is never idle
        found += violations(page, name)
    assert found == []
