"""How a client talks to a service."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

import httpx

from categoriser.errors import ConfigurationError

PATIENCE: Final = 600.0  # seconds
ATTEMPTS: Final = 8
_CONNECT: Final = 10.0  # seconds


def options(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """Arguments of ``httpx.Client`` and ``httpx.AsyncClient``.

    Raises:
        ConfigurationError: the address is none.
    """
    try:
        base = httpx.URL(url.strip().rstrip("/"))
    except (httpx.InvalidURL, ValueError):
        base = httpx.URL("")
    if base.scheme not in {"http", "https"} or not base.host:
        raise ConfigurationError(f"{url!r} is no address of a service; one looks like http://127.0.0.1:8642.")
    return {
        "base_url": base,
        "timeout": httpx.Timeout(timeout, connect=_CONNECT),
        "headers": {"User-Agent": "categoriser-client"} | ({} if not key else {"Authorization": f"Bearer {key}"}),
        "trust_env": not _is_here(base.host),  # no proxy leads to this machine itself
    }


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
