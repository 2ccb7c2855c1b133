"""Whoever sends headers without end, or none, holds no connection for long."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.api.conftest import Start

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@contextmanager
def connected(client: httpx.Client) -> Iterator[socket.socket]:
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the service closes the connection."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def code(said: bytes) -> str:
    return str(json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"])


@pytest.mark.parametrize("sent", [b"GET /healthz HT", HEALTH + b"X-A: ", b"\r\n"])
def test_headers_that_do_not_end_are_answered_with_408(start: Start, sent: bytes) -> None:
    with connected(start(uploads={"header_seconds": 0.3})) as connection:
        connection.sendall(sent)
        said = answer(connection)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert code(said) == "slow_headers"


def test_dribbled_headers_gain_no_time(start: Start) -> None:
    with connected(start(uploads={"header_seconds": 0.5})) as connection:
        connection.settimeout(0.05)
        said = b""
        for number in range(len(HEALTH)):
            try:
                connection.sendall(HEALTH[number : number + 1])
                said = connection.recv(65536)
                break
            except TimeoutError:
                continue
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_closed(start: Start) -> None:
    with connected(start(uploads={"header_seconds": 0.3})) as connection:
        assert answer(connection) == b""


def test_endless_headers_are_answered_with_431(start: Start) -> None:
    with connected(start(uploads={"header_bytes": 4096})) as connection:
        connection.sendall(HEALTH + b"X-A: " + b"a" * 5000)
        said = answer(connection)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert code(said) == "large_headers"


def test_the_second_request_of_a_connection_is_timed_too(start: Start) -> None:
    with connected(start(uploads={"header_seconds": 0.5})) as connection:
        for _ in range(2):
            connection.sendall(HEALTH + b"\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(HEALTH)
        assert answer(connection).startswith(b"HTTP/1.1 408 ")
