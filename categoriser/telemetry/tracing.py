"""OpenTelemetry spans: requests, the steps of the pictures they sent, and runs; only where that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Final

from categoriser.domain import Filed, RunReport
from categoriser.errors import MissingExtraError
from categoriser.observer import Stage

_EXTRA: Final = "Traces need OpenTelemetry: pip install -e '.[otel]', or set operations.traces to false."


class Traces:
    """An Observer that makes spans, named after stages and routes, never after collections or people."""

    def __init__(self, provider: Any = None) -> None:
        """Spans go to a TracerProvider, by default the one that the process has set up.

        Raises:
            MissingExtraError: opentelemetry-api is not installed.
        """
        try:
            from opentelemetry import context, propagate, trace  # noqa: PLC0415 - an extra
        except ImportError:
            raise MissingExtraError(_EXTRA) from None
        self._context, self._propagate, self._trace = context, propagate, trace
        self._tracer = trace.get_tracer("categoriser", metadata.version("categoriser"), tracer_provider=provider)

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Callable[[str, int], None]]:
        """A span around a request, under the caller's where its headers name one; to be told route and status."""
        parent = self._propagate.extract(dict(headers))
        with self._tracer.start_as_current_span(method, context=parent, kind=self._trace.SpanKind.SERVER) as span:
            span.set_attribute("http.request.method", method)

            def answered(route: str, status: int) -> None:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(self._trace.StatusCode.ERROR)

            yield answered

    def here(self) -> object:
        """See Observer."""
        return self._context.get_current()

    def stage(self, name: Stage, started: float, ended: float, origins: Sequence[object]) -> None:
        """See Observer."""
        for origin in origins:
            context: Any = origin
            if self._trace.get_current_span(context).get_span_context().is_valid:  # else nobody asks for it
                span = self._tracer.start_span(name, context=context, start_time=_unix_ns(started))
                if len(origins) > 1:
                    span.set_attribute("categoriser.batch", len(origins))
                span.end(_unix_ns(ended))

    def batch(self, pictures: int, room: int) -> None:
        """See Observer."""

    def answered(self, outcome: Filed | BaseException) -> None:
        """See Observer."""

    def ran(self, report: RunReport | None, images: int, started: float, ended: float) -> None:
        """See Observer."""
        span = self._tracer.start_span("run", start_time=_unix_ns(started))
        span.set_attribute("categoriser.images", images)
        if report is None:
            span.set_status(self._trace.StatusCode.ERROR)
        else:
            for name in ("moved", "spawned", "split", "merged", "categories"):
                span.set_attribute(f"categoriser.{name}", getattr(report, name))
        span.end(_unix_ns(ended))


@contextmanager
def exporting() -> Iterator[Traces]:
    """Traces that are sent where the environment says (``OTEL_EXPORTER_OTLP_ENDPOINT`` and its kin) until the end.

    A provider that the process has set up already, as ``opentelemetry-instrument`` does, is used as it is.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(_EXTRA) from None
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        yield Traces()
        return
    provider = TracerProvider(resource=Resource.create({"service.name": "categoriser"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield Traces(provider)
    finally:
        provider.shutdown()


def _unix_ns(moment: float) -> int:
    return time.time_ns() + round(1e9 * (moment - time.perf_counter()))
