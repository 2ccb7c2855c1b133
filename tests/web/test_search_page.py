"""Searching in the page: narrowed down by what there is, and on to the last result."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

from categoriser import Library
from categoriser.encoders.classic import ClassicEncoder
from tests.api.conftest import serving
from tests.waiting import wait_until
from tests.web.conftest import Visit
from tests.web.scenes import scene

pytestmark = pytest.mark.web

KINDS = ("hills", "bricks", "zebra")
MANY = 230  # more than one page


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """With ``classic`` as if it read the words of one small vocabulary, each of which lies where its drawing does."""
    folder = tmp_path_factory.mktemp("words")
    words = folder / "words.txt"
    words.write_text("\n".join(KINDS) + "\n")

    def encode_texts(self: ClassicEncoder, texts: list[str]) -> np.ndarray:
        kinds = [next((kind for kind in KINDS if kind in text), "night") for text in texts]
        return self.encode_images([Image.open(io.BytesIO(scene(kind, 500))) for kind in kinds])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassicEncoder, "encode_texts", encode_texts)
        patch.setattr(ClassicEncoder, "reads_text", True, raising=False)
        opened = Library.open(
            folder / "library", "classic", automatic_runs=False, naming={"vocabulary": [str(words)], "automatic": False}
        )
        with opened as library, serving(library) as client:
            library.collection("few").add([scene(kind, seed) for seed in range(8) for kind in KINDS])
            library.collection("few").run()
            library.collection("many").add([speckled(seed) for seed in range(MANY)])
            yield client


def speckled(seed: int) -> bytes:
    """A picture of its own, quickly made."""
    written = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8)
    Image.fromarray(noise).resize((72, 72)).save(written, "PNG")
    return written.getvalue()


def test_a_search_is_narrowed_by_category_month_and_word(visit: Visit, service: httpx.Client) -> None:
    base = "/v1/collections/few"
    listed = service.get(f"{base}/categories").json()["categories"]
    first = listed[0]
    image = service.get(f"{base}/images").json()["images"][0]["id"]
    page = visit(f"/c/few/search?like={image}")
    facets = page.get_by_role("complementary", name="Narrow down")
    choice = facets.get_by_role("button", name=first["label"])
    choice.wait_for()
    assert choice.locator(".count").inner_text() == str(first["size"])
    lower_the_score(page)
    page.get_by_text("23 results").first.wait_for()

    choice.click()
    alike = sum(1 for one in members(service, first["id"]) if one != image)
    wait_until(lambda: page.locator("[data-place]").count() == alike)
    assert choice.get_attribute("aria-pressed") == "true"
    other = facets.get_by_role("button", name=listed[1]["label"])
    assert other.locator(".count").inner_text() == str(listed[1]["size"])  # what could be chosen instead stays
    assert f"in={first['id']}" in page.url
    page.reload()
    choice.wait_for()
    assert choice.get_attribute("aria-pressed") == "true"
    facets.get_by_role("button", name="Take all filters away").click()
    wait_until(lambda: "in=" not in page.url)

    page.goto(f"{service.base_url}/c/few/search")
    word = facets.get_by_role("button", name="bricks", exact=False)
    word.wait_for()
    counted = int(word.locator(".count").inner_text())
    word.click()
    page.locator("[data-place]").first.wait_for()
    found = service.post(f"{base}/search", json={"filter": {"tags": ["bricks"]}, "limit": 100}).json()["results"]
    wait_until(lambda: page.locator("[data-place]").count() == counted == len(found))


def members(service: httpx.Client, category: str) -> list[str]:
    """Ids of a category's images."""
    found: list[str] = service.get("/v1/collections/few/members", params={"category": category}).json()["image_ids"]
    return found


def lower_the_score(page: object) -> None:
    """As far as it goes."""
    slider = page.get_by_role("slider", name="At least this much alike")  # type: ignore[attr-defined]
    slider.wait_for()
    slider.focus()
    slider.press("Home")


def test_results_go_on_beyond_the_first_page(visit: Visit, service: httpx.Client) -> None:
    image = service.get("/v1/collections/many/images").json()["images"][0]["id"]
    page = visit(f"/c/many/search?like={image}")
    page.get_by_role("button", name="Best first").click()
    lower_the_score(page)
    end = page.locator("main")
    for _ in range(4):
        end.evaluate("(main) => main.scrollTo(0, main.scrollHeight)")
        page.wait_for_timeout(50)
    page.get_by_text(f"{MANY - 1} results").first.wait_for()
    assert page.get_by_role("button", name="Show more").count() == 0
    end.evaluate("(main) => main.scrollTo(0, main.scrollHeight)")
    page.locator(f'[data-place="{MANY - 2}"]').wait_for()
    found = service.post(
        "/v1/collections/many/search", json={"image_id": image, "limit": 1000, "min_relevance": 0}
    ).json()["results"]
    last = page.locator(f'[data-place="{MANY - 2}"]').get_attribute("data-id")
    assert last in {one["image_id"] for one in found if abs(one["score"] - found[-1]["score"]) < 1e-5}
    assert page.locator("[data-place]").count() < MANY - 1  # only what is in sight is there
