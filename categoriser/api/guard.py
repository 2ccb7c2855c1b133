"""Until there are keys only programs of this machine may talk to the service, and no web page open in its browser."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.api.errors import error_body


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays inside this machine."""
    name = host.strip("[]")
    if name.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class LoopbackOnly:
    """Refuses foreign ``Host`` headers (DNS rebinding) and requests that a foreign web page makes (``Origin``)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            foreign = next((name for name in ("host", "origin") if not _local(headers.get(name), name)), None)
            if foreign is not None:
                message = f"The {foreign} header must name this machine: the service answers local programs only."
                await JSONResponse(error_body("forbidden", message), 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class PlainAnswers:
    """Tells browsers to take every answer for what it says it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_marked)


def _local(value: str | None, header: str) -> bool:
    if value is None:
        return header == "origin"  # only browsers send it; HTTP/1.1 requires Host
    try:
        host = urlsplit(value if header == "origin" else f"//{value}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)
