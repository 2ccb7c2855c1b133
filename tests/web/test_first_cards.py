"""The first cards have their pictures together, and a second visit asks for none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.conftest import Visit, fill

pytestmark = pytest.mark.web
SHOWN = """() => {
  const cards = [...document.querySelectorAll('[data-card]')];
  return cards.length && cards.every((card) => card.querySelector('img')?.naturalWidth);
}"""
SENT = """() => performance.getEntriesByType('resource')
  .filter((one) => one.name.includes('/mosaic'))
  .map((one) => [new URL(one.name).pathname, new URL(one.name).searchParams.get('width'), one.transferSize])"""


@pytest.fixture(scope="module")
def filled(service: httpx.Client, drawn: list[Path]) -> None:
    fill(service, "first", drawn)


def sent(page: Any) -> list[list[Any]]:
    page.wait_for_function(SHOWN)
    return list(page.evaluate(SENT))


@pytest.mark.usefixtures("filled")
def test_the_first_cards_have_their_pictures_in_one_answer_which_is_kept(visit: Visit) -> None:
    page = visit("/c/first", viewport={"width": 1400, "height": 900})
    assert [[path, width] for path, width, _ in sent(page)] == [["/v1/collections/first/mosaics", "336"]]
    again = page.context.new_page()
    again.goto(page.url)
    assert [size for *_, size in sent(again)] == [0]  # from the cache of the browser


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("screen", [{"device_scale_factor": 2}, {"viewport": {"width": 1000, "height": 800}}])
def test_a_fine_screen_or_a_narrow_window_has_finer_pictures(visit: Visit, screen: dict[str, Any]) -> None:
    page = visit("/c/first", **screen)
    assert [width for _, width, _ in sent(page)] == ["512"]


@pytest.mark.usefixtures("filled")
def test_pictures_that_cannot_be_had_together_come_one_by_one(visit: Visit) -> None:
    page = visit("/c/first/settings")
    page.route("**/mosaics?*", lambda route: route.abort())
    page.get_by_role("link", name="Library", exact=True).first.click()
    ones = [path for path, *_ in sent(page) if path.endswith("/mosaic")]
    assert len(ones) == len(set(ones)) == page.locator("[data-card]").count()


@pytest.mark.usefixtures("filled")
def test_what_the_page_asks_first_is_asked_once(visit: Visit) -> None:
    page = visit("/c/first")
    sent(page)
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)")
    for what in ("", "/categories", "/groups", "/suggestions"):
        assert asked.count(f"/v1/collections/first{what}") == 1
