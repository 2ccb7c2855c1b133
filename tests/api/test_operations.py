"""What operators ask a service: is it ready, how is it doing, which request was it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.stopping import Gate
from tests.api.conftest import Start, serving, serving_app
from tests.whole import picture

SECRET_NAME = "anna-private-holiday"


def metrics(service: httpx.Client) -> dict[str, float]:
    """Samples by name and labels, as ``name{label=value}``."""
    answer = service.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    found = {}
    for family in families(answer.text):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def upload(service: httpx.Client, seed: int, collection: str = "metrics", **more: object) -> httpx.Response:
    return service.post(f"/v1/collections/{collection}/images", files={"file": ("a.png", picture(seed))}, **more)


def test_metrics_count_pictures_stages_requests_and_errors(start: Start) -> None:
    service = start()
    for seed in (1, 2, 3, 3):
        assert upload(service, seed, SECRET_NAME).is_success
    broken = service.post(f"/v1/collections/{SECRET_NAME}/images", files={"file": ("b.png", b"no picture")})
    assert broken.status_code == 422
    assert service.post(f"/v1/collections/{SECRET_NAME}/runs").is_success
    assert service.get(f"/v1/collections/{SECRET_NAME}/images/no%2Fsuch").status_code == 404
    assert service.get(f"/nowhere/{SECRET_NAME}").status_code == 404
    found = metrics(service)
    assert found["categoriser_pictures_total{outcome=filed}"] == 3
    assert found["categoriser_pictures_total{outcome=known}"] == 1
    assert found["categoriser_pictures_total{outcome=refused}"] == 1
    assert found["categoriser_stage_seconds_count{stage=read}"] == 4
    assert found["categoriser_stage_seconds_count{stage=decode}"] == 3
    assert 1 <= found["categoriser_stage_seconds_count{stage=encode}"] <= 3
    assert 1 <= found["categoriser_stage_seconds_count{stage=file}"] <= 3
    assert found["categoriser_stage_seconds_count{stage=answer}"] == 5
    assert found["categoriser_batch_pictures_sum"] == 3
    assert 0 < found["categoriser_batch_fill_ratio"] <= 1
    assert found["categoriser_run_seconds_count"] == 1
    assert found["categoriser_images"] == 3
    assert found["categoriser_collections"] == 1
    assert 0 <= found["categoriser_unsorted_ratio"] <= 1
    assert found["categoriser_open_collections"] == 1
    assert found["categoriser_engine_state_bytes"] > 0
    assert found["categoriser_store_disk_bytes"] > 0
    assert found["categoriser_queue_pictures"] == found["categoriser_queue_oldest_age_seconds"] == 0
    route = "/v1/collections/{collection}/images"
    assert found[f"categoriser_http_requests_total{{method=POST,route={route},status=201}}"] == 3
    assert found[f"categoriser_http_requests_total{{method=POST,route={route},status=422}}"] == 1
    assert found["categoriser_errors_total{code=unreadable_picture,of=request}"] == 1
    assert found["categoriser_errors_total{code=unreadable_picture,of=picture}"] == 1
    unknown = [name for name in found if "requests_total" in name and "status=404" in name]
    assert len(unknown) == 2  # a route's template, and "none" for what is no route
    assert any("route=none" in name for name in unknown)
    assert any("image_id" in name for name in unknown)


def test_metrics_name_no_collection_and_no_image(start: Start) -> None:
    service = start()
    image = upload(service, 1, SECRET_NAME).json()["image_id"]
    service.get(f"/v1/collections/{SECRET_NAME}/images/{image}")
    service.get(f"/{SECRET_NAME}")
    text = service.get("/metrics").text
    assert SECRET_NAME not in text
    assert image not in text


def test_the_queue_is_seen_with_the_age_of_its_oldest_picture(tmp_path: Path) -> None:
    from categoriser.catalog import inbox

    with Library.open(tmp_path / "library", encoder="classic") as library:
        row = library.collection("a").row
        entry = {"image_id": "x", "sha256": "0" * 64, "name": "x", "source": None, "stored": True, "metadata": None}
        with library.storage.database.write() as connection:
            inbox.accept(connection, row.id, [entry, entry])
        with serving(library) as service:
            found = metrics(service)
    assert found["categoriser_queue_pictures"] == 2
    assert 0 < found["categoriser_queue_oldest_age_seconds"] < 3600


def test_a_service_is_ready_when_every_part_answers(service: httpx.Client) -> None:
    answer = service.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert [check["name"] for check in answer.json()["checks"]] == ["database", "vectors", "encoder", "running"]


def test_a_service_without_its_encoder_is_not_ready_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    library = Library.open(tmp_path / "library", encoder="laion-clip-b32", offline=True)
    with library, serving(library) as service:
        assert service.get("/healthz").status_code == 200
        answer = service.get("/readyz")
    assert answer.status_code == 503
    problems = {check["name"]: check["problem"] for check in answer.json()["checks"]}
    assert problems["database"] is problems["vectors"] is None
    assert "are missing" in (problems["encoder"] or "")


def test_a_service_whose_store_is_broken_is_not_ready(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library, serving(library) as service:
        assert upload(service, 1).status_code == 201
        library.storage.delivery.stores[0].close()
        problems = {check["name"]: check["problem"] for check in service.get("/readyz").json()["checks"]}
    assert "closed" in problems["vectors"]
    assert problems["database"] is None


def test_a_request_keeps_its_id_or_gets_one(service: httpx.Client) -> None:
    assert service.get("/healthz", headers={"X-Request-Id": "upload-7.a"}).headers["x-request-id"] == "upload-7.a"
    made = service.get("/healthz").headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{16}", made)
    assert service.get("/healthz").headers["x-request-id"] != made
    for insane in ("a b", "x" * 200, "<script>", 'a"b'):
        assert service.get("/healthz", headers={"X-Request-Id": insane}).headers["x-request-id"] != insane
    missing = service.get("/v1/collections/nobody/categories", headers={"X-Request-Id": "r1"})
    assert (missing.status_code, missing.headers["x-request-id"]) == (404, "r1")


def test_a_closed_gate_lets_look_and_search_but_take_nothing_new(library: Library) -> None:
    app = create_app(library)
    gate: Gate = app.state.gate
    with serving_app(app) as client:
        assert client.post("/v1/collections/gate/images", files={"file": ("a.png", picture(7))}).status_code == 201
        gate.close()
        refused = client.post("/v1/collections/gate/images", files={"file": ("a.png", picture(8))})
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert refused.headers["connection"] == "close"
        assert refused.json()["error"]["code"] == "stopping"
        found = client.post("/v1/collections/gate/search", files={"file": ("a.png", picture(7))})
        assert found.status_code == 200
        assert client.get("/v1/collections/gate/categories").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert [check["name"] for check in ready.json()["checks"] if not check["ok"]] == ["running"]
        assert client.get("/healthz").status_code == 200
