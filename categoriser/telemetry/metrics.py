"""Prometheus metrics of what happens: counters and histograms that are fed while work is done.

Labels are words of ours alone (stages, routes, codes), never names or ids: their number stays small, and who may read
metrics learns about nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from categoriser.domain import Filed, RunReport
from categoriser.errors import CategoriserError, RejectedError, code_of
from categoriser.observer import Stage

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
STAGES: Final[tuple[Stage, ...]] = ("read", "decode", "encode", "file", "answer")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_RUN_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_PICTURES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_SHARES: Final = (0.0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """An Observer that counts. Each has a registry of its own, so that two services in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        stages = self._histogram(
            "stage_seconds",
            "Time in a step of the pipeline: of a picture in read, decode and answer (from first to last), of a batch "
            "in encode and file",
            _SECONDS,
            "stage",
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        self._batches = self._histogram("batch_pictures", "Pictures per encoder call", _PICTURES)
        self._fill = self._gauge("batch_fill_ratio", "Pictures of the last encoder call by most there may be")
        pictures = self._counter("pictures", "Pictures answered, by outcome", "outcome")
        self._outcomes = {name: pictures.labels(name) for name in ("filed", "known", "refused", "failed")}
        self._errors = self._counter("errors", "Failures by code, of requests and of single pictures", "of", "code")
        self._runs = self._counter("runs", "Runs of the job, by outcome", "outcome")
        self._run_seconds = self._histogram("run_seconds", "Time of a run", _RUN_SECONDS)
        self._churn = self._histogram(
            "run_churn_ratio", "Share of a collection's images that a run moved between categories", _SHARES
        )
        self._last_churn = self._gauge("last_run_churn_ratio", "The same of the last run of any collection")
        self._requests = self._counter("http_requests", "HTTP requests", "method", "route", "status")
        self._request_seconds = self._histogram(
            "http_request_seconds", "Time until an answer begins", _SECONDS, "route"
        )

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)

    def request(self, method: str, route: str, status: int, seconds: float, code: str | None) -> None:
        """An HTTP request was answered; ``route`` is a template, never a path."""
        self._requests.labels(method if method in _METHODS else "other", route, status).inc()
        self._request_seconds.labels(route).observe(seconds)
        if code is not None:
            self._errors.labels("request", code).inc()

    def here(self) -> object:
        """See Observer."""
        return None

    def stage(self, name: Stage, started: float, ended: float, origins: Sequence[object]) -> None:
        """See Observer."""
        self._stages[name].observe(ended - started)

    def batch(self, pictures: int, room: int) -> None:
        """See Observer."""
        self._batches.observe(pictures)
        self._fill.set(pictures / room)

    def answered(self, outcome: Filed | BaseException) -> None:
        """See Observer."""
        if isinstance(outcome, Filed):
            self._outcomes["known" if outcome.known else "filed"].inc()
            return
        self._outcomes["refused" if isinstance(outcome, RejectedError) else "failed"].inc()
        self._errors.labels("picture", code_of(outcome) if isinstance(outcome, CategoriserError) else "internal").inc()

    def ran(self, report: RunReport | None, images: int, started: float, ended: float) -> None:
        """See Observer."""
        self._runs.labels("failed" if report is None else "done").inc()
        if report is None:
            return
        self._run_seconds.observe(ended - started)
        churn = min(1.0, report.moved / max(1, images))
        self._churn.observe(churn)
        self._last_churn.set(churn)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"categoriser_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"categoriser_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"categoriser_{name}", text, labels, buckets=buckets, registry=self.registry)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
