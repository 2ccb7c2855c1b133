"""Pictures come in over HTTP and are answered with their category."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from categoriser.errors import UnreachableError
from tests.api.conftest import Start
from tests.web.scenes import scene
from tests.whole import picture


def upload(client: httpx.Client, collection: str, data: bytes, name: str = "a.png", **fields: Any) -> httpx.Response:
    url = f"/v1/collections/{quote(collection, safe='')}/images"
    return client.post(url, files={"file": (name, data)}, data=fields)


def many(client: httpx.Client, collection: str, pictures: list[tuple[str, bytes]], **fields: Any) -> httpx.Response:
    return client.post(f"/v1/collections/{collection}/images", files=[("files", one) for one in pictures], data=fields)


def test_one_picture_is_answered_with_where_it_was_filed_and_can_be_found_at_once(service: httpx.Client) -> None:
    answer = upload(service, "one", picture(1), "cat.png")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"image_id", "category", "label", "known", "stacked_on", "tentative"}
    assert body["known"] is False
    image = service.get(f"/v1/collections/one/images/{body['image_id']}").json()
    assert image["name"] == "cat.png"
    assert image["category"] == body["category"]


def test_the_same_picture_again_is_known_and_changes_nothing(service: httpx.Client) -> None:
    first, second = upload(service, "again", picture(1)), upload(service, "again", picture(1))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json() | {"known": True}
    assert service.get("/v1/collections/again").json()["images"] == 1


def test_the_answer_has_the_name_of_the_category(service: httpx.Client) -> None:
    scenes = [scene(kind, seed) for seed in range(12) for kind in ("hills", "bricks")]
    many(service, "named", [(f"{place}.jpg", data) for place, data in enumerate(scenes)]).raise_for_status()
    service.post("/v1/collections/named/runs").raise_for_status()
    for one in service.get("/v1/collections/named/categories").json()["categories"]:
        path = f"/v1/collections/named/categories/{one['id']}"
        service.patch(path, json={"label": f"Mine {one['id']}"}).raise_for_status()
    answers = [upload(service, "named", scene(kind, 50), "new.jpg").json() for kind in ("hills", "bricks")]
    assert len({one["category"] for one in answers}) == 2
    answers.append(upload(service, "named", scene("hills", 50), "again.jpg").json())
    assert answers[2] == answers[0] | {"known": True}
    for answer in answers:
        assert answer["label"] == f"Mine {answer['category']}"
        image = service.get(f"/v1/collections/named/images/{answer['image_id']}").json()
        assert (image["category"], image["label"]) == (answer["category"], answer["label"])


def test_several_pictures_are_reported_one_by_one_in_their_order(service: httpx.Client) -> None:
    sent = [("a.png", picture(1)), ("broken.png", picture(2)[:100]), ("again.png", picture(1)), ("empty.png", b"")]
    answer = many(service, "several", sent)
    assert answer.status_code == 200
    report = answer.json()
    assert [one["name"] for one in report["results"]] == ["a.png", "broken.png", "again.png", "empty.png"]
    assert [one["status"] for one in report["results"]] == ["filed", "refused", "known", "refused"]
    assert (report["filed"], report["known"], report["refused"]) == (1, 1, 2)
    assert report["results"][1]["error"]["code"] == "unreadable_picture"
    assert "empty" in report["results"][3]["error"]["message"]


def test_ids_and_metadata_belong_to_their_pictures(service: httpx.Client) -> None:
    sent = [("a.png", picture(1)), ("b.png", picture(2))]
    many(service, "facts", sent, id=["x/1", "x/2"], metadata=['{"n": 1}', '{"n": 2}'])
    page = service.get("/v1/collections/facts/images").json()["images"]
    assert [(one["id"], one["metadata"]) for one in page] == [("x/1", {"n": 1}), ("x/2", {"n": 2})]


def test_one_metadata_object_is_for_all_pictures(service: httpx.Client) -> None:
    many(service, "shared", [("a.png", picture(1)), ("b.png", picture(2))], metadata='{"album": 7}')
    page = service.get("/v1/collections/shared/images").json()["images"]
    assert [one["metadata"] for one in page] == [{"album": 7}] * 2


def test_an_id_of_another_picture_is_a_conflict(service: httpx.Client) -> None:
    upload(service, "conflict", picture(1), id="mine")
    answer = upload(service, "conflict", picture(2), id="mine")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "unreadable_picture"), (b"hello", "unreadable_picture"), (picture(1)[:60], "unreadable_picture")],
)
def test_what_is_no_picture_is_refused_with_a_sentence(service: httpx.Client, data: bytes, code: str) -> None:
    answer = upload(service, "broken", data)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({}, 415),
        ({"content": b"", "headers": {"content-type": "application/json"}}, 422),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 422),
        ({"json": {}}, 422),
        ({"json": []}, 422),
        ({"json": {"images": []}}, 422),
        ({"json": {"url": "file:///etc/passwd"}}, 422),
        ({"json": {"url": "http://127.0.0.1/a.jpg"}}, 422),
        ({"json": {"url": "https://example.org/a.jpg", "path": "/etc/passwd"}}, 422),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
        ({"files": {"picture": ("a.png", picture(1))}}, 422),
        ({"files": {"file": ("a.png", picture(1))}, "data": {"id": ["a", "b"]}}, 422),
        ({"files": {"file": ("a.png", picture(1))}, "data": {"id": "x" * 513}}, 422),
        ({"files": {"file": ("a.png", picture(1))}, "data": {"metadata": "[1]"}}, 422),
        ({"files": {"file": ("a.png", picture(1))}, "data": {"metadata": '{"a": NaN}'}}, 422),
        ({"files": {"file": ("a.png", picture(1))}, "data": {"metadata": '{"a": "\\ud800"}'}}, 422),
        ({"files": {"file": ("a.png", picture(1))}, "data": {"metadata": '{"a": "' + "x" * 70_000 + '"}'}}, 422),
        ({"files": [("file", ("a.png", b"x"))] * 101}, 400),
    ],
)
def test_requests_of_the_wrong_form_are_refused_in_the_one_shape(
    service: httpx.Client, arguments: dict[str, Any], status: int
) -> None:
    answer = service.post("/v1/collections/malformed/images", **arguments)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message"}


def test_addresses_inside_the_own_network_are_refused_each_for_itself(service: httpx.Client) -> None:
    answer = service.post(
        "/v1/collections/addresses/images",
        json={"images": [{"url": "http://127.0.0.1:1/a.jpg"}, {"url": "http://[::1]/b.jpg", "id": "b"}]},
    )
    assert answer.status_code == 200
    assert [one["error"]["code"] for one in answer.json()["results"]] == ["fetch", "fetch"]


def test_a_picture_is_fetched_from_its_address(start: Start, service: httpx.Client) -> None:
    image_id = upload(service, "source", picture(5)).json()["image_id"]
    address = str(service.base_url.join(f"/v1/collections/source/images/{image_id}/original"))
    client = start(allow_private_addresses=True)
    answer = client.post("/v1/collections/fetched/images", json={"url": address, "id": "f", "metadata": {"a": 1}})
    assert answer.status_code == 201
    image = client.get("/v1/collections/fetched/images/f").json()
    assert (image["url"], image["metadata"]) == (address, {"a": 1})


def test_a_file_beyond_the_limit_is_too_large_alone_and_refused_among_others(start: Start) -> None:
    client = start(max_bytes=20_000)
    large = picture(1) + bytes(20_000)
    answer = upload(client, "c", large, "large.png")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    report = many(client, "c", [("large.png", large), ("small.png", picture(2))]).json()
    assert [one["status"] for one in report["results"]] == ["refused", "filed"]
    assert report["results"][0]["error"]["code"] == "too_large"


def test_a_body_beyond_the_limit_is_refused_with_and_without_an_announced_length(start: Start) -> None:
    client = start(max_body=100_000)
    announced = upload(client, "c", bytes(120_000))
    assert announced.status_code == 413
    headers = {"content-type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    chunks = [part, *[bytes(30_000)] * 5]
    streamed = client.post("/v1/collections/c/images", content=iter(chunks), headers=headers)
    assert streamed.status_code == 413
    assert streamed.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize("image_id", ["a/b.jpg", "a%2Fb", "über/große katze.png", "a b?c#d&e=f", "x/thumbnail", "100%"])
def test_ids_may_hold_anything(service: httpx.Client, image_id: str) -> None:
    assert upload(service, "odd/ids", picture(hash(image_id) % 1000), id=image_id).status_code in {200, 201, 409}
    data = picture(7)
    service.request("DELETE", f"/v1/collections/odd%2Fids/images/{quote(image_id, safe='')}")
    assert upload(service, "odd/ids", data, id=image_id).json()["image_id"] == image_id
    for written in {quote(image_id, safe=""), quote(image_id)} - {"x/thumbnail"}:
        base = f"/v1/collections/odd%2Fids/images/{written}"
        assert service.get(base).json()["id"] == image_id
        assert service.get(f"{base}/thumbnail").headers["content-type"] == "image/jpeg"
        assert service.get(f"{base}/original").content == data
    assert service.delete(f"/v1/collections/odd%2Fids/images/{quote(image_id, safe='')}").json() == {"deleted": 1}


def test_uploads_from_many_threads_are_all_filed_once(service: httpx.Client) -> None:
    data = [picture(seed) for seed in range(40)]

    def send(seed: int) -> int:
        return upload(service, "threads", data[seed % 40]).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(80)))
    assert set(statuses) <= {200, 201}
    listing = service.get("/v1/collections/threads/images", params={"limit": 1000}).json()["images"]
    assert len(listing) == len({one["id"] for one in listing}) == 40
    categories = service.get("/v1/collections/threads/categories").json()
    assert sum(one["size"] for one in categories["categories"]) + categories["unsorted"] == 40


def test_a_full_pipeline_answers_busy_or_waits_and_loses_nothing(start: Start) -> None:
    client = start(waiting_limit=2)

    def send(number: int) -> httpx.Response:
        return many(client, "busy", [(f"{i}.png", picture(100 * number + i)) for i in range(6)])

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 503)
    filed = sum(answer.json()["filed"] for answer in answers if answer.status_code == 200)
    assert filed > 0
    assert client.get("/v1/collections/busy").json()["images"] == filed


def test_an_encoder_without_weights_is_unavailable_and_not_a_crash(start: Start) -> None:
    client = start(encoder="laion-clip-b32", offline=True)
    answer = upload(client, "c", picture(1))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] in {"missing_weights", "missing_extra"}


def test_large_uploads_are_streamed_to_disk_and_stored_as_sent(service: httpx.Client) -> None:
    data = picture(9, side=1500, kind="BMP")
    image_id = upload(service, "large", data, "big.bmp").json()["image_id"]
    answer = service.get(f"/v1/collections/large/images/{image_id}/original")
    assert answer.content == data
    assert answer.headers["content-type"] == "image/bmp"
    assert answer.headers["content-disposition"] == 'attachment; filename="big.bmp"'
    assert len(io.BytesIO(answer.content).getvalue()) > 1024 * 1024


@pytest.mark.parametrize("image_id", ["a\nb", "a\tb", "a\x7fb", "a\u2028b"])
def test_ids_with_control_characters_are_refused_in_a_sentence(service: httpx.Client, image_id: str) -> None:
    answer = upload(service, "controls", picture(1), id=image_id)
    assert answer.status_code == 422
    assert "control characters" in answer.json()["error"]["message"]


def test_a_nul_in_a_path_is_no_slash(service: httpx.Client) -> None:
    upload(service, "nul", picture(1), id="a/b")
    assert service.get("/v1/collections/nul/images/a%2Fb").status_code == 200
    for path in ("images/a%00b", "images/a%00b%2Fc"):
        answer = service.get(f"/v1/collections/nul/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_pictures_for_a_collection_of_ready_vectors_are_refused_before_the_inbox(start: Start) -> None:
    client = start(encoder="vectors:4")
    answer = upload(client, "anna", picture(1))
    assert answer.status_code == 400
    assert "ready vectors" in answer.json()["error"]["message"]
    assert client.get("/v1/collections").json()["collections"] == []


def test_an_address_that_may_answer_later_is_502_and_retry_after(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start()

    def silent(*_: object) -> bytes:
        raise UnreachableError("https://example.org/a.jpg did not answer in time (4 tries); try again later.")

    monkeypatch.setattr("categoriser.intake.fetch.Fetcher.fetch", silent)
    body = {"url": "https://example.org/a.jpg"}
    answer = client.post("/v1/collections/later/images", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "unreachable")
    assert int(answer.headers["retry-after"]) > 0
    report = client.post("/v1/collections/later/images", json={"images": [body]}).json()
    assert report["results"][0]["error"]["code"] == "unreachable"
