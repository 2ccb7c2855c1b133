"""Views over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from categoriser import Library
from tests.api.conftest import serving
from tests.descriptions import KINDS, described
from tests.naming.conftest import ChatServer, chat
from tests.whole import picture

__all__ = ["chat"]  # a fixture


def test_a_view_is_made_filled_run_corrected_and_deleted(service: httpx.Client, library: Library) -> None:
    library.collection("films")
    texts, _ = described(60)
    films = library.text_collection("texts", criterion="object")
    assert films.name == "texts"
    photos = library.collection("photos")
    photos.add([picture(i) for i in range(60)])
    ids = list(photos.assignments())
    url = "/v1/collections/photos/views"
    assert service.get(url).json() == {"views": [], "next": None}
    made = service.post(url, json={"name": "by object", "criterion": "object"})
    assert made.status_code == 201
    assert made.json()["images"] == 0
    assert service.post(url, json={"name": "by object", "criterion": "object"}).status_code == 200
    view = {"view": "by object"}
    report = service.post(
        f"{url}/texts", params=view, json={"texts": {**dict(zip(ids, texts, strict=True)), "x": "no"}}
    )
    assert (report.json()["filed"], report.json()["known"], len(report.json()["refused"])) == (60, 0, 1)
    base = "/v1/collections/photos"
    assert service.post(f"{base}/runs", params=view).json()["categories"] == 4
    page = service.get(f"{base}/categories", params={**view, "limit": 3}).json()
    assert len(page["categories"]) == 3
    assert {one["label"] for one in page["categories"]} <= {kind.capitalize() for kind in KINDS}
    category = page["categories"][0]
    listed = service.get(f"{base}/images", params={**view, "category": category["id"], "limit": 2}).json()
    assert listed["next"] == listed["images"][-1]["id"]
    assert service.get(f"{base}/images/{listed['next']}/thumbnail", params=view).status_code == 200
    found = service.post(f"{base}/search", params=view, json={"text": "a horse", "limit": 3}).json()["results"]
    assert {one["label"] for one in found} == {"Horse"}
    named = service.patch(f"{base}/categories/{category['id']}", params=view, json={"label": "Mine"})
    assert named.status_code == 200
    assert service.get(f"{base}/export", params={**view, "style": "jsonl"}).text.count("\n") == 60
    assert [one["name"] for one in service.get("/v1/collections").json()["collections"]] == ["films", "photos", "texts"]
    attributes = service.get(f"{url}/attributes", params={"image_id": found[0]["image_id"]}).json()
    assert set(attributes["attributes"]) == {"by object"}
    assert service.get(f"{base}/categories", params={"view": "none"}).status_code == 404
    assert service.delete(url, params=view).json() == {"deleted": 60}
    assert service.get(url).json()["views"] == []
    assert service.get(base).json()["images"] == 60


def test_terms_are_asked_for_where_pictures_can_be_compared_with_them(service: httpx.Client, library: Library) -> None:
    library.collection("asked")
    url = "/v1/collections/asked/views/terms"
    refused = service.post(url, json={"criterion": "place", "dry_run": True})
    assert refused.status_code == 400
    assert "reads no text" in refused.json()["error"]["message"]
    assert service.post(url, json={"criterion": ""}).status_code == 422
    assert service.post("/v1/collections/nobody/views/terms", json={"criterion": "place"}).status_code == 404


def test_views_are_paged(service: httpx.Client, library: Library) -> None:
    library.collection("paged")
    url = "/v1/collections/paged/views"
    for name in ("a", "b", "c"):
        service.post(url, json={"name": name})
    first = service.get(url, params={"limit": 2}).json()
    assert ([one["name"] for one in first["views"]], first["next"]) == (["a", "b"], "b")
    assert [one["name"] for one in service.get(url, params={"after": "b"}).json()["views"]] == ["c"]


def test_what_makes_no_sense_is_refused(service: httpx.Client, library: Library) -> None:
    library.collection("other")
    url = "/v1/collections/other/views"
    assert service.post(url, json={"name": ""}).status_code == 422
    assert service.post(url, json={"name": "x", "encoder": "classic"}).status_code == 400
    assert service.post(url, json={"name": "x", "terms": ["a", "b"]}).status_code == 400
    assert service.post("/v1/collections/nobody/views", json={"name": "x"}).status_code == 404
    assert service.delete(url, params={"view": "nobody"}).status_code == 404


def test_what_a_view_would_take_is_told_before_it_is_made(service: httpx.Client) -> None:
    base = "/v1/collections/thought-about"
    url = f"{base}/views/estimate"
    for number in range(5):
        fields = {"title": f"a {number}", "album": 7} if number < 3 else {"title": None}
        files, data = {"file": (f"{number}.png", picture(number))}, {"metadata": json.dumps(fields)}
        assert service.post(f"{base}/images", files=files, data=data).is_success
    told = service.post(url, json={"criterion": "place", "from_metadata": "title"}).json()
    assert (told["images"], told["texts"]) == (5, 3)
    assert told["fields"] == [{"name": "title", "images": 3}]
    assert "reads no words" in told["terms_problem"]
    assert (told["model"], told["questions"]) == (None, 0)
    assert service.get(f"{base}/views").json()["views"] == []
    assert service.post(url, json={"from_metadata": 'a"b'}).status_code == 400


def test_pictures_are_described_a_few_at_a_time_and_none_twice(tmp_path: Path, chat: ChatServer) -> None:
    chat.says("The object in the picture is a cargo ship.")
    eyes = {"captions": chat.url, "caption_model": "eyes", "automatic": False}
    with Library.open(tmp_path / "library", "classic", automatic_runs=False, naming=eyes) as library:
        library.collection("photos").add([picture(i) for i in range(5)])
        with serving(library) as client:
            url, view = "/v1/collections/photos/views", {"view": "by object"}
            told = client.post(f"{url}/estimate", json={"criterion": "object"}).json()
            assert (told["to_describe"], told["describer_problem"]) == (5, None)
            assert told["describer"].startswith("eyes@")
            assert chat.requests == []
            client.post(url, json={"name": "by object", "criterion": "object"}).raise_for_status()
            first = client.post(f"{url}/descriptions", params=view, json={"pictures": 3}).json()
            assert (first["described"], first["filed"], first["left"]) == (3, 3, 2)
            chat.answer = lambda _: (400, {}, b"{}")
            failed = client.post(f"{url}/descriptions", params=view, json={"pictures": 1}).json()
            assert (failed["described"], len(failed["failed"]), failed["left"]) == (0, 1, 2)
            chat.says("The object in the picture is a harp.")
            rest = client.post(f"{url}/descriptions", params=view, json={"pictures": 3, "after": first["next"]}).json()
            assert (rest["described"], rest["left"], rest["next"]) == (2, 0, None)
            assert len(chat.requests) == 6
            again = client.post(f"{url}/descriptions", params=view, json={}).json()
            assert (again["described"], again["filed"], len(chat.requests)) == (0, 0, 6)
            client.delete(url, params=view)
            client.post(url, json={"name": "by object", "criterion": "object"}).raise_for_status()
            known = client.post(f"{url}/descriptions", params=view, json={"pictures": 0}).json()
            assert (known["described"], known["filed"], len(chat.requests)) == (0, 5, 6)
            (spent,) = client.get("/v1/collections/photos/naming").json()["spent"]
            assert (spent["part"], spent["calls"]) == ("descriptions", 6)


def test_describing_without_a_model_or_a_criterion_is_refused_in_a_sentence(service: httpx.Client) -> None:
    base = "/v1/collections/blind"
    service.post(f"{base}/images", files={"file": ("1.png", picture(1))}).raise_for_status()
    told = service.post(f"{base}/views/estimate", json={"criterion": "mood"}).json()
    assert "naming.captions" in told["describer_problem"]
    service.post(f"{base}/views", json={"name": "mood", "criterion": "mood"}).raise_for_status()
    refused = service.post(f"{base}/views/descriptions", params={"view": "mood"}, json={})
    assert refused.status_code == 400
    assert "naming.captions" in refused.json()["error"]["message"]


def test_texts_that_come_with_a_new_view_are_reported_on(service: httpx.Client, library: Library) -> None:
    library.collection("reported").add(picture(1))
    known = next(iter(library.collection("reported").assignments()))
    body = {"name": "look", "texts": {known: "a dog", "nobody": "a cat"}}
    answer = service.post("/v1/collections/reported/views", json=body)
    assert answer.status_code == 201
    told = answer.json()["texts"]
    assert (told["filed"], told["known"]) == (1, 0)
    assert [one["image_id"] for one in told["refused"]] == ["nobody"]
    assert "no such image" in told["refused"][0]["reason"]
    again = service.post("/v1/collections/reported/views", json=body).json()["texts"]
    assert (again["filed"], again["known"], len(again["refused"])) == (0, 1, 1)
