"""Spans of requests, pictures and runs, as OpenTelemetry's own exporter in memory gets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from categoriser import Library
from categoriser.api import create_app
from categoriser.observer import SILENT
from categoriser.telemetry.metrics import Metrics
from categoriser.telemetry.tracing import Traces
from tests.api.conftest import serving
from tests.whole import picture

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed: pip install -e '.[otel]'")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(tmp_path: Path, exported: InMemorySpanExporter) -> Iterator[httpx.Client]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    with (
        Library.open(tmp_path / "library", encoder="classic") as library,
        serving(library, traces=Traces(provider)) as client,
    ):
        yield client


def spans(exported: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exported.get_finished_spans()}


def test_the_stages_of_a_picture_lie_under_the_request_that_sent_it(
    traced: httpx.Client, exported: InMemorySpanExporter
) -> None:
    answer = traced.post(
        "/v1/collections/anna/images", files={"file": ("a.png", picture(1))}, headers={"traceparent": CALLER}
    )
    assert answer.status_code == 201
    traced.get("/healthz")  # by then everything of the first is over
    found = spans(exported)
    request = found["POST /v1/collections/{collection}/images"]
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    assert request.parent is not None
    assert f"{request.context.trace_id:032x}" == CALLER.split("-")[1]
    for stage in ("read", "decode", "encode", "file", "answer"):
        span = found[stage]
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id
        assert request.start_time <= span.start_time + 5_000_000  # the clocks are read one after the other
        assert span.start_time <= span.end_time
    assert found["read"].end_time <= found["encode"].start_time + 5_000_000
    assert not any("anna" in str(span.to_json()) for span in found.values())


def test_a_run_has_a_span_with_what_it_did(traced: httpx.Client, exported: InMemorySpanExporter) -> None:
    for seed in range(3):
        traced.post("/v1/collections/anna/images", files={"file": ("a.png", picture(seed))})
    traced.post("/v1/collections/anna/runs")
    traced.get("/healthz")
    found = spans(exported)
    run, request = found["run"], found["POST /v1/collections/{collection}/runs"]
    assert run.attributes is not None
    assert run.attributes["categoriser.images"] == 3
    assert run.parent is not None
    assert run.parent.span_id == request.context.span_id


def test_without_traces_nothing_but_metrics_listens(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        assert library.storage.observer is SILENT
        create_app(library)
        assert isinstance(library.storage.observer, Metrics)
