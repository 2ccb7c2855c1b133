"""Runs the service in this process until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import uvicorn

from categoriser.api.app import create_app
from categoriser.api.guard import is_loopback
from categoriser.api.stopping import Gate
from categoriser.errors import ConfigurationError
from categoriser.library import Library
from categoriser.telemetry.tracing import Traces

_LAST_ANSWERS: Final = 5  # seconds at least to send answers that are ready
_log = logging.getLogger(__name__)


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


def serve(
    library: Library, listener: socket.socket, ready: Callable[[], None], *, traces: Traces | None = None
) -> None:
    """Answer requests and run the job on schedule until SIGINT or SIGTERM, then finish what is under way.

    What is not finished within ``operations.stop_seconds`` is answered with 503; accepted pictures are in the inbox,
    for the next start. The library stays open: closing it is up to the caller.

    Args:
        library: what is served.
        listener: where requests come in.
        ready: called when nothing can go wrong any more.
        traces: where spans go.
    """
    app = create_app(library, traces=traces)
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, server_header=False)
    server = _DrainingServer(config, library, app.state.gate)
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
        app.state.backups.stop()
        signal.signal(signal.SIGINT, handlers[signal.SIGINT])  # whoever is impatient may interrupt the closing


class _DrainingServer(uvicorn.Server):
    """Goes on answering after a signal: it says that it leaves, then lets nothing new in, and ends once all is done."""

    def __init__(self, config: uvicorn.Config, library: Library, gate: Gate) -> None:
        super().__init__(config)
        self._library = library
        self._gate = gate
        self._told_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, a second one hastens it."""
        if self._told_at is not None or not self.started:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._told_at = time.monotonic()
        self._gate.leave()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end."""
        over = await super().on_tick(counter)
        if self._told_at is None:
            return over
        settings, passed = self._library.settings.operations, time.monotonic() - self._told_at
        if passed < settings.notice_seconds and not over:
            return False
        self._gate.close()
        left = settings.notice_seconds + settings.stop_seconds - passed
        if not over and left > 0 and not self._finished:
            return False
        given_up = self._library.pipeline.abandon()
        if given_up:
            _log.warning(
                "%d pictures were not finished in time; the accepted ones are filed at the next start", given_up
            )
        self.config.timeout_graceful_shutdown = max(_LAST_ANSWERS, round(left))
        return True

    @property
    def _finished(self) -> bool:
        return self._gate.inside == 0 and self._library.pipeline.idle


def _already_stopping(_signal: int, _frame: Any) -> None:
    """Nothing more to do."""
