"""Pictures come in by drag and by paste, and go from one category to another by drag, as in any other program."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from categoriser import Library
from tests.api.conftest import serving
from tests.waiting import wait_until
from tests.web.conftest import Visit, categories, fill
from tests.web.gestures import NativeDrag, copy, drop
from tests.web.scenes import scene, scenes

pytestmark = pytest.mark.web


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """It may fetch from this machine."""
    folder = tmp_path_factory.mktemp("library")
    with (
        Library.open(folder, encoder="classic", automatic_runs=False, allow_private_addresses=True) as library,
        serving(library) as client,
    ):
        yield client


def test_files_from_outside_are_announced_and_filed_where_they_are_dropped(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    page = visit("/c/files")
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    dragged = NativeDrag(page, drawn[:3])
    dragged.over(600, 400)
    page.get_by_text("Drop to file them").wait_for()
    dragged.leave()
    page.get_by_text("Drop to file them").wait_for(state="detached")
    dragged.over(600, 400)
    dragged.drop(600, 400)
    page.get_by_text("Drop to file them").wait_for(state="detached")
    page.get_by_text("3 filed").wait_for()
    assert names(service, "files") == {one.name for one in drawn[:3]}


def test_a_picture_that_is_dropped_on_the_search_is_looked_for_and_not_filed(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    fill(service, "looked", drawn[:10])
    page = visit("/c/looked")
    place = page.get_by_role("searchbox", name="Search").bounding_box()
    dragged = NativeDrag(page, drawn[10:11])
    dragged.over(place["x"] + 60, place["y"] + 10)
    dragged.drop(place["x"] + 60, place["y"] + 10)
    page.get_by_text("Like this picture").wait_for()
    page.locator("[data-place]").first.wait_for()
    assert service.get("/v1/collections/looked").json()["images"] == 10


def test_of_a_folder_every_picture_is_filed_however_deep_it_lies(
    visit: Visit, service: httpx.Client, tmp_path: Path
) -> None:
    album = tmp_path / "album"
    made = [*scenes(album, 2, ["hills"]), *scenes(album / "one" / "two", 2, ["tiles"])]
    (album / "notes.txt").write_text("no picture")
    page = visit("/c/folders")
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    dragged = NativeDrag(page, [album])
    dragged.over(600, 400)
    dragged.drop(600, 400)
    page.get_by_text("4 filed").wait_for()
    assert names(service, "folders") == {one.name for one in made}


def test_a_page_s_own_files_can_be_dropped_too(visit: Visit, service: httpx.Client, drawn: list[Path]) -> None:
    page = visit("/c/scripted")
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    drop(page, drawn[:2])
    page.get_by_text("2 filed").wait_for()
    assert names(service, "scripted") == {one.name for one in drawn[:2]}


def test_a_picture_and_an_address_can_be_pasted(visit: Visit, service: httpx.Client, drawn: list[Path]) -> None:
    fill(service, "source", drawn[:1])
    image = service.get("/v1/collections/source/images").json()["images"][0]
    page = visit("/c/pasted")
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    written = io.BytesIO()
    Image.open(io.BytesIO(scene("citrus", 5))).save(written, "PNG")
    copy(page, picture=written.getvalue())
    page.keyboard.press("Control+v")
    page.get_by_text("1 filed").wait_for()
    page.get_by_role("button", name="Done").click()

    copy(page, text=f"{service.base_url}/v1/collections/source/images/{image['id']}/original")
    page.keyboard.press("Control+v")
    page.get_by_text("1 filed").wait_for()
    assert service.get("/v1/collections/pasted").json()["images"] == 2

    copy(page, text="no address at all")
    page.keyboard.press("/")
    page.keyboard.press("Control+v")  # into a field it is a text like any other
    assert page.get_by_role("searchbox", name="Search").input_value() == "no address at all"


def test_selected_pictures_are_dragged_onto_a_category_of_the_side_bar(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    fill(service, "moved", drawn)
    listed = service.get("/v1/collections/moved/categories").json()["categories"]
    source, target = listed[0], listed[1]
    before = categories(service, "moved")
    page = visit(f"/c/moved/category/{source['id']}")
    tiles = page.locator("[data-place]")
    tiles.nth(2).wait_for()
    chosen = {tiles.nth(n).get_attribute("data-id") for n in (0, 1)}
    for n in (0, 1):
        tiles.nth(n).click(modifiers=["Control"])
    page.get_by_text("2 selected").wait_for()
    place = page.get_by_role("list", name="Categories").get_by_role("link", name=target["label"])
    tiles.nth(1).drag_to(place)
    page.get_by_text(f"2 pictures moved to {target['label']}").wait_for()
    after = categories(service, "moved")
    assert after == before | {
        source["label"]: before[source["label"]] - 2,
        target["label"]: before[target["label"]] + 2,
    }
    for image in chosen:
        assert service.get(f"/v1/collections/moved/images/{image}").json()["category"] == target["id"]
    wait_until(lambda: tiles.count() == source["size"] - 2)
    assert page.get_by_text("2 selected").count() == 0

    told = page.get_by_text(f"2 pictures moved to {target['label']}").locator("..")
    told.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()
    assert categories(service, "moved") == before
    wait_until(lambda: tiles.count() == source["size"])

    # one that is not selected goes alone; dropped where it is, or beside everything, it stays
    tiles.nth(0).drag_to(page.get_by_role("list", name="Categories").get_by_role("link", name=source["label"]))
    tiles.nth(0).drag_to(page.get_by_role("heading", level=1))
    tiles.nth(0).drag_to(place)
    page.get_by_text(f"1 picture moved to {target['label']}").wait_for()
    assert categories(service, "moved")[target["label"]] == before[target["label"]] + 1

    # onto Unsorted says that it is not what its category is
    others = service.get("/v1/collections/moved/images", params={"category": listed[2]["id"]}).json()["images"]
    strange = {"image_ids": [others[0]["id"]]}
    service.post("/v1/collections/moved/rejections", json=strange).raise_for_status()
    unsorted = service.get("/v1/collections/moved/categories").json()["unsorted"]
    gone = tiles.nth(0).get_attribute("data-id")
    tiles.nth(0).drag_to(page.get_by_role("complementary").get_by_role("link", name="Unsorted"))
    page.get_by_text("1 picture taken out, never to come back").wait_for()
    assert service.get("/v1/collections/moved/categories").json()["unsorted"] == unsorted + 1
    assert source["id"] in service.get(f"/v1/collections/moved/images/{gone}/why").json()["rejected"]


def names(service: httpx.Client, collection: str) -> set[Any]:
    """Of all its images."""
    return {one["name"] for one in service.get(f"/v1/collections/{collection}/images").json()["images"]}
