"""Every request gets an id, is counted, timed and traced, and may have a line in the log."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.telemetry import request_id
from categoriser.telemetry.logs import FIELDS
from categoriser.telemetry.metrics import Metrics
from categoriser.telemetry.tracing import Traces

ERROR_CODE: Final = "error_code"  # keys in the state of a request
REQUEST_ID: Final = "request_id"
_ROUTE: Final = "route"
_UNKNOWN: Final = "none"  # a path that no route has: its text must not become a label
_access = logging.getLogger("categoriser.access")


class Watched:
    """The outermost layer of the service."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, traces: Traces | None, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._traces = traces
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, state, started = Headers(scope=scope), scope.setdefault("state", {}), time.perf_counter()
        state[REQUEST_ID] = request_id.taken_or_made(headers.get(request_id.HEADER))
        request_id.current.set(state[REQUEST_ID])  # never taken back: the server's task ends with the request
        status, seconds = 500, 0.0

        async def send_marked(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - started
                MutableHeaders(scope=message)[request_id.HEADER] = state[REQUEST_ID]
            await send(message)

        span = nullcontext(_nobody) if self._traces is None else self._traces.request(scope["method"], headers)
        with span as traced:
            try:
                await self._app(scope, receive, send_marked)
            except BaseException:
                state[ERROR_CODE] = "internal"
                raise
            finally:
                seconds = seconds or time.perf_counter() - started
                route = state.get(_ROUTE, _UNKNOWN)
                traced(route, status)
                self._metrics.request(scope["method"], route, status, seconds, state.get(ERROR_CODE))
                if self._access_log:
                    self._log(scope, status, time.perf_counter() - started)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        # as it came, percent-encoded and so without line breaks; never its query, which holds texts and signatures
        path = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
        fields = {"method": scope["method"], "path": path, "status": status, "milliseconds": round(1000 * seconds, 1)}
        _access.info("%s %s %d %.1f ms", *fields.values(), extra={FIELDS: fields})


class RouteNoted:
    """Notes the template of a request's route. Has to lie inside whatever copies the scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http" and (route := getattr(scope.get("route"), "path", None)) is not None:
                scope.setdefault("state", {})[_ROUTE] = route


def _nobody(_route: str, _status: int) -> None:
    """Without traces there is nobody to tell."""
