"""Runs the service in this process until it is told to stop."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from categoriser.api.app import create_app
from categoriser.api.guard import is_loopback
from categoriser.api.live import Streams
from categoriser.api.slow_headers import PatientProtocol
from categoriser.api.stopping import Gate
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library import Library
from categoriser.library.access import open_access
from categoriser.library.takeover import watching
from categoriser.settings import Settings
from categoriser.telemetry.tracing import Traces

_LAST_ANSWERS: Final = 5  # seconds at least to send answers that are ready
_TURN_SECONDS: Final = 0.0005  # of a thread that computes, while the one that answers waits; Python's own is 5 ms
_log = logging.getLogger(__name__)


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
    app = create_app(library, beyond_loopback=not is_loopback(listener.getsockname()[0]), traces=traces)
    server = Server(app, proxy_headers=True, forwarded_allow_ips=list(library.settings.access.trusted_proxies))
    # uvicorn raises the signal again when it is done: it must not kill the process before the library is closed
    handlers: dict[signal.Signals, Any] = {
        which: signal.signal(which, _already_stopping) for which in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with _without_long_waits():
            ready()
            with library.scheduled(), library.delivering(), watching(library):
                server.run(sockets=[listener])
    finally:
        listener.close()
        app.state.backups.stop()
        signal.signal(signal.SIGINT, handlers[signal.SIGINT])  # whoever is impatient may interrupt the closing


@contextmanager
def _without_long_waits() -> Iterator[None]:
    """Within the block threads take short turns, and garbage is not looked for in what the program is made of.

    A quarter of a million objects of modules and routes stay as long as the process: going through them takes a sixth
    of a second, in which nothing is answered.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


class Server(uvicorn.Server):
    """Goes on answering after a signal: it says that it leaves, then lets nothing new in, and ends once all is done."""

    def __init__(self, app: FastAPI, **options: Any) -> None:
        """``options``: of uvicorn."""
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                http=PatientProtocol,
                **options,
            )
        )
        self._library: Library = app.state.library
        self._gate: Gate = app.state.gate
        self._streams: Streams = app.state.streams
        self._told_at: float | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Open streams of events end: else it would wait for readers who never leave."""
        self._streams.close()
        await super().shutdown(sockets)

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
        self._library.pipeline.feeder.stop()  # what only waits in the inbox is for the next start
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
