"""Single things that people do with the page."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.web.conftest import Visit, categories, fill
from tests.web.scenes import scene

pytestmark = pytest.mark.web


def test_what_is_uploaded_elsewhere_appears_by_itself(visit: Visit, service: httpx.Client, drawn: list[Path]) -> None:
    fill(service, "clara", drawn)
    page = visit("/c/clara")
    page.get_by_text("30 pictures in").wait_for()
    answer = service.post("/v1/collections/clara/images", files={"file": ("new.jpg", scene("bricks", 99))}).json()
    page.get_by_text("31 pictures in").wait_for()
    assert answer["category"] is not None
    page.locator(f'[data-card="{answer["category"]}"].glow').wait_for()
    page.locator(f'[data-card="{answer["category"]}"]').get_by_text("1 new").wait_for()


def test_everything_can_be_done_by_keyboard(visit: Visit, service: httpx.Client, drawn: list[Path]) -> None:
    fill(service, "dora", drawn)
    before = service.get("/v1/collections/dora/categories").json()["categories"]
    page = visit("/c/dora")
    page.locator("[data-card]").first.wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keyboard").wait_for(state="detached")

    page.locator("[data-card]").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.locator("[data-place]").first.wait_for()
    page.keyboard.press("ArrowDown")  # to the pictures
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_text("2 selected").wait_for()
    page.keyboard.press("m")
    page.keyboard.type("By hand alone")
    page.keyboard.press("Enter")
    page.get_by_text("2 pictures moved to By hand alone").wait_for()
    assert categories(service, "dora")["By hand alone"] == 2
    page.keyboard.press("z")
    page.get_by_text("Taken back").wait_for()
    assert [one["size"] for one in service.get("/v1/collections/dora/categories").json()["categories"]] == [
        one["size"] for one in before
    ]
    page.keyboard.press("l")
    page.get_by_text("is locked").wait_for()
    page.keyboard.press("Escape")
    page.locator("[data-card]").first.wait_for()
    page.keyboard.press("z")
    page.get_by_text("Taken back: lock").wait_for()
    page.keyboard.press("z")  # goes further back, and does not take back the undo
    page.get_by_text("Taken back: run").wait_for()


def test_a_split_shows_its_halves_first_and_why_is_answered(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    fill(service, "emma", drawn)
    first = service.get("/v1/collections/emma/categories").json()["categories"][0]
    page = visit(f"/c/emma/category/{first['id']}")
    page.get_by_role("button", name="Details").click()
    page.get_by_text("Why this name?").wait_for()
    page.get_by_role("button", name="Split…").click()
    page.get_by_text("A category of its own").wait_for()
    page.get_by_label("Name of the new category").fill("The other half")
    page.get_by_role("button", name="Split", exact=True).click()
    page.get_by_text("A new category of").wait_for()
    halves = categories(service, "emma")
    assert halves["The other half"] + halves[first["label"]] == first["size"]

    page.locator("[data-place]").first.click()
    page.get_by_text("Why it is here").wait_for()
    page.get_by_role("heading", name="Most like it").wait_for()


def test_an_error_is_told_in_a_sentence(visit: Visit, service: httpx.Client, tmp_path: Path) -> None:
    page = visit("/c/frida")
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    page.locator("main input[type=file]").set_input_files(broken)
    page.get_by_text("1 refused").wait_for()
    page.locator(".panel .problem").wait_for()
    assert page.locator(".panel .problem").inner_text().endswith(".")
