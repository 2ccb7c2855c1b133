"""Corrections on what one saw, views, uploads nobody waits for, keys and tokens: through the client, over real HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from categoriser import ConfigurationError, NotFoundError
from categoriser.client import AsyncClient, Client
from categoriser.errors import OutdatedError
from tests.api.conftest import Start
from tests.whole import picture, pictures


def test_an_edit_on_an_outdated_view_is_refused(client: Client) -> None:
    photos = client.collection("edited")
    photos.upload([(f"{number}.png", picture(number)) for number in range(8)])
    ids = [one.id for one in photos.images()]
    seen = photos.info().taxonomy_version
    first = photos.move(ids[:4], label="Mine", if_match=seen)
    with pytest.raises(OutdatedError):
        photos.lock(str(first.category), if_match=seen)
    assert photos.lock(str(first.category), if_match=first.version).changed
    parted = photos.split(str(first.category), ids[:2], label="Two")
    joined = photos.merge(str(first.category), [str(parted.category)])
    assert photos.undo(joined.version).undone == joined.version
    assert photos.version_page(limit=1).versions[0].kind == "undo"
    plan = photos.plan()
    assert photos.apply(plan.version, []).version >= plan.version
    assert {one.facet for one in photos.facets(["category", "format"])} == {"category", "format"}
    assert [one.image_id for one in photos.search_all({"image_id": ids[0], "min_relevance": 0, "limit": 3})]


def test_views_are_made_looked_at_and_corrected(client: Client) -> None:
    photos = client.collection("viewed")
    photos.upload([(f"{number}.png", picture(number)) for number in range(6)], ids=list("abcdef"))
    texts = {one: "a red boat" if one in "abc" else "a green tree" for one in "abcdef"}
    assert photos.create_view("by thing", criterion="thing", texts=texts).name == "by thing"
    assert [one.name for one in photos.views()] == ["by thing"]
    view = photos.view("by thing")
    assert view.info().images == 6
    moved = view.move(["a"], label="Mine")
    assert view.category(str(moved.category)).label == "Mine"
    assert photos.attributes("a")["by thing"] == "Mine"
    assert "Mine" not in {one.label for one in photos.categories()}
    with pytest.raises(ConfigurationError, match="ask its collection"):
        view.upload([("x.png", picture(9))])
    assert photos.delete_view("by thing") == 6


def test_what_nobody_waits_for_can_be_waited_for_later(client: Client, url: str, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 11)
    (folder / "broken.jpg").write_bytes(b"nothing")
    photos = client.collection("left")
    left = photos.leave(folder)
    assert (left.waiting, len(left.refused), len(left.results)) == (11, 1, 12)
    for upload in left.uploads:
        state = photos.wait(upload, pause=0.05)
        assert (state.status, state.waiting) == ("done", 0)
    assert photos.info().images == 11
    assert {one.upload_id for one in photos.uploads()} == set(left.uploads)

    async def again() -> None:
        async with AsyncClient(url) as opened:
            there = opened.collection("left")
            handed = await there.leave(folder)
            states = [await there.wait(one, pause=0.05) for one in handed.uploads]
            assert {one.status for one in states} == {"done"}
            with pytest.raises(NotFoundError):
                await there.wait("nothing")

    asyncio.run(again())


def test_keys_tokens_and_prefix_webhooks_are_looked_after(start: Start) -> None:
    url = str(start(webhooks={"allow_private_addresses": True}).base_url)
    with Client(url) as opened:
        assert opened.ready().ready
        assert opened.session().access == "open"
        key = opened.create_key(["admin"], label="operator")
    with Client(url, key.key) as admin:
        assert [one.label for one in list(admin.keys())] == ["operator"]
        admin.collection("anna").upload([("a.png", picture(1))])
        token = admin.create_token("anna", seconds=60)
        made = admin.add_webhook("http://127.0.0.1:1/x", prefix="an", types=["attach"])
        assert admin.webhook(made.id).prefix == "an"
        assert [one.id for one in admin.webhooks()] == [made.id]
        assert admin.remove_webhook(made.id).removed == made.id
        with Client(url, token.token) as user:
            assert user.collection("anna").info().images == 1
        assert admin.collection("anna").erase().preview
        report = admin.collection("anna").erase(confirm="anna")
        assert report.complete
        assert "POST /v1/tokens" in {one.route for one in admin.audit()}
