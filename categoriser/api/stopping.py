"""A service that is told to stop takes nothing new, finishes what is under way and says to balancers that it goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.api.errors import code_of, error_body
from categoriser.errors import StoppingError

RETRY_AFTER: Final = "5"
_LOOKING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Whether new work is let in, and how much is inside. For one event loop; ``close`` may be called from a signal."""

    def __init__(self) -> None:
        self.leaving = False  # not ready any more, but still working as usual
        self.closed = False  # nothing new is let in
        self.inside = 0  # requests that change something

    def leave(self) -> None:
        """Say that this service is not to be used any more."""
        self.leaving = True

    def close(self) -> None:
        """Let nothing new in."""
        self.leaving = self.closed = True


class Gated:
    """Refuses new work at a closed gate; looking and searching go on until the end."""

    def __init__(self, app: ASGIApp, *, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        gate = self._gate

        async def send_leaving(message: Message) -> None:
            if message["type"] == "http.response.start" and gate.leaving:
                MutableHeaders(scope=message)["Connection"] = "close"  # the next request is for another service
            await send(message)

        if not _changes(scope["method"], scope["path"]):
            await self._app(scope, receive, send_leaving)
        elif gate.closed:
            error = StoppingError("The service is stopping and takes nothing new; send this again in a few seconds.")
            scope.setdefault("state", {})["error_code"] = code_of(error)
            answer = JSONResponse(error_body(code_of(error), str(error)), 503, {"Retry-After": RETRY_AFTER})
            await answer(scope, receive, send_leaving)
        else:
            gate.inside += 1
            try:
                await self._app(scope, receive, send_leaving)
            finally:
                gate.inside -= 1


def _changes(method: str, path: str) -> bool:
    return method not in _LOOKING and not _ends_with(path, ("/search", "/facets"))


def _ends_with(path: str, endings: Iterable[str]) -> bool:
    return any(path.endswith(ending) for ending in endings)
