"""What was filed can be listed, found, looked at, exported and deleted."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import httpx
import pytest

from tests.api.test_upload import many, upload
from tests.whole import picture

BASE = "/v1/collections/photos"
COUNT = 30


@pytest.fixture(scope="module")
def photos(service: httpx.Client) -> list[str]:
    """Ids of a filled collection, in order of arrival."""
    sent = [(f"{seed}.png", picture(seed)) for seed in range(COUNT)]
    results = many(service, "photos", sent).json()["results"]
    service.post(f"{BASE}/runs").raise_for_status()
    return [one["image"]["image_id"] for one in results]


def test_pages_of_images_join_without_gap_or_repetition(service: httpx.Client, photos: list[str]) -> None:
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = service.get(f"{BASE}/images", params={"limit": 7} | after).json()
        seen += [one["id"] for one in page["images"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == photos


def test_categories_and_unsorted_hold_every_image_once(service: httpx.Client, photos: list[str]) -> None:
    answer = service.get(f"{BASE}/categories").json()
    held = []
    for category in [*(one["id"] for one in answer["categories"]), "unsorted"]:
        held += service.get(f"{BASE}/images", params={"category": category, "limit": 1000}).json()["images"]
    assert sorted(one["id"] for one in held) == sorted(photos)
    assert sum(one["size"] for one in answer["categories"]) + answer["unsorted"] == COUNT
    for one in answer["categories"]:
        assert service.get(f"{BASE}/categories/{one['id']}").json() == one


@pytest.mark.parametrize("limit", [0, -1, 1001, "x"])
def test_page_lengths_have_limits(service: httpx.Client, photos: list[str], limit: Any) -> None:
    answer = service.get(f"{BASE}/images", params={"limit": limit})
    assert answer.status_code == 422
    assert "limit" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/collections/nobody"),
        ("GET", "/v1/collections/nobody/categories"),
        ("GET", "/v1/collections/nobody/images"),
        ("GET", "/v1/collections/nobody/events"),
        ("POST", "/v1/collections/nobody/runs"),
        ("POST", "/v1/collections/nobody/search"),
        ("DELETE", "/v1/collections/nobody/images/x"),
        ("DELETE", "/v1/collections/nobody?confirm=nobody"),
        ("GET", f"{BASE}/images/none"),
        ("GET", f"{BASE}/images/none/thumbnail"),
        ("GET", f"{BASE}/images/none/original"),
        ("GET", f"{BASE}/images?after=none"),
        ("GET", f"{BASE}/images?category=none"),
        ("GET", f"{BASE}/categories/none"),
        ("DELETE", f"{BASE}/images/none"),
        ("GET", "/v2"),
    ],
)
def test_what_does_not_exist_is_not_found_and_not_made(
    service: httpx.Client, photos: list[str], method: str, path: str
) -> None:
    answer = service.request(method, path, json={"text": "x"} if path.endswith("search") else None)
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"]["code"] == "not_found"
    names = [one["name"] for one in service.get("/v1/collections").json()["collections"]]
    assert "nobody" not in names


def test_search_by_stored_image_by_file_and_by_base64_agree(service: httpx.Client, photos: list[str]) -> None:
    alike = service.post(f"{BASE}/search", json={"image_id": photos[0], "limit": 5, "min_relevance": 0}).json()[
        "results"
    ]
    assert photos[0] not in [one["image_id"] for one in alike]
    inline = {"image": base64.b64encode(picture(0)).decode(), "limit": 6, "min_relevance": 0}
    by_base64 = service.post(f"{BASE}/search", json=inline).json()["results"]
    by_file = service.post(
        f"{BASE}/search", files={"file": ("a.png", picture(0))}, data={"limit": "6", "min_relevance": "0"}
    ).json()["results"]
    assert by_base64 == by_file
    assert by_file[0]["image_id"] == photos[0]
    assert by_file[0]["score"] == pytest.approx(1, abs=1e-5)
    assert [one["image_id"] for one in by_file[1:]] == [one["image_id"] for one in alike]
    scores = [one["score"] for one in by_file]
    assert scores == sorted(scores, reverse=True)


def test_search_pages_and_filters(service: httpx.Client, photos: list[str]) -> None:
    def ids(**query: Any) -> list[str]:
        answer = service.post(f"{BASE}/search", json={"image_id": photos[0], "min_relevance": 0} | query)
        assert answer.status_code == 200, answer.text
        return [one["image_id"] for one in answer.json()["results"]]

    everything = ids(limit=1000)
    assert len(everything) == COUNT - 1
    assert ids(limit=4) + ids(limit=4, offset=4) == everything[:8]
    assert ids(limit=1000, min_score=1) == []
    assert ids(filter={"added_before": 0}) == []
    unsorted = service.get(f"{BASE}/images", params={"category": "unsorted", "limit": 1000}).json()["images"]
    expected = {one["id"] for one in unsorted} - {photos[0]}
    assert set(ids(limit=1000, filter={"category": "unsorted"})) == expected


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"text": "a dog"}, 400),  # classic has no words
        ({}, 422),
        ({"positives": [{"text": "a", "image_id": "b"}]}, 422),
        ({"image_id": "none"}, 404),
        ({"vector": [1.0, 2.0]}, 422),
        ({"vector": []}, 422),
        ({"image": "not base64!"}, 422),
        ({"image": ""}, 422),
        ({"image": base64.b64encode(b"no picture").decode()}, 422),
        ({"text": "a", "limit": 0}, 422),
        ({"text": "a", "limit": 1001}, 422),
        ({"text": "a", "offset": -1}, 422),
        ({"text": "a", "min_score": 2}, 422),
        ({"text": "a", "filter": {"colour": "red"}}, 422),
        ({"text": "a", "fliter": {}}, 422),
    ],
)
def test_searches_that_make_no_sense_are_refused(
    service: httpx.Client, photos: list[str], query: dict[str, Any], status: int
) -> None:
    answer = service.post(f"{BASE}/search", json=query)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].endswith(".")


def test_a_search_with_numbers_that_are_none_is_refused(service: httpx.Client, photos: list[str]) -> None:
    headers = {"content-type": "application/json"}
    for body in (b'{"vector": [NaN]}', b'{"vector": [1e999]}', b'{"image_id": "x", "filter": {"added_from": NaN}}'):
        assert service.post(f"{BASE}/search", content=body, headers=headers).status_code == 422


def test_thumbnails_are_small_jpegs_that_browsers_must_not_reinterpret(
    service: httpx.Client, photos: list[str]
) -> None:
    answer = service.get(f"{BASE}/images/{photos[0]}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content.startswith(b"\xff\xd8")


def test_events_are_read_from_a_cursor(service: httpx.Client, photos: list[str]) -> None:
    first = service.get(f"{BASE}/events", params={"limit": 5}).json()
    assert len(first["events"]) == 5
    rest = service.get(f"{BASE}/events", params={"after": first["next"], "limit": 1000}).json()
    assert rest["events"][0]["cursor"] == first["next"] + 1
    end = service.get(f"{BASE}/events", params={"after": rest["next"]}).json()
    assert end == {"events": [], "next": rest["next"]}


@pytest.mark.parametrize("style", ["csv", "jsonl"])
def test_an_export_holds_every_image(service: httpx.Client, photos: list[str], style: str) -> None:
    answer = service.get(f"{BASE}/export", params={"style": style})
    lines = answer.text.strip().splitlines()
    ids = [json.loads(line)["image_id"] for line in lines] if style == "jsonl" else [r.split(",")[0] for r in lines[1:]]
    assert sorted(ids) == sorted(photos)


def test_failed_pictures_are_listed_with_their_reasons(service: httpx.Client) -> None:
    upload(service, "failing", picture(1)[:200], "torn.png")
    failed = service.get("/v1/collections/failing/failed").json()["failed"]
    assert [one["item"] for one in failed] == ["torn.png"]


def test_a_deleted_image_is_gone_everywhere(service: httpx.Client) -> None:
    image_id = upload(service, "deleting", picture(1)).json()["image_id"]
    other = upload(service, "deleting", picture(2)).json()["image_id"]
    base = "/v1/collections/deleting"
    assert service.delete(f"{base}/images/{image_id}").json() == {"deleted": 1}
    assert service.get(f"{base}/images/{image_id}").status_code == 404
    assert service.get(f"{base}/images/{image_id}/thumbnail").status_code == 404
    assert [one["id"] for one in service.get(f"{base}/images").json()["images"]] == [other]
    assert service.post(f"{base}/search", json={"image_id": other}).json()["results"] == []


def test_a_collection_is_deleted_only_when_its_name_is_repeated(service: httpx.Client) -> None:
    upload(service, "doomed", picture(1))
    assert service.delete("/v1/collections/doomed").status_code == 400
    assert service.delete("/v1/collections/doomed", params={"confirm": "other"}).status_code == 400
    assert service.delete("/v1/collections/doomed", params={"confirm": "doomed"}).json() == {"deleted": 1}
    assert service.get("/v1/collections/doomed").status_code == 404


def test_two_users_see_only_their_own_pictures(service: httpx.Client) -> None:
    shared = [(f"{seed}.png", picture(seed)) for seed in range(4)]
    anna = many(service, "anna", [*shared, ("a.png", picture(50))]).json()
    bert = many(service, "bert", shared).json()
    assert bert["filed"] == 4  # nothing is known from the other
    own = anna["results"][-1]["image"]["image_id"]
    assert service.get(f"/v1/collections/bert/images/{own}").status_code == 404
    assert service.get(f"/v1/collections/bert/images/{own}/thumbnail").status_code == 404
    assert service.get(f"/v1/collections/bert/images/{own}/original").status_code == 404
    found = service.post("/v1/collections/bert/search", files={"file": ("a.png", picture(50))}).json()["results"]
    assert own not in [one["image_id"] for one in found]
    assert service.post("/v1/collections/bert/search", json={"image_id": own}).status_code == 404
    service.delete("/v1/collections/anna", params={"confirm": "anna"}).raise_for_status()
    assert service.get("/v1/collections/bert").json()["images"] == 4
    image_id = bert["results"][0]["image"]["image_id"]
    assert service.get(f"/v1/collections/bert/images/{image_id}/thumbnail").status_code == 200


def test_collections_are_listed_by_name_in_pages(service: httpx.Client) -> None:
    for name in ("list-b", "list-a", "list-c"):
        upload(service, name, picture(1))
    page = service.get("/v1/collections", params={"after": "list-", "limit": 2}).json()
    assert [one["name"] for one in page["collections"]] == ["list-a", "list-b"]
    assert page["next"] == "list-b"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "192.168.1.5:8642"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "localhost.evil.example"},
    ],
)
def test_web_pages_and_other_machines_are_turned_away(service: httpx.Client, headers: dict[str, str]) -> None:
    assert service.get("/healthz", headers=headers).status_code == 403
    assert service.post("/v1/collections/evil/images", headers=headers).status_code == 403


def test_programs_of_this_machine_are_welcome(service: httpx.Client) -> None:
    for headers in ({"host": "localhost:8642"}, {"host": "[::1]:80"}, {"origin": "http://127.0.0.1:5173"}):
        assert service.get("/healthz", headers=headers).json()["status"] == "ok"


def test_the_interface_describes_itself(service: httpx.Client) -> None:
    described = service.get("/openapi.json").json()
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert {"upload_images", "search_images", "list_categories", "get_thumbnail"} <= set(names)
    upload_body = described["paths"]["/v1/collections/{collection}/images"]["post"]["requestBody"]
    assert {"multipart/form-data", "application/json", "image/jpeg"} <= set(upload_body["content"])
    assert "$defs" not in json.dumps(described)


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_of_the_interface_ask_no_other_machine(service: httpx.Client, page: str) -> None:
    text = service.get(page).text
    assert "http://" not in text
    assert "https://" not in text
    scripts = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert scripts
    assert all(service.get(script).status_code == 200 for script in scripts)
