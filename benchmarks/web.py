"""``python -m benchmarks.web [IMAGES]``: how fast the page is in headless Chromium, drawn by the processor.

A library of ready vectors in 300 categories, one of them with a tenth of all images; each image gets one of 300 drawn
thumbnails, so that what is fetched and decoded is what a person would see. Needs the built page and Chromium.
"""

from __future__ import annotations

import gzip
import re
import sys
import tempfile
import time
from io import BytesIO
from typing import Any

import numpy as np
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import sync_playwright

from categoriser import Library
from categoriser.api.page import page_folder
from categoriser.catalog.tables import images
from tests.api.conftest import serving
from tests.web.conftest import FLAGS, chromium
from tests.web.scenes import KINDS, scene

CATEGORIES, DIMENSION = 300, 64
SECONDS = 4.0

FRAMES = """async ([what, seconds]) => {
  const main = document.querySelector('main'), stage = document.querySelector('.stage');
  const box = stage?.getBoundingClientRect();
  const send = (kind, x) => stage.dispatchEvent(new PointerEvent(kind, { pointerId: 1, clientX: box.left + x,
    clientY: box.top + 300, buttons: 1, bubbles: true }));
  if (stage) { stage.setPointerCapture = () => {}; send('pointerdown', 300); }
  const times = [], start = performance.now();
  for (let now = start; now - start < 1000 * seconds; ) {
    if (what === 'scroll') main.scrollTop += 60;
    else send('pointermove', 300 + 100 * Math.sin((now - start) / 300));
    const then = await new Promise(requestAnimationFrame);
    times.push(then - now); now = then;
  }
  if (stage) send('pointerup', 300);
  times.shift(); times.sort((a, b) => a - b);
  return { frames: times.length / seconds, slowest: times[Math.floor(0.95 * times.length)] };
}"""
CARDS = """() => {
  const cards = [...document.querySelectorAll('[data-card] img')].slice(0, 60);
  return cards.length >= 60 && cards.every((one) => one.complete && one.naturalWidth) ? performance.now() : 0;
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
MOVED = """() => new Promise((done) => {
  const tile = document.querySelector('[data-place]'), id = tile.dataset.id, start = performance.now();
  const there = () => document.querySelector(`[data-id="${id}"]`);
  const look = () => there() ? requestAnimationFrame(look) : done(performance.now() - start);
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  look();
})"""


def filled(library: Library, number: int) -> None:
    """Vectors around 300 directions, and thumbnails."""
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((CATEGORIES, DIMENSION))
    of = rng.integers(0, CATEGORIES, number)
    of[rng.permutation(number)[: number // 10]] = 0
    vectors = middles[of] + 0.35 * rng.standard_normal((number, DIMENSION))
    photos = library.collection("photos")
    photos.add_vectors([f"image-{place:06}" for place in range(number)], vectors.astype(np.float32))
    photos.run()
    media, digests = library.storage.media, []
    for place in range(CATEGORIES):
        with Image.open(BytesIO(scene(list(KINDS)[place % len(KINDS)], place))) as drawn:
            small = BytesIO()
            drawn.resize((256, 256)).save(small, "JPEG", quality=85)
        digests.append(f"{place:064x}")
        media.keep_thumbnail(photos.files_key, digests[-1], small.getvalue())
    with library.storage.database.write() as connection:
        for category, digest in enumerate(digests):
            rows = np.flatnonzero(of == category).tolist()
            for low in range(0, len(rows), 500):
                where = sa.and_(images.c.collection_id == photos.row.id, images.c.row.in_(rows[low : low + 500]))
                connection.execute(sa.update(images).where(where).values(sha256=digest))


def script_size() -> int:
    """Bytes, compressed, of the scripts that the page needs before anything else is opened."""
    folder = page_folder()
    index = (folder / "index.html").read_text()
    first = re.findall(r"(?:src|href)=\"/(assets/[^\"]+\.js)\"", index)
    return sum(len(gzip.compress((folder / name).read_bytes())) for name in first)


def wait(page: Any, expression: str) -> float:
    """The number that an expression gives once it gives one."""
    return float(page.wait_for_function(expression, timeout=240_000).json_value())


def measure(number: int) -> None:
    """Print a table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(folder, encoder=f"vectors:{DIMENSION}", automatic_runs=False) as library,
    ):
        start = time.perf_counter()
        filled(library, number)
        categories = library.collection("photos").categories()
        print(f"{number:,} images in {len(categories)} categories, filled in {time.perf_counter() - start:.0f} s")
        with serving(library) as service, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
            home = f"{service.base_url}/c/photos"
            print(f"script, compressed: {script_size() / 1000:.0f} kB (≤ 400)")
            for name in ("first visit", "again", "again by the same browser"):
                if name != "again by the same browser":  # the others keep nothing from a visit before
                    context = browser.new_context(viewport={"width": 1600, "height": 3400})
                page = context.new_page()
                page.goto(home)
                cards = wait(page, CARDS)
                print(f"{name}: first contentful paint {page.evaluate(PAINT):.0f} ms (≤ 500), "
                      f"60 cards with pictures {cards:.0f} ms (≤ 1200)")  # fmt: skip
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(f"{home}/category/{categories[0].id}")
            page.locator("[data-place] img").first.wait_for(timeout=120_000)
            page.wait_for_timeout(1500)
            found = page.evaluate(FRAMES, ["scroll", SECONDS])
            print(f"scrolling {categories[0].size:,} pictures: {found['frames']:.0f} frames/s (≥ 30), "
                  f"95 % within {found['slowest']:.0f} ms")  # fmt: skip
            page.evaluate("document.querySelector('main').scrollTop = 0")
            page.locator("[data-place='0']").focus()
            page.keyboard.press("Space")
            page.keyboard.press("m")
            page.get_by_role("combobox", name="Find a category").wait_for()
            print(f"a correction is shown after {page.evaluate(MOVED):.0f} ms (≤ 300)")
            start = time.perf_counter()
            page.goto(f"{home}/map")
            page.locator(".map[data-ready]").wait_for(timeout=600_000)
            print(f"the map is there after {time.perf_counter() - start:.1f} s, the first time")
            start = time.perf_counter()
            page.goto(f"{home}/map")
            page.locator(".map[data-ready]").wait_for(timeout=600_000)
            print(f"the map is there after {time.perf_counter() - start:.1f} s, the second time")
            page.wait_for_timeout(1500)
            for how in ("Flat", "Space"):
                page.get_by_role("button", name=how).click()
                page.wait_for_timeout(1500)
                found = page.evaluate(FRAMES, ["map", SECONDS])
                print(f"moving the map of {number:,} points, {how.lower()}: {found['frames']:.0f} frames/s (≥ 30), "
                      f"95 % within {found['slowest']:.0f} ms")  # fmt: skip
            browser.close()


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
