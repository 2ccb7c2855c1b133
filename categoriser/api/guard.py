"""Where requests may come from: until keys are needed, programs of this machine, and not foreign web pages."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.errors import ForbiddenError


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays inside this machine."""
    name = host.strip("[]")
    if name.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def network_of(address: str) -> str:
    """Whom an address belongs to: itself, or of IPv6 its /64, of which one machine may have any number."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def check_sender(headers: Headers, *, keys_needed: bool, hosts: Collection[str]) -> None:
    """Refuse foreign ``Host`` headers (DNS rebinding), and without keys what a foreign web page asks for (``Origin``).

    Args:
        headers: of the request.
        keys_needed: then names in ``hosts`` are answered too, and plain addresses, which nobody can rebind.
        hosts: names; "*" is any.

    Raises:
        ForbiddenError: it is refused.
    """
    host = _host_of(headers.get("host"), "host")
    if not keys_needed:
        if host is None or not is_loopback(host):
            raise _foreign("host")
        if "origin" in headers and not is_loopback(_host_of(headers["origin"], "origin") or ""):
            raise _foreign("origin")
        return
    if "*" in hosts or (host is not None and (is_loopback(host) or _is_address(host))):
        return
    if host is None or host.rstrip(".").lower() not in {name.lower() for name in hosts}:
        raise ForbiddenError(
            "The host header names another service than this one; list the name in the setting access.hosts."
        )


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


def _host_of(value: str | None, header: str) -> str | None:
    try:
        return urlsplit((value or "") if header == "origin" else f"//{value or ''}").hostname
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _foreign(header: str) -> ForbiddenError:
    return ForbiddenError(f"The {header} header must name this machine: the service answers local programs only.")
