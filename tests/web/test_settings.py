"""Settings: keys, webhooks, words, each by a real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from categoriser import Library
from tests.api.conftest import bearer, serving
from tests.naming.conftest import DIMENSION, direction, pictures_of
from tests.receiver import receiving
from tests.waiting import wait_until
from tests.web.conftest import Visit
from tests.web.test_accessible import AXE, LOOKS, violations

pytestmark = pytest.mark.web


@pytest.fixture
def service(tmp_path: Path) -> Iterator[httpx.Client]:
    """A service of the test's own, with one collection of nothing, that may tell receivers on this machine."""
    webhooks: dict[str, Any] = {"allow_private_addresses": True, "first_wait": 600.0}
    with Library.open(tmp_path / "library", encoder="classic", webhooks=webhooks) as library:
        library.collection("anna")
        with serving(library) as client:
            yield client


def test_the_first_key_closes_the_service_and_this_browser_stays_signed_in(visit: Visit, service: httpx.Client) -> None:
    page = visit("/c/anna/settings/keys")
    page.get_by_text("No key is needed now").wait_for()
    page.get_by_role("button", name="Make the first key").click()
    page.get_by_label("What it is for").fill("operator")
    page.get_by_role("button", name="Make a key").click()
    admin = page.get_by_label("The secret").input_value()
    assert admin.startswith("cat_")
    assert service.get("/v1/collections").status_code == 401
    page.get_by_text("this browser").first.wait_for()
    page.get_by_role("button", name="I have kept it").click()
    assert page.get_by_label("The secret").count() == 0

    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("What it is for").fill("uploads")
    page.get_by_label("It counts").select_option("30")
    page.get_by_role("form", name="Make a key").get_by_role("button", name="Make a key").click()
    first = page.get_by_label("The secret").input_value()
    assert service.get("/v1/collections/anna", headers=bearer(first)).status_code == 200
    assert service.get("/v1/keys", headers=bearer(first)).status_code == 403

    row = page.get_by_role("listitem").filter(has_text="uploads")
    row.get_by_role("button", name="New secret").click()
    page.get_by_role("dialog").get_by_role("button", name="New secret").click()
    page.get_by_text("The new secret of “uploads”").wait_for()
    second = page.get_by_label("The secret").input_value()
    assert service.get("/v1/collections/anna", headers=bearer(first)).status_code == 401
    assert service.get("/v1/collections/anna", headers=bearer(second)).status_code == 200

    row.get_by_role("button", name="Revoke").click()
    page.get_by_text("This cannot be taken back").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    page.get_by_text("“uploads” counts no more").wait_for()
    assert service.get("/v1/collections/anna", headers=bearer(second)).status_code == 401
    page.get_by_role("button", name="Show 1 key that ended").click()
    page.get_by_text("revoked just now").wait_for()


def test_who_is_no_admin_sees_that_keys_are_not_theirs(visit: Visit, service: httpx.Client) -> None:
    access = service.app_library.access  # type: ignore[attr-defined]
    access.create(["admin"])
    page = visit("/c/anna/settings/keys")
    page.get_by_label("Key or token").fill(access.create(["write:anna"]).key)
    page.keyboard.press("Enter")
    page.get_by_text("Keys are for administrators").wait_for()
    assert page.get_by_role("button", name="Make a key").count() == 0


def test_keys_that_are_off_say_so(visit: Visit, tmp_path: Path, browser: Any) -> None:
    off = {"keys": "off"}
    with Library.open(tmp_path / "off", encoder="classic", access=off) as library, serving(library) as other:
        library.collection("anna")
        page = browser.new_context().new_page()
        page.goto(f"{other.base_url}/c/anna/settings/keys")
        page.get_by_text("Keys are switched off for this service").wait_for()
        page.context.close()


def test_a_webhook_is_added_tried_replayed_and_removed(visit: Visit, service: httpx.Client) -> None:
    with receiving() as receiver:
        page = visit("/c/anna/settings/webhooks")
        page.get_by_text("Nobody is told yet").wait_for()
        page.get_by_role("button", name="Add a webhook").click()
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_role("button", name="Some", exact=True).click()
        page.get_by_role("button", name="Add it").click()
        assert page.get_by_label("The secret", exact=True).input_value().startswith("whsec_")
        (hook,) = service.get("/v1/collections/anna/webhooks").json()["webhooks"]
        assert hook["types"] == ["attach", "spawn", "split", "merge"]

        page.get_by_role("button", name="Send a test").click()
        page.get_by_text("Received in").wait_for()
        assert receiver.wait(1)[0].json["type"] == "ping"
        page.get_by_text("last delivered just now").wait_for()

        receiver.reply = lambda _: (500, {})
        page.get_by_role("button", name="Send a test").click()
        page.get_by_text("The test was not received").wait_for()
        page.get_by_text("last attempt failed").wait_for()
        page.get_by_role("button", name="Deliveries").click()
        page.get_by_role("cell", name="500").wait_for()
        assert page.get_by_role("row").count() == 3  # its head, and two tests

        page.get_by_role("button", name="Send again…").click()
        page.get_by_role("dialog").get_by_role("button", name="Send again").click()
        page.get_by_text("sent again").first.wait_for()

        page.get_by_role("button", name="Switch off").click()
        page.get_by_text("Why: it was switched off.").wait_for()
        page.get_by_role("button", name=f"Remove: {receiver.url}").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        page.get_by_text("Nobody is told yet").wait_for()
        assert service.get("/v1/collections/anna/webhooks").json()["webhooks"] == []


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_sections_in_use_have_no_serious_violation(visit: Visit, service: httpx.Client, look: dict[str, Any]) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make web)")
    with receiving() as receiver:
        library = service.app_library  # type: ignore[attr-defined]
        hook = library.collection("anna").webhooks.add(receiver.url).webhook.id
        library.collection("anna").webhooks.ping(hook)
        receiver.reply = lambda _: (500, {})
        library.collection("anna").webhooks.ping(hook)
        page = visit("/c/anna/settings/webhooks", **look, bypass_csp=True, reduced_motion="reduce")
        page.get_by_role("button", name="Deliveries").click()
        page.get_by_role("button", name="Add a webhook").click()
        page.get_by_role("button", name="Some", exact=True).click()
        page.get_by_role("cell", name="500").wait_for()
        found = violations(page, "webhooks")
        page.goto(f"{service.base_url}/c/anna/settings/keys")
        page.get_by_role("button", name="Make the first key").click()
        page.get_by_role("button", name="Make a key").click()
        page.get_by_text("this browser").first.wait_for()
        page.get_by_role("button", name="Make a key").click()
        found += violations(page, "keys")
        page.get_by_role("button", name="Revoke").click()
        found += violations(page, "confirm")
    assert found == []


@pytest.fixture
def named(tmp_path: Path) -> Iterator[httpx.Client]:
    """A service whose pictures can be compared with words."""
    words = ["cat", "car", "pizza", "tree", "kitten", "van"]
    same = {"kitten": "cat", "van": "car"}
    np.save(tmp_path / "texts.npy", np.stack([direction(same.get(one, one)) for one in words]).astype(np.float32))
    told = {"encoder": f"vectors:{DIMENSION}", "terms": words, "texts": "texts.npy"}
    (tmp_path / "table.json").write_text(json.dumps(told), encoding="utf-8")
    with Library.open(
        tmp_path / "named",
        f"vectors:{DIMENSION}",
        automatic_runs=False,
        naming={"table": str(tmp_path / "table.json")},
    ) as library:
        anna = library.collection("anna")
        for word in words[:4]:
            anna.add_vectors([f"{word}-{i}" for i in range(30)], pictures_of(word, 30))
        anna.run()
        with serving(library) as client:
            yield client


def test_words_in_use_are_counted_and_words_of_ones_own_name_what_is_named_next(
    browser: Any, named: httpx.Client
) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{named.base_url}/c/anna/settings/names")
    page.get_by_text("4 in use").wait_for()
    page.get_by_role("link", name="Cat: 30 pictures").wait_for()
    page.get_by_role("searchbox", name="Find a word").fill("sofa")
    page.get_by_text("There is no such word").wait_for()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_text("sofa", exact=True).wait_for()

    page.get_by_role("textbox", name="Words of your own").fill("pets: kitten\nvan, pizza, tree")
    page.get_by_role("checkbox", name="Only these words").check()
    page.get_by_role("button", name="Save the words").click()
    page.get_by_text("5 words of your own: they count").wait_for()
    page.get_by_text("5 of your own").wait_for()
    for one in named.get("/v1/collections/anna/categories").json()["categories"]:
        if one["label"] in {"Cat", "Car"}:  # a person does not like these two
            named.patch(f"/v1/collections/anna/categories/{one['id']}", json={"label": None}).raise_for_status()
    page.get_by_role("button", name="Name what needs a name now").click()

    def labels() -> set[str]:
        return {one["label"] for one in named.get("/v1/collections/anna/categories").json()["categories"]}

    wait_until(lambda: {"Kitten", "Van"} < labels())
    page.context.close()
