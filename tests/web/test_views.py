"""Views: what one takes is said before it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import serving
from tests.naming.conftest import ChatServer, chat
from tests.web.conftest import Visit
from tests.web.scenes import scene, scenes

pytestmark = pytest.mark.web
__all__ = ["chat"]  # a fixture


def test_a_view_by_a_sentence_says_what_it_takes_before_it_is_made(visit: Visit, service: httpx.Client) -> None:
    base = "/v1/collections/sentences"
    for number in range(12):
        shape, kind = ("tiles", "a blue square tile") if number % 2 else ("citrus", "a round orange fruit")
        body = {"title": f"The object in the picture is {kind}."} if number < 10 else {"other": "x"}
        files = {"file": (f"{number}.jpg", scene(shape, number))}
        service.post(f"{base}/images", files=files, data={"metadata": json.dumps(body)}).raise_for_status()
    page = visit("/c/sentences/views")
    page.get_by_label("What should these pictures be grouped by?").fill("object")
    page.get_by_text("reads no words").wait_for()  # this encoder
    make = page.get_by_role("button", name="Make it")
    assert make.is_disabled()
    page.get_by_role("button", name="Metadata").click()
    page.get_by_role("button", name="title 10").click()
    cost = page.get_by_role("region", name="What it takes")
    cost.get_by_text("10 texts read on this machine; 2 pictures without one stay Unsorted").wait_for()
    cost.get_by_text("nothing is paid for").wait_for()
    assert service.get(f"{base}/views").json()["views"] == []
    make.click()
    page.get_by_text("View “object” is there").wait_for()
    (view,) = service.get(f"{base}/views").json()["views"]
    assert (view["criterion"], view["from_metadata"], view["images"]) == ("object", "title", 10)

    page.get_by_role("button", name="Delete object").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("the pictures stay").wait_for()
    assert service.get(f"{base}/views").json()["views"] == []


def test_pictures_are_sent_to_a_model_only_after_its_cost_was_shown(
    browser: Any, chat: ChatServer, tmp_path: Path
) -> None:
    chat.says("The object in the picture is a cargo ship.")
    eyes = {"captions": chat.url, "caption_model": "eyes", "automatic": False}
    with (
        Library.open(tmp_path / "library", "classic", automatic_runs=False, naming=eyes) as library,
        serving(library) as service,
    ):
        library.collection("anna").add(scenes(tmp_path / "scenes", 6, ["tiles", "citrus"]))
        page = browser.new_context().new_page()
        page.goto(f"{service.base_url}/c/anna/views")
        page.get_by_label("What should these pictures be grouped by?").fill("object")
        page.get_by_role("button", name="Descriptions").click()
        page.get_by_text("12 pictures sent to eyes@").wait_for()
        assert chat.requests == []
        page.get_by_role("button", name="Make it").click()
        page.get_by_text("Described and grouped").wait_for()
        assert len(chat.requests) == 12
        (view,) = service.get("/v1/collections/anna/views").json()["views"]
        assert view["images"] == 12
        page.goto(f"{service.base_url}/c/anna/runs")
        page.get_by_text("12 pictures described").wait_for()
        page.context.close()
