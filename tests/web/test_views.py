"""Views: what one takes is said before it is made."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.web.conftest import Visit
from tests.web.scenes import scene

pytestmark = pytest.mark.web


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
    page.get_by_role("button", name="A field of the metadata").click()
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
