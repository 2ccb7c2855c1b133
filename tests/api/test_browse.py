"""What the page needs beside what programs do: typical members, pictures of categories, the map, the dial."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from categoriser import Library
from categoriser.catalog.tables import images, micros
from categoriser.library import mapping
from tests.api.conftest import Start
from tests.api.test_upload import many
from tests.web.scenes import scene
from tests.whole import clusters

BASE = "/v1/collections/drawn"
KINDS = ("hills", "sunset", "tiles")


@pytest.fixture(scope="module")
def drawn(service: httpx.Client) -> dict[str, list[str]]:
    """Ids of each category's images, and of Unsorted."""
    sent = [(f"{kind}-{seed}.jpg", scene(kind, seed)) for seed in range(7) for kind in KINDS]
    assert many(service, "drawn", sent).json()["filed"] == len(sent)
    service.post(f"{BASE}/runs").raise_for_status()
    found = {}
    for category in [*(one["id"] for one in service.get(f"{BASE}/categories").json()["categories"]), "unsorted"]:
        page = service.get(f"{BASE}/images", params={"category": category, "limit": 1000}).json()["images"]
        found[category] = [one["id"] for one in page]
    assert len(found) > 2
    return found


def test_members_are_all_images_of_a_category_the_most_typical_first(
    service: httpx.Client, drawn: dict[str, list[str]]
) -> None:
    for category, ids in drawn.items():
        answer = service.get(f"{BASE}/members", params={"category": category}).json()
        assert sorted(answer["image_ids"]) == sorted(ids)
        assert (
            answer["total"] == len(ids) == len(answer["scores"]) == len(answer["doubtful"]) == len(answer["tentative"])
        )
        assert answer["next"] is None
        assert answer["scores"] == sorted(answer["scores"], reverse=True)


def test_members_say_which_are_there_only_for_now(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    category, ids = next(iter(drawn.items()))
    library = service.app_library  # type: ignore[attr-defined]
    collection = library.collection("drawn")
    asked = {"category": category}
    assert not any(service.get(f"{BASE}/members", params=asked).json()["tentative"])
    with library.storage.database.write() as connection:  # as filing leaves it
        number = connection.execute(sa.select(images.c.micro).where(images.c.image_id == ids[0])).scalar_one()
        here = sa.and_(micros.c.collection_id == collection.row.id, micros.c.number == number)
        connection.execute(sa.update(micros).where(here).values(tentative=True))
    page = service.get(f"{BASE}/members", params=asked).json()
    assert dict(zip(page["image_ids"], page["tentative"], strict=True))[ids[0]]
    assert all(service.get(f"{BASE}/images/{one}").json()["tentative"] for one in ids[:1])
    with library.storage.database.write() as connection:
        connection.execute(sa.update(micros).where(here).values(tentative=False))


def test_a_category_drifts_when_other_pictures_come_than_it_got_its_name_for(start: Start) -> None:
    client = start(automatic_runs=False)
    sent = [(f"{kind}-{seed}.jpg", scene(kind, seed)) for seed in range(7) for kind in ("hills", "sunset", "bricks")]
    many(client, "drifting", sent)
    base = "/v1/collections/drifting"
    assert client.get(f"{base}/drift").json()["categories"] == {}
    client.post(f"{base}/runs").raise_for_status()
    first = client.get(f"{base}/drift").json()
    named = {one["id"] for one in client.get(f"{base}/categories").json()["categories"] if one["named_by"]}
    assert set(first["categories"]) == named
    assert max(first["categories"].values()) < 0.01

    image = next(one for one in client.get(f"{base}/images").json()["images"] if one["category"] in named)
    strange = many(client, "drifting", [(f"{seed}.jpg", scene("zebra", seed)) for seed in range(9)]).json()
    moved = [one["image"]["image_id"] for one in strange["results"]]
    client.post(f"{base}/moves", json={"image_ids": moved, "category": image["category"]}).raise_for_status()
    after = client.get(f"{base}/drift").json()
    assert after["categories"][image["category"]] > after["drifting_from"] > first["categories"][image["category"]]
    assert all(value < 0.01 for one, value in after["categories"].items() if one != image["category"])


def test_several_images_are_deleted_at_once_and_from_no_other_collection(start: Start) -> None:
    client = start(automatic_runs=False)
    for name in ("one", "other"):
        many(client, name, [(f"{seed}.jpg", scene("hills", seed)) for seed in range(8)])
    ids = [one["id"] for one in client.get("/v1/collections/one/images").json()["images"]]
    answer = client.post("/v1/collections/one/deletions", json={"image_ids": [*ids[:3], ids[0], "never there"]})
    assert answer.json() == {"deleted": 3}
    assert [one["id"] for one in client.get("/v1/collections/one/images").json()["images"]] == ids[3:]
    assert client.get(f"/v1/collections/one/images/{ids[0]}/thumbnail").status_code == 404
    assert client.get("/v1/collections/other").json()["images"] == 8
    assert client.post("/v1/collections/one/deletions", json={"image_ids": []}).status_code == 422


def test_members_can_be_had_newest_first_and_page_by_page(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    category, ids = next(iter(drawn.items()))
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        asked = {"category": category, "order": "newest", "limit": 2, "offset": offset}
        page = service.get(f"{BASE}/members", params=asked).json()
        seen, offset = seen + page["image_ids"], page["next"]
    assert seen == ids[::-1]


def test_an_image_nearer_to_another_category_is_doubtful(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    (one, ids), (other, _) = [(category, ids) for category, ids in drawn.items() if category != "unsorted"][:2]
    edit = {"image_ids": ids[:1], "category": other}
    version = service.post(f"{BASE}/moves", json=edit).raise_for_status().json()["version"]
    answer = service.get(f"{BASE}/members", params={"category": other}).json()
    doubtful = [name for name, is_so in zip(answer["image_ids"], answer["doubtful"], strict=True) if is_so]
    service.post(f"{BASE}/versions/{version}/undo").raise_for_status()
    assert doubtful == ids[:1]
    assert one != other


def test_a_category_has_one_picture_of_five(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    category = next(iter(drawn))
    answer = service.get(f"{BASE}/categories/{category}/mosaic")
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(answer.content)) as picture:
        assert picture.size == (512, 256)


def test_the_picture_of_a_category_comes_in_two_widths(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    address = f"{BASE}/categories/{next(iter(drawn))}/mosaic"
    for _ in range(2):  # the second time as it was kept
        for width in (336, 512):
            answer = service.get(address, params={"width": width})
            with Image.open(BytesIO(answer.content)) as picture:
                assert picture.size == (width, width // 2)


def test_pictures_of_several_categories_come_together(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    ids = [one for one in drawn if one != "unsorted"]
    for width in (336, 512):
        asked = {"category": [*ids, "nothing"], "width": width}
        answer = service.get(f"{BASE}/mosaics", params=asked).raise_for_status()
        alone = {one: service.get(f"{BASE}/categories/{one}/mosaic", params={"width": width}).content for one in ids}
        assert {one: base64.b64decode(text) for one, text in answer.json()["mosaics"].items()} == alone
    for wrong in ({"category": []}, {"category": ["x"] * 33}, {"category": ids, "width": 337}):
        refused = service.get(f"{BASE}/mosaics", params=wrong)
        assert refused.status_code == 422
        assert refused.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("width", ["0", "-336", "337", "1000000", "wide", ""])
def test_other_widths_are_refused_in_a_sentence(service: httpx.Client, drawn: dict[str, list[str]], width: str) -> None:
    answer = service.get(f"{BASE}/categories/{next(iter(drawn))}/mosaic", params={"width": width})
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert "336 or 512" in message
    assert message.endswith(".")


def test_the_picture_of_a_category_is_had_in_its_own_collection_only(
    service: httpx.Client, drawn: dict[str, list[str]]
) -> None:
    category = next(iter(drawn))
    many(service, "stranger", [("other.jpg", scene("hills", 99))])
    for width in (336, 512):
        service.get(f"{BASE}/categories/{category}/mosaic", params={"width": width}).raise_for_status()
        answer = service.get(f"/v1/collections/stranger/categories/{category}/mosaic", params={"width": width})
        assert answer.status_code == 404
        several = service.get("/v1/collections/stranger/mosaics", params={"category": category, "width": width})
        assert several.json() == {"mosaics": {}}


def test_there_is_no_picture_of_what_is_not_there(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    for path in ("categories/nothing/mosaic", "members?category=nothing"):
        answer = service.get(f"{BASE}/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].endswith(".")


def floats(text: str, width: int) -> np.ndarray:
    """A column of the map."""
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, width)


def the_map(service: httpx.Client, base: str, limit: int = 1000) -> dict[str, tuple[Any, ...]]:
    """Category and both places of every image by its id, page by page."""
    found: dict[str, tuple[Any, ...]] = {}
    after: int | None = -1
    while after is not None:
        page = service.get(f"{base}/map", params={"after": after, "limit": limit}).raise_for_status().json()
        assert page["ready"]
        numbers = np.frombuffer(base64.b64decode(page["category_of"]), "<i4")
        kinds = [page["categories"][number] for number in numbers]
        columns = (page["image_ids"], kinds, floats(page["flat"], 2), floats(page["space"], 3))
        for name, kind, flat, space in zip(*columns, strict=True):
            assert name not in found
            found[name] = (kind, tuple(flat), tuple(space))
        after = page["next"]
    return found


def test_the_map_has_every_image_once_with_its_category(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    places = the_map(service, BASE, limit=5)
    assert {name: None if kind is None else kind for name, (kind, _, _) in places.items()} == {
        name: None if category == "unsorted" else category for category, ids in drawn.items() for name in ids
    }
    assert all(np.isfinite([*flat, *space]).all() for _, flat, space in places.values())


def test_new_images_take_their_places_and_move_nobody_even_after_a_restart(tmp_path: Path, start: Start) -> None:
    vectors = clusters(100, 16, centres=4)
    ids = [f"image {number}" for number in range(100)]
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("points")
        collection.add_vectors(ids[:70], vectors[:70])
        before = collection.map()
        assert before.ready
        assert list(before.image_ids) == ids[:70]
    service = start(encoder="vectors:16")
    with_more = the_map(service, "/v1/collections/points")
    for name, flat in zip(before.image_ids, before.flat, strict=True):
        np.testing.assert_array_equal(with_more[name][1], flat)


def test_a_deleted_image_leaves_the_map(tmp_path: Path) -> None:
    vectors = clusters(60, 16, centres=3)
    ids = [f"image {number}" for number in range(60)]
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("points")
        collection.add_vectors(ids, vectors)
        before = collection.map()
        collection.delete(ids[:5])
        after = collection.map()
        assert list(after.image_ids) == ids[5:]
        np.testing.assert_array_equal(after.flat, before.flat[5:])


def test_a_large_map_is_made_in_the_background_and_grows_without_a_jump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "_AT_ONCE", 50)
    vectors = clusters(160, 16, centres=4)
    ids = [f"image {number}" for number in range(160)]
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("points")
        collection.add_vectors(ids[:130], vectors[:130])
        assert not collection.map().ready
        for worker in library.maps._workers:
            worker.join()
        before = collection.map()
        assert before.ready
        collection.add_vectors(ids[130:], vectors[130:])
        after = collection.map()
        assert after.ready
        assert len(after.image_ids) == 160
        np.testing.assert_array_equal(after.flat[:130], before.flat)


def test_the_dial_is_previewed_without_a_change(service: httpx.Client, drawn: dict[str, list[str]]) -> None:
    version = service.get(BASE).json()["taxonomy_version"]
    answer = service.get(f"{BASE}/dial").json()
    assert answer["now"] == "balanced"
    assert list(answer["categories"]) == ["broad", "balanced", "fine"]
    assert answer["categories"]["broad"] <= answer["categories"]["fine"]
    assert service.get(BASE).json()["taxonomy_version"] == version
    assert service.get(f"{BASE}/plan").json()["version"] == version
