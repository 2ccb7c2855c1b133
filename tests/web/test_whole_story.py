"""From thirty dropped pictures to a zip of folders, by one of two people who use the service at the same time."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from categoriser import Library
from categoriser.encoders.classic import ClassicEncoder
from tests.api.conftest import bearer, new_key, serving
from tests.waiting import wait_until
from tests.web.conftest import Visit
from tests.web.gestures import choose, drop
from tests.web.scenes import scene

pytestmark = pytest.mark.web

WORDS = {"a wall of red bricks": "bricks", "a sunset": "sunset", "blue tiles": "tiles"}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """With keys, and an encoder for which some words lie where drawings of what they say do."""

    def encode_texts(self: ClassicEncoder, texts: Sequence[str]) -> np.ndarray:
        noise = [np.random.default_rng([*text.encode()]).integers(0, 255, (64, 64, 3), np.uint8) for text in texts]
        drawn = [scene(WORDS[text], 500) if text in WORDS else None for text in texts]
        return self.encode_images(
            [
                Image.open(io.BytesIO(data)) if data else Image.fromarray(other)
                for data, other in zip(drawn, noise, strict=True)
            ]
        )

    monkeypatch.setattr(ClassicEncoder, "encode_texts", encode_texts)
    monkeypatch.setattr(ClassicEncoder, "reads_text", True, raising=False)
    with Library.open(tmp_path / "library", encoder="classic") as library, serving(library) as client:
        client.headers.update(bearer(new_key(client, "admin")))
        yield client


def test_two_people_organise_their_pictures_and_never_see_each_other_s(
    visit: Visit, service: httpx.Client, drawn: list[Path], tmp_path: Path
) -> None:
    anna, berta = signed_in(visit, service, "anna"), signed_in(visit, service, "berta")
    asked: list[str] = []  # by the browser of berta
    berta.on("request", lambda request: asked.append(request.url))

    categories_appear(anna, service, drawn)
    labelled = renamed_and_moved(anna, service)
    merged_and_undone(anna, service, labelled)
    searched(anna, service, tmp_path / "another.jpg")
    lassoed(anna, service)
    exported(anna, service, drawn, tmp_path)

    assert berta.locator("[data-card]").count() == 0
    drop(berta, drawn[:3])
    berta.get_by_text("3 filed").wait_for()
    apart(anna, berta, service, asked)


def signed_in(visit: Visit, service: httpx.Client, name: str) -> Any:
    """A browser of its own, with a key for one collection."""
    page = visit(f"/c/{name}", accept_downloads=True)
    page.get_by_label("Key or token").fill(new_key(service, f"write:{name}", by=service.headers["authorization"][7:]))
    page.keyboard.press("Enter")
    page.get_by_text("Drop pictures anywhere on this page").wait_for()
    return page


def sizes(service: httpx.Client) -> dict[str, int]:
    """Pictures in each of anna's categories, by label."""
    listed = service.get("/v1/collections/anna/categories").json()["categories"]
    return {one["label"]: one["size"] for one in listed}


def categories_appear(page: Any, service: httpx.Client, drawn: list[Path]) -> None:
    """Drop thirty pictures: cards come, and get names by themselves."""
    drop(page, drawn)
    page.get_by_text("30 filed").wait_for()
    page.locator("[data-card]").nth(3).wait_for()
    assert service.get("/v1/collections/anna").json()["images"] == 30
    listed = "/v1/collections/anna/categories"
    wait_until(lambda: all(one["named_by"] for one in service.get(listed).json()["categories"]))
    page.get_by_role("button", name="Done").click()


def renamed_and_moved(page: Any, service: httpx.Client) -> str:
    """Rename in place, move two pictures to another category; returns which."""
    page.locator("[data-card]").first.click()
    tiles = page.locator("[data-place]")
    tiles.first.wait_for()
    page.keyboard.press("r")
    page.keyboard.type("My favourites")
    page.keyboard.press("Enter")
    page.get_by_text("Renamed to My favourites").wait_for()
    before = sizes(service)
    target = next(label for label in before if label != "My favourites")
    tiles.nth(0).click(modifiers=["Control"])
    tiles.nth(1).click()
    page.get_by_text("2 selected").wait_for()
    page.keyboard.press("m")
    choose(page, target)
    page.get_by_text(f"2 pictures moved to {target}").wait_for()
    after = sizes(service)
    assert after["My favourites"] == before["My favourites"] - 2
    assert after[target] == before[target] + 2
    return target


def merged_and_undone(page: Any, service: httpx.Client, target: str) -> None:
    """Merge it into the other, and take that back."""
    before = sizes(service)
    page.get_by_role("button", name="Merge…").click()
    choose(page, target)
    told = page.get_by_text(f"Merged into {target}")
    told.wait_for()
    assert sizes(service) == {label: size for label, size in before.items() if label != "My favourites"} | {
        target: before[target] + before["My favourites"]
    }
    told.locator("..").get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()
    assert sizes(service) == before


def searched(page: Any, service: httpx.Client, picture: Path) -> None:
    """By words, and by a picture: what is best is a drawing of that kind."""
    name_of = {one["id"]: one["name"] for one in service.get("/v1/collections/anna/images").json()["images"]}
    page.keyboard.press("/")
    page.keyboard.type("a wall of red bricks")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="“a wall of red bricks”").wait_for()
    best = page.locator("[data-place]").first
    best.wait_for()
    assert name_of[best.get_attribute("data-id")].startswith("bricks")

    picture.write_bytes(scene("sunset", 77))
    page.locator("main input[type=file]").first.set_input_files(picture)
    page.get_by_text("Like this picture").wait_for()
    page.locator("[data-ready]").wait_for()
    best.wait_for()
    assert name_of[best.get_attribute("data-id")].startswith("sunset")


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
    told = page.get_by_text("selected")
    told.wait_for()
    inside = int(told.inner_text().split()[0])
    page.keyboard.press("m")
    choose(page, "From the map")
    page.get_by_text("moved to From the map").wait_for()
    assert sizes(service)["From the map"] == inside > 0


def exported(page: Any, service: httpx.Client, drawn: list[Path], folder: Path) -> None:
    """All of it as folders: every picture once, as it came, in the folder of its category."""
    page.get_by_role("link", name="Settings").first.click()
    with page.expect_download() as expected:
        page.get_by_role("link", name="Folders (zip)").click()
    expected.value.save_as(folder / "anna.zip")
    with zipfile.ZipFile(folder / "anna.zip") as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist() if name.endswith(".jpg")}
        rows = list(csv.DictReader(io.StringIO(archive.read("images.csv").decode())))
    assert sorted(files.values()) == sorted(one.read_bytes() for one in drawn)
    found = Counter(name.partition("/")[0] for name in files)
    unsorted = found.pop("Unsorted", 0)
    assert found == sizes(service)  # no label here needs another folder name
    assert unsorted == service.get("/v1/collections/anna/categories").json()["unsorted"]
    assert Counter(row["label"] for row in rows if row["label"]) == found
    assert {"My favourites", "From the map"} & set(found)


def apart(anna: Any, berta: Any, service: httpx.Client, asked: Sequence[str]) -> None:
    """Neither page shows, asks for, or can get anything of the other's."""
    assert service.get("/v1/collections/berta").json()["images"] == 3
    assert service.get("/v1/collections/anna").json()["images"] == 30
    assert [url for url in asked if "/anna" in url] == []
    for page, other in ((anna, "berta"), (berta, "anna")):
        image = service.get(f"/v1/collections/{other}/images").json()["images"][-1]["id"]
        for path in ("", "/images", f"/images/{image}/thumbnail", "/export?style=zip", "/events", "/map"):
            url = f"/v1/collections/{other}{path}"
            assert page.evaluate("async (url) => (await fetch(url)).status", url) in {403, 404}, url
        page.goto(f"{service.base_url}/c/{other}")
        page.get_by_role("heading").first.wait_for()
        assert page.locator("[data-card], main img").count() == 0
