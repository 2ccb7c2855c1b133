"""What the page says of its own accord: filed for now, misfiled, drifting; and that what is deleted is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from categoriser.catalog.tables import images, micros
from tests.waiting import wait_until
from tests.web.conftest import Visit, categories, fill
from tests.web.gestures import drop
from tests.web.scenes import scene

pytestmark = pytest.mark.web


def guess(service: httpx.Client, collection: str, image: str | None) -> None:
    """Mark the micro-cluster of an image, or all, as filing leaves one that is only the best guess."""
    library = service.app_library  # type: ignore[attr-defined]
    row = library.collection(collection).row.id
    with library.storage.states.writing(row) as state, library.storage.database.write() as connection:
        here = micros.c.collection_id == row
        if image is not None:
            number = sa.select(images.c.micro).where(images.c.collection_id == row, images.c.image_id == image)
            number = connection.execute(number).scalar_one()
            here = sa.and_(here, micros.c.number == number)
            state.grouping.micros.tentative[number] = True
        else:
            state.grouping.micros.tentative[:] = True
        connection.execute(sa.update(micros).where(here).values(tentative=True))


def test_what_was_filed_provisionally_says_so_everywhere_until_a_run(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    fill(service, "guessed", drawn)
    image = next(
        one for one in service.get("/v1/collections/guessed/images").json()["images"] if one["category"] is not None
    )
    guess(service, "guessed", image["id"])
    page = visit(f"/c/guessed/category/{image['category']}")
    marked = page.locator(f'[data-id="{image["id"]}"]')
    marked.wait_for()
    assert "Filed provisionally" in str(marked.get_attribute("aria-label"))
    assert marked.locator(".guess").is_visible()
    page.get_by_role("button", name="Filed provisionally").click()
    wait_until(lambda: page.locator("[data-place]").count() == page.locator("[data-place] .guess").count() > 0)

    marked.click()
    page.get_by_text("Filed provisionally; the next run decides anew", exact=True).wait_for()
    page.get_by_text("so it was filed provisionally").wait_for()

    guess(service, "guessed", None)
    drop(page, [drawn[0]])  # is there already: the answer says how it is filed
    page.locator(".panel").get_by_text("Filed provisionally; the next run decides anew").wait_for()

    service.post("/v1/collections/guessed/runs").raise_for_status()
    page.get_by_text("so it was filed provisionally").wait_for(state="detached")


def test_a_category_that_is_something_else_by_now_is_said_to_drift(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    fill(service, "drifting", drawn)
    base = "/v1/collections/drifting"
    first = next(one for one in service.get(f"{base}/categories").json()["categories"] if one["named_by"])
    files = [("files", (f"{seed}.jpg", scene("zebra", seed), "image/jpeg")) for seed in range(9)]
    sent = service.post(f"{base}/images", files=files).json()["results"]
    ids = [one["image"]["image_id"] for one in sent]
    service.post(f"{base}/moves", json={"image_ids": ids, "category": first["id"]}).raise_for_status()
    page = visit("/c/drifting")
    badge = page.locator(f'[data-card="{first["id"]}"]').get_by_text("drifting")
    badge.wait_for()
    assert "what it got its name for" in str(badge.get_attribute("title"))
    assert page.locator("[data-card] .drift", has_text="drifting").count() == 1
    badge.click()
    page.get_by_role("link", name="Drifting", exact=True).wait_for()


def test_probably_misfiled_ones_can_be_seen_alone(visit: Visit, service: httpx.Client, drawn: list[Path]) -> None:
    fill(service, "misfiled", drawn)
    base = "/v1/collections/misfiled"
    one, other = service.get(f"{base}/categories").json()["categories"][:2]
    strange = service.get(f"{base}/images", params={"category": other["id"]}).json()["images"][0]["id"]
    service.post(f"{base}/moves", json={"image_ids": [strange], "category": one["id"]}).raise_for_status()
    page = service.get(f"{base}/members", params={"category": one["id"]}).json()
    doubtful = {id_ for id_, doubt in zip(page["image_ids"], page["doubtful"], strict=True) if doubt}
    assert strange in doubtful
    shown = visit(f"/c/misfiled/category/{one['id']}")
    shown.get_by_role("button", name=f"Probably misfiled ({len(doubtful)})").click()
    tiles = shown.locator("[data-place]")
    wait_until(lambda: tiles.count() == len(doubtful))
    assert {tiles.nth(n).get_attribute("data-id") for n in range(len(doubtful))} == doubtful
    shown.get_by_role("button", name="Probably misfiled").click()
    wait_until(lambda: tiles.count() == one["size"] + 1)


def test_selected_pictures_are_deleted_after_a_question_that_says_what_goes(
    visit: Visit, service: httpx.Client, drawn: list[Path]
) -> None:
    fill(service, "deleted", drawn)
    first = service.get("/v1/collections/deleted/categories").json()["categories"][0]
    before = categories(service, "deleted")
    page = visit(f"/c/deleted/category/{first['id']}")
    tiles = page.locator("[data-place]")
    tiles.nth(1).wait_for()
    chosen = [tiles.nth(n).get_attribute("data-id") for n in (0, 1)]
    for n in (0, 1):
        tiles.nth(n).click(modifiers=["Control"])
    page.keyboard.press("Delete")
    question = page.get_by_role("dialog", name="Delete 2 pictures for good?")
    question.get_by_text("This is final").wait_for()
    assert question.get_by_role("listitem").inner_text().split("\n") == [first["label"], "2 pictures"]
    question.get_by_role("button", name="Cancel").click()
    assert categories(service, "deleted") == before
    page.get_by_role("toolbar").get_by_role("button", name="Delete…").click()
    question.get_by_role("button", name="Delete 2 pictures").click()
    page.get_by_text("2 pictures deleted").wait_for()
    assert categories(service, "deleted") == before | {first["label"]: first["size"] - 2}
    wait_until(lambda: tiles.count() == first["size"] - 2)
    assert not {tile(tiles, n) for n in range(tiles.count())} & set(chosen)

    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.get_by_text(f"“{first['label']}” is empty then, and ends.").wait_for()
    page.get_by_role("button", name=f"Delete {first['size'] - 2} pictures").click()
    page.get_by_text("pictures deleted").first.wait_for()
    wait_until(lambda: first["label"] not in categories(service, "deleted"))


def tile(tiles: Any, n: int) -> str | None:
    """Id of a picture in the grid."""
    found: str | None = tiles.nth(n).get_attribute("data-id")
    return found
