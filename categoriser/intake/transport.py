"""The socket layer of downloads: connects only to checked addresses and never outlives its deadline.

The address check sits here and not in front of the HTTP client, because only here is it certain that the address
checked is the address connected to: a name that would resolve differently next time (DNS rebinding) has no next time.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from categoriser.errors import UnreachableError
from categoriser.intake.addresses import resolve

_deadline: Final[ContextVar[float]] = ContextVar("_deadline", default=float("inf"))  # time.monotonic()


@contextmanager
def deadline(at: float) -> Iterator[None]:
    """Every network operation of this thread inside the block fails once ``time.monotonic()`` passes ``at``."""
    token = _deadline.set(at)
    try:
        yield
    finally:
        _deadline.reset(token)


def guarded_transport(*, allow_private: bool, connections: int) -> httpx.HTTPTransport:
    """An HTTP transport with a connection pool whose sockets are guarded as this module says; thread-safe."""
    certificates = _certificates()
    transport = httpx.HTTPTransport(trust_env=False, verify=certificates)
    transport._pool.close()
    transport._pool = httpcore.ConnectionPool(
        ssl_context=certificates,
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=15.0,
        network_backend=_GuardedBackend(allow_private=allow_private),
    )
    return transport


@cache
def _certificates() -> ssl.SSLContext:
    # reading them takes longer than all else that opens a library: once is enough for a process
    return httpx.create_ssl_context()


class _GuardedBackend(httpcore.NetworkBackend):
    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = resolve(host, port, allow_private=self._allow_private)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise httpcore.ConnectError(f"the name {host} cannot be resolved at the moment") from error
            raise UnreachableError(
                f"The host {host} could not be resolved; check the name in the URL and the network of this machine."
            ) from error
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, timeout, local_address, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        limit = _remaining(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._plain.connect_tcp(address, port, limit, local_address, socket_options))


class _DeadlineStream(httpcore.NetworkStream):
    """A server that sends one byte a second satisfies every per-read limit; the deadline ends it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = _remaining(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _remaining(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float | None:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise expired("the time limit is over")
    if left == float("inf"):
        return timeout
    return left if timeout is None else min(left, timeout)
