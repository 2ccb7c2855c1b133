"""Runs the service in this process until it is told to stop."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import uvicorn

from categoriser.api.app import create_app
from categoriser.api.guard import is_loopback
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library import Library
from categoriser.library.access import open_access
from categoriser.settings import Settings

_FINISH_SECONDS: Final = 60


def check_reach(host: str, folder: Path, settings: Settings) -> None:
    """Whether the service of a library may listen there.

    Raises:
        ConfigurationError: other machines could reach it, and there is no key to tell them apart by.
    """
    if is_loopback(host):
        return
    if settings.access.keys == "off":
        raise ConfigurationError(
            f"The setting access.keys is off, so the service listens on this machine only and not on {host!r}: set it "
            "to auto, or use 127.0.0.1."
        )
    if not _has_key(folder, settings):
        raise ConfigurationError(
            f"The service has no key yet, so it listens on this machine only and not on {host!r}: make one with "
            "`categoriser keys create --scope admin`, or use 127.0.0.1."
        )


def _has_key(folder: Path, settings: Settings) -> bool:
    try:
        with open_access(folder, settings) as access:
            return access.any_valid()
    except NotFoundError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken, or the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with the protocol named asyncio switches Nagle's algorithm off; without, every answer may wait 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"Port {port} of {host} cannot be used ({reason}); choose another port.") from None
    return listener


def address(listener: socket.socket) -> str:
    """URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(library: Library, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests and run the job on schedule until SIGINT or SIGTERM, then finish what is under way.

    The library stays open: closing it, which finishes the pictures in its pipeline, is up to the caller.

    Args:
        library: what is served.
        listener: where requests come in.
        ready: called when nothing can go wrong any more.
    """
    app = create_app(library, beyond_loopback=not is_loopback(listener.getsockname()[0]))
    app.openapi()  # takes a moment, and the trail needs it: now, and not while requests wait
    config = uvicorn.Config(
        app,
        lifespan="off",
        proxy_headers=True,
        forwarded_allow_ips=list(library.settings.access.trusted_proxies),
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_FINISH_SECONDS,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again when it is done: it must not kill the process before the library is closed
    handlers: dict[signal.Signals, Any] = {
        which: signal.signal(which, _already_stopping) for which in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        ready()
        with library.scheduled():
            server.run(sockets=[listener])
    finally:
        listener.close()
        signal.signal(signal.SIGINT, handlers[signal.SIGINT])  # whoever is impatient may interrupt the closing


def _already_stopping(_signal: int, _frame: Any) -> None:
    """Nothing more to do."""
