"""``python -m tests.web.screenshots [FOLDER]``: every page in light, dark and phone width, of drawn pictures only.

With ``--readme`` the few that the documentation shows, small, into docs/screenshots.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

from categoriser import Library
from tests.api.conftest import serving
from tests.web.conftest import FLAGS, chromium
from tests.web.scenes import scenes

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True},
}
README = {"library": "light", "category": "dark", "map": "light", "runs": "dark"}
NAMES = {
    "hills": "Green hills",
    "sunset": "Sunsets by the sea",
    "night": "Night skies",
    "citrus": "Citrus fruit",
    "leaves": "Leaves",
    "tiles": "Blue tiles",
    "planet": "Planets",
    "balloons": "Balloons",
    "zebra": "Stripes",
    "bricks": "Brick walls",
}


def fill(library: Library, folder: Path) -> None:
    """A collection as it is after some use: names, a lock, corrections, and something new that no run has seen."""
    photos = library.collection("holidays")
    files = scenes(folder, 24)
    photos.add(files)
    photos.run()
    names = {image.id: str(image.name) for image in photos.images(limit=1000)}
    kind_of = {name: path.rpartition("/")[2].partition("-")[0] for name, path in names.items()}
    places: dict[str, Counter[str]] = {}
    for image, category in photos.assignments().items():
        if category is not None:
            places.setdefault(category, Counter())[kind_of[image]] += 1
    named: set[str] = set()
    for category, kinds in sorted(places.items(), key=lambda item: -item[1].total()):
        kind, count = kinds.most_common(1)[0]
        if kind not in named and count > 0.6 * kinds.total():
            photos.rename(category, NAMES[kind])
            named.add(kind)
    first = photos.categories()[0]
    photos.lock(first.id)
    photos.add(scenes(folder / "later", 3, ["balloons", "leaves", "night", "zebra"], start=900))


def shoot(target: Path, looks: dict[str, dict[str, Any]], wanted: dict[str, str] | None) -> None:
    """Fill a library, serve it, and take the pictures."""
    program = chromium()
    if program is None:
        raise SystemExit("There is no Chromium on this machine.")
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(Path(folder) / "library", encoder="classic", automatic_runs=False) as library,
        serving(library) as service,
        sync_playwright() as playwright,
    ):
        fill(library, Path(folder) / "scenes")
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        for look, options in looks.items():
            page = browser.new_context(**options).new_page()
            for name, path in addresses(service).items():
                if wanted is not None and wanted.get(name) != look:
                    continue
                page.goto(str(service.base_url) + path)
                page.locator("h1").first.wait_for()
                act(page, name)
                page.wait_for_timeout(1500)
                keep(page.screenshot(), target / f"{name}-{look}", small=wanted is not None)
        browser.close()


def addresses(service: httpx.Client) -> dict[str, str]:
    """Where each page is."""
    base = "/v1/collections/holidays"
    listed = service.get(f"{base}/categories").json()["categories"]
    category = next((one for one in listed if one["label"] in NAMES.values() and not one["locked"]), listed[0])["id"]
    image = service.get(f"{base}/images", params={"category": category, "limit": 3}).json()["images"][-1]["id"]
    return {
        "start": "/",
        "library": "/c/holidays",
        "category": f"/c/holidays/category/{category}",
        "details": f"/c/holidays/category/{category}",
        "unsorted": "/c/holidays/category/unsorted",
        "picture": f"/c/holidays/picture/{image}",
        "search": f"/c/holidays/search?like={image}",
        "map": "/c/holidays/map",
        "space": "/c/holidays/map",
        "runs": "/c/holidays/runs",
        "suggestions": "/c/holidays/suggestions",
        "views": "/c/holidays/views",
        "settings": "/c/holidays/settings",
        "settings-names": "/c/holidays/settings/names",
        "settings-webhooks": "/c/holidays/settings/webhooks",
        "settings-keys": "/c/holidays/settings/keys",
        "empty": "/c/nobody",
        "keys": "/c/holidays",
        "move": f"/c/holidays/category/{category}",
        "delete": f"/c/holidays/category/{category}",
    }


def act(page: Any, name: str) -> None:
    """What somebody does before the picture is taken."""
    if name in {"category", "move", "delete"}:
        for place in (1, 2, 5):
            page.locator("[data-place]").nth(place).click(modifiers=["Control"])
    if name == "move":
        page.keyboard.press("m")
    if name == "delete":
        page.keyboard.press("Delete")
    if name == "keys":
        page.keyboard.press("?")
    if name == "details":
        page.get_by_role("button", name="Details").click()
    if name in {"map", "space"}:
        page.locator(".map[data-ready]").wait_for()
    if name == "space":
        page.get_by_role("button", name="Space").click()


def keep(data: bytes, target: Path, *, small: bool) -> None:
    """As PNG, or as a WebP of less than 150 kB."""
    if not small:
        target.with_suffix(".png").write_bytes(data)
        return
    with Image.open(BytesIO(data)) as picture:
        shrunk = picture.convert("RGB").resize(
            (1200, round(1200 * picture.height / picture.width)), Image.Resampling.LANCZOS
        )
    for quality in (88, 80, 70, 60, 50):
        shrunk.save(target.with_suffix(".webp"), "WEBP", quality=quality, method=6)
        if target.with_suffix(".webp").stat().st_size < 150_000:
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--readme", action="store_true")
    given = parser.parse_args()
    if given.readme:
        shoot(Path("docs/screenshots"), LOOKS, README)
    else:
        shoot(given.folder, LOOKS, None)
