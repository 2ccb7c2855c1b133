"""Somebody's first hour with the page, while somebody else uses it too."""

from __future__ import annotations

import base64
import csv
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.conftest import Visit, categories, fill
from tests.web.scenes import scene

pytestmark = pytest.mark.web

DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const { name, data } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
  }
  for (const kind of ['dragenter', 'dragover', 'drop'])
    document.querySelector('main').dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def drop(page: Any, pictures: list[Path]) -> None:
    """Drop files on the page, as from a folder."""
    page.evaluate(DROP, [{"name": one.name, "data": base64.b64encode(one.read_bytes()).decode()} for one in pictures])


def test_from_thirty_dropped_pictures_to_an_export(
    visit: Visit, service: httpx.Client, drawn: list[Path], tmp_path: Path
) -> None:
    anna, berta = visit("/c/anna"), visit("/c/berta")
    categories_appear(anna, service, drawn)
    berta.get_by_text("Drop pictures anywhere on this page").wait_for()
    assert berta.locator("[data-card]").count() == 0

    anna.locator("[data-card]").first.click()
    target = renamed_and_moved(anna, service)
    merged_and_undone(anna, service, target)
    searched(anna, service, tmp_path / "another.jpg")
    lassoed(anna, service)
    exported(anna)

    drop(berta, drawn[:3])
    berta.get_by_text("3 filed").wait_for()
    assert service.get("/v1/collections/berta").json()["images"] == 3
    assert service.get("/v1/collections/anna").json()["images"] == 30


def choose(page: Any, label: str) -> None:
    """Choose a category, or name a new one, in the dialog."""
    page.get_by_role("combobox", name="Find a category").fill(label)
    page.keyboard.press("Enter")


def categories_appear(page: Any, service: httpx.Client, drawn: list[Path]) -> None:
    """Drop thirty pictures."""
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    drop(page, drawn)
    page.get_by_text("30 filed").wait_for()
    page.wait_for_function("document.querySelectorAll('[data-card]').length >= 4")
    assert service.get("/v1/collections/anna").json()["images"] == 30
    page.get_by_role("button", name="Done").click()


def renamed_and_moved(page: Any, service: httpx.Client) -> str:
    """Rename in place, move two pictures to another category; returns which."""
    tiles = page.locator("[data-place]")
    tiles.first.wait_for()
    page.keyboard.press("r")
    page.keyboard.type("My favourites")
    page.keyboard.press("Enter")
    page.get_by_text("Renamed to My favourites").wait_for()
    before = categories(service, "anna")
    target = next(label for label in before if label != "My favourites")
    tiles.nth(0).click(modifiers=["Control"])
    tiles.nth(1).click()
    page.get_by_text("2 selected").wait_for()
    page.keyboard.press("m")
    choose(page, target)
    page.get_by_text(f"2 pictures moved to {target}").wait_for()
    after = categories(service, "anna")
    assert after["My favourites"] == before["My favourites"] - 2
    assert after[target] == before[target] + 2
    return target


def merged_and_undone(page: Any, service: httpx.Client, target: str) -> None:
    """Merge it into the other, and take that back."""
    before = categories(service, "anna")
    page.get_by_role("button", name="Merge…").click()
    choose(page, target)
    told = page.get_by_text(f"Merged into {target}")
    told.wait_for()
    assert "My favourites" not in categories(service, "anna")
    told.locator("..").get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()
    assert categories(service, "anna") == before


def searched(page: Any, service: httpx.Client, picture: Path) -> None:
    """By words, which this encoder says it cannot read, and by a picture."""
    page.keyboard.press("/")
    page.keyboard.type("a red wall")
    page.keyboard.press("Enter")
    page.get_by_text("does not read text").wait_for()
    picture.write_bytes(scene("bricks", 77))
    page.locator("main input[type=file]").first.set_input_files(picture)
    page.get_by_text("Like this picture").wait_for()
    best = page.locator("[data-place]").first
    best.wait_for()
    found = service.post("/v1/collections/anna/search", files={"file": ("x.jpg", picture.read_bytes())}).json()
    assert best.get_attribute("data-id") == found["results"][0]["image_id"]


def lassoed(page: Any, service: httpx.Client) -> None:
    """Draw around the lower part of the map, and make a category of what is there."""
    page.get_by_role("link", name="Map").first.click()
    page.locator(".map[data-ready]").wait_for()
    page.get_by_role("button", name="Draw around pictures").click()
    stage = page.get_by_role("application").bounding_box()
    left, right = stage["x"] + 8, stage["x"] + stage["width"] - 8
    top, bottom = stage["y"] + 0.55 * stage["height"], stage["y"] + stage["height"] - 8
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.get_by_text("selected").wait_for()
    page.keyboard.press("m")
    choose(page, "From the map")
    page.get_by_text("moved to From the map").wait_for()
    assert categories(service, "anna")["From the map"] > 0


def exported(page: Any) -> None:
    """All of it as a table."""
    page.get_by_role("link", name="Settings").first.click()
    with page.expect_download() as expected:
        page.get_by_role("link", name="Table (CSV)").click()
    with Path(expected.value.path()).open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 30
    assert "From the map" in {row["label"] for row in rows}


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
