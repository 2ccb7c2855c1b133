"""Search, counts and likeness over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from categoriser import Library
from tests.api.conftest import serving
from tests.whole import clusters, picture

VECTORS = clusters(240, 8, centres=5, noise=0.2, seed=4)
BASE = "/v1/collections/a"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Library.open(tmp_path_factory.mktemp("search") / "library", encoder="vectors:8") as library:
        made = library.collection("a")
        facts = [{"n": i % 4, "camera": {"model": "X" if i % 2 else "Y"}} for i in range(240)]
        made.add_vectors([f"v{i}" for i in range(240)], VECTORS, metadata=facts)
        made.run()
        with serving(library) as client:
            yield client


def search(client: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = client.post(f"{BASE}/search", json=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_results_say_how_relevant_they_are_and_lead_to_the_next_page(client: httpx.Client) -> None:
    query = {"vector": VECTORS[3].tolist(), "min_relevance": 0}
    seen, cursor = [], None
    while True:
        page = search(client, **query, limit=50, cursor=cursor)
        seen += [one["image_id"] for one in page["results"]]
        cursor = page["next"]
        if cursor is None:
            break
    order = np.argsort(-(VECTORS @ VECTORS[3]))
    assert seen == [f"v{i}" for i in order]
    best = search(client, **query, limit=1)["results"][0]
    assert best["relevance"] > 0.9
    assert best["nearest"] == "vector 1"
    refused = client.post(f"{BASE}/search", json=query | {"cursor": "nonsense"})
    assert refused.status_code == 400
    assert "cursor" in refused.json()["error"]["message"]


def test_for_and_against_with_filters_and_groups(client: httpx.Client) -> None:
    found = search(
        client,
        image_id="v3",
        positives=[{"image_id": "v4"}],
        negatives=[{"vector": (-VECTORS[3]).tolist()}],
        filter={"metadata": {"camera.model": "X", "n": {"gte": 2}}},
        min_relevance=0,
        limit=500,
    )
    ids = {one["image_id"] for one in found["results"]}
    nearer = (VECTORS @ VECTORS[[3, 4]].T).max(axis=1) >= VECTORS @ -VECTORS[3]
    assert ids == {f"v{i}" for i in range(240) if i % 4 == 3 and i != 3 and nearer[i]}
    grouped = search(client, image_id="v3", group_by="category", limit=2, min_relevance=0)
    assert [len(one["results"]) for one in grouped["groups"]] == [3, 3]


@pytest.mark.parametrize(
    "query",
    [
        {"positives": [{}]},
        {"positives": [{"text": "a", "image_id": "b"}]},
        {"image_id": "v3", "diversity": 2},
        {"image_id": "v3", "group_by": "colour"},
        {"image_id": "v3", "filter": {"orientation": "round"}},
        {"image_id": "v3", "filter": {"min_width": -1}},
    ],
)
def test_searches_without_the_right_form_are_refused(client: httpx.Client, query: dict[str, Any]) -> None:
    answer = client.post(f"{BASE}/search", json=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    "metadata", [{'a"b': 1}, {"a": {"near": 1}}, {"a": {"gte": None}}, {"a": {"one_of": [[1]]}}, {"": 1}]
)
def test_conditions_that_make_no_sense_are_refused(client: httpx.Client, metadata: dict[str, Any]) -> None:
    answer = client.post(f"{BASE}/search", json={"image_id": "v3", "filter": {"metadata": metadata}})
    assert answer.status_code == 400, answer.text


def test_facets_duplicates_and_similar_categories(client: httpx.Client) -> None:
    answer = client.post(f"{BASE}/facets", json={"by": ["category", "month"], "filter": {"metadata": {"n": [0, 1]}}})
    assert answer.status_code == 200, answer.text
    for facet in answer.json()["facets"]:
        assert sum(one["count"] for one in facet["counts"]) + facet["others"] == 120
    page = client.get(f"{BASE}/duplicates", params={"min_score": 0.95, "limit": 2}).json()
    assert len(page["groups"]) == 2
    following = client.get(f"{BASE}/duplicates", params={"min_score": 0.95, "limit": 2, "after": page["next"]}).json()
    assert following["groups"][0]["image_id"] not in {one["image_id"] for one in page["groups"]}
    place = client.get(f"{BASE}/categories").json()["categories"][0]["id"]
    near = client.get(f"{BASE}/categories/{place}/similar", params={"limit": 2}).json()["categories"]
    assert len(near) == 2
    assert near[0]["score"] >= near[1]["score"]
    assert place not in {one["id"] for one in near}
    assert client.get(f"{BASE}/categories/none/similar").status_code == 404


def test_pictures_for_and_against_are_sent_as_files(service: httpx.Client) -> None:
    for seed in range(6):
        service.post("/v1/collections/files/images", files={"file": (f"{seed}.png", picture(seed))})
    files = [
        ("file", ("a.png", picture(0))),
        ("positive", ("b.png", picture(1))),
        ("negative", ("c.png", picture(2))),
    ]
    told = {"min_relevance": 0, "limit": 6}
    answer = service.post("/v1/collections/files/search", files=files, data={"query": json.dumps(told)})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert {one["nearest"] for one in results[:2]} == {"picture 1", "picture 2"}
    unwanted = service.post("/v1/collections/files/search", files=[("file", files[2][1])], data={"limit": "1"}).json()
    assert unwanted["results"][0]["image_id"] not in {one["image_id"] for one in results}
    only = service.post("/v1/collections/files/search", files=[files[2]], data={"min_relevance": "0"})
    assert only.status_code == 200, only.text
    for wrong in (
        {"files": [("odd", ("a.png", picture(0)))]},
        {"files": files, "data": {"query": "{}", "limit": "3"}},
        {"files": files, "data": {"query": "no json"}},
    ):
        assert service.post("/v1/collections/files/search", **wrong).status_code == 422


def test_the_description_shows_how_to_search(client: httpx.Client) -> None:
    told = client.get("/openapi.json").json()["paths"]
    body = told["/v1/collections/{collection}/search"]["post"]["requestBody"]["content"]
    assert "for and against" in body["application/json"]["examples"]
    assert "negative" in body["multipart/form-data"]["schema"]["properties"]
    for path in ("facets", "duplicates", "categories/{category}/similar"):
        assert f"/v1/collections/{{collection}}/{path}" in told
