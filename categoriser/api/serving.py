"""Runs the service in this process until it is told to stop."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from categoriser.api.app import create_app
from categoriser.api.guard import is_loopback
from categoriser.errors import ConfigurationError
from categoriser.library import Library
from categoriser.library.takeover import watching

_FINISH_SECONDS: Final = 60


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the host is not this machine itself, or the port is taken.
    """
    if not is_loopback(host):
        raise ConfigurationError(
            f"The service has no keys yet, so it listens on this machine only and not on {host!r}: use 127.0.0.1."
        )
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
    config = uvicorn.Config(
        create_app(library),
        lifespan="off",
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
        with library.scheduled(), watching(library):
            server.run(sockets=[listener])
    finally:
        listener.close()
        signal.signal(signal.SIGINT, handlers[signal.SIGINT])  # whoever is impatient may interrupt the closing


def _already_stopping(_signal: int, _frame: Any) -> None:
    """Nothing more to do."""
