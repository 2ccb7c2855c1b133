"""Downloads from a real server on this machine, well behaved and not."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from categoriser.errors import FetchError, UnreachableError
from categoriser.intake import Fetcher, FetchLimits, safe_url

BODY = b"not really a picture " * 100


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    visits: ClassVar[Counter[str]] = Counter()
    headers_seen: ClassVar[dict[str, dict[str, str]]] = {}

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.visits[path] += 1
        self.headers_seen[path] = dict(self.headers)
        getattr(self, path.strip("/").replace("-", "_").split("/")[0])()

    def fine(self) -> None:
        self.reply(200, BODY)

    def missing(self) -> None:
        self.reply(404)

    def forbidden(self) -> None:
        self.reply(403)

    def down(self) -> None:
        self.reply(503)

    def busy_once(self) -> None:
        if self.visits["/busy-once"] == 1:
            self.reply(429, Retry_After="1")
        else:
            self.reply(200, BODY)

    def busy_until(self) -> None:
        if self.visits["/busy-until"] == 1:
            self.reply(503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True))
        else:
            self.reply(200, BODY)

    def busy_long(self) -> None:
        self.reply(429, Retry_After="86400")

    def to_fine(self) -> None:
        self.reply(302, Location="/fine?token=secret")

    def to_file(self) -> None:
        self.reply(302, Location="file:///etc/hostname")

    def to_nowhere(self) -> None:
        self.reply(302)

    def to_metadata(self) -> None:
        self.reply(302, Location="http://169.254.169.254/latest/meta-data/")

    def to_itself(self) -> None:
        self.reply(302, Location="/to-itself")

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(65536))
        except OSError:
            self.close_connection = True

    def declared_huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "999999999999")
        self.end_headers()
        self.close_connection = True

    def drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b".")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            self.close_connection = True

    def drip_header(self) -> None:
        try:
            for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 500:
                self.wfile.write(bytes((letter,)))
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def cut_short(self) -> None:
        if self.visits["/cut-short"] > 1:
            self.reply(200, BODY)
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # clients of these tests hang up on purpose


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with QuietServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(scope="module")
def inside() -> Iterator[Fetcher]:
    """A fetcher that may enter private networks."""
    limits = FetchLimits(seconds=5, silence=2, max_bytes=1_000_000, first_wait=0.05)
    with Fetcher(limits, allow_private=True) as fetcher:
        yield fetcher


def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(url)
    return str(caught.value)


def test_fetches_a_body(server: str, inside: Fetcher) -> None:
    assert inside.fetch(f"{server}/fine") == BODY


def test_is_shared_by_threads(server: str, inside: Fetcher) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(inside.fetch, [f"{server}/fine/{at}" for at in range(100)])) == {BODY}


def test_follows_redirects(server: str, inside: Fetcher) -> None:
    assert inside.fetch(f"{server}/to-fine") == BODY


@pytest.mark.parametrize(
    ("path", "word"), [("to-file", "http"), ("to-nowhere", "nowhere"), ("to-itself", "more than 5 redirects")]
)
def test_bad_redirects_are_refused(server: str, inside: Fetcher, path: str, word: str) -> None:
    assert word in refusal(inside, f"{server}/{path}")


def test_private_addresses_are_refused_by_default(server: str) -> None:
    port = server.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "0.0.0.0", "[::1]"]
    hosts += ["[::ffff:127.0.0.1]", "[::]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "224.0.0.1"]
    hosts += ["100.64.0.1", "255.255.255.255", "[fe80::1]", "[fc00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"]
    before = sum(Handler.visits.values())
    with Fetcher() as fetcher:
        for host in hosts:
            assert "private or reserved" in refusal(fetcher, f"http://{host}:{port}/fine"), host
    assert sum(Handler.visits.values()) == before


def test_a_redirect_into_the_private_network_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test server counts as public here; where it sends us does not."""
    from categoriser.intake import addresses

    judge = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or judge(address))
    with Fetcher() as fetcher:
        assert fetcher.fetch(f"{server}/fine") == BODY
        assert "169.254.169.254" in refusal(fetcher, f"{server}/to-metadata")


def test_a_name_is_resolved_once_so_that_it_cannot_change_between_check_and_connection(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    port = int(server.rpartition(":")[2])
    asked = []

    def rebinding(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "203.0.114.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    with Fetcher(FetchLimits(attempts=1)) as fetcher:
        refusal(fetcher, f"http://rebinding.example:{port}/")
    assert asked == ["rebinding.example"]
    assert connected == ["203.0.114.1"]


def test_one_private_address_among_several_refuses_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with Fetcher() as fetcher:
        assert "10.0.0.1" in refusal(fetcher, "http://mixed.example/")


NO_WEB_ADDRESSES = (
    *("file:///etc/passwd", "ftp://example.com/a.jpg", "gopher://x", "a.jpg", "", "http://", "https:///a", "\0"),
    *("http://[::1", "http://exa mple.com/", "http://example.com:99999/", "http://0177.0.0.1/", "http://\0/"),
    *("data:image/png;base64,AAAA", "javascript:1"),
)


@pytest.mark.parametrize("url", NO_WEB_ADDRESSES)
def test_what_is_no_web_address_is_refused(inside: Fetcher, url: str) -> None:
    assert refusal(inside, url).endswith(".")


def test_endless_body_is_cut_at_the_limit(server: str, inside: Fetcher) -> None:
    assert "more than the allowed 1,000,000 bytes" in refusal(inside, f"{server}/endless")


def test_declared_size_over_the_limit_is_refused_at_once(server: str, inside: Fetcher) -> None:
    assert "more than the allowed" in refusal(inside, f"{server}/declared-huge")


@pytest.mark.parametrize("path", ["drip", "drip-header"])
def test_a_slow_server_cannot_outlast_the_time_limit(server: str, path: str) -> None:
    started = time.monotonic()
    with Fetcher(FetchLimits(seconds=1, silence=1), allow_private=True) as fetcher:
        assert "in time" in refusal(fetcher, f"{server}/{path}")
    assert time.monotonic() - started < 2


def test_waits_as_long_as_a_busy_server_asks(server: str, inside: Fetcher) -> None:
    started = time.monotonic()
    assert inside.fetch(f"{server}/busy-once") == BODY
    assert time.monotonic() - started >= 1
    assert Handler.visits["/busy-once"] == 2


def test_waits_until_the_date_a_busy_server_gives(server: str, inside: Fetcher) -> None:
    started = time.monotonic()
    assert inside.fetch(f"{server}/busy-until") == BODY
    assert 0.5 <= time.monotonic() - started < 4


def test_does_not_wait_beyond_its_own_time_limit(server: str, inside: Fetcher) -> None:
    started = time.monotonic()
    assert "429" in refusal(inside, f"{server}/busy-long")
    assert time.monotonic() - started < 1


def test_gives_up_on_a_server_that_stays_down(server: str, inside: Fetcher) -> None:
    assert "503 (4 tries)" in refusal(inside, f"{server}/down")
    assert Handler.visits["/down"] == 4


def test_a_missing_picture_is_not_asked_for_twice(server: str, inside: Fetcher) -> None:
    assert "404" in refusal(inside, f"{server}/missing")
    assert Handler.visits["/missing"] == 1


def test_a_forbidden_picture_is_asked_for_once_more(server: str, inside: Fetcher) -> None:
    assert "403" in refusal(inside, f"{server}/forbidden")
    assert Handler.visits["/forbidden"] == 2


@pytest.mark.parametrize(("path", "later"), [("/down", True), ("/missing", False), ("/forbidden", False)])
def test_what_may_work_later_is_told_from_what_never_will(server: str, inside: Fetcher, path: str, later: bool) -> None:
    with pytest.raises(FetchError) as refused:
        inside.fetch(f"{server}{path}")
    assert isinstance(refused.value, UnreachableError) == later


def test_an_unknown_host_may_be_a_missing_network(inside: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UnreachableError, match=r"nowhere\.test could not be resolved.*network"):
        inside.fetch("http://nowhere.test/a.jpg")


def test_a_broken_connection_is_tried_again(server: str, inside: Fetcher) -> None:
    assert inside.fetch(f"{server}/cut-short") == BODY


def test_closing_ends_the_waits(server: str) -> None:
    fetcher = Fetcher(FetchLimits(first_wait=20), allow_private=True)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fetcher.fetch, f"{server}/down")
        time.sleep(0.3)
        started = time.monotonic()
        fetcher.close()
        with pytest.raises(FetchError):
            waiting.result(timeout=5)
    assert time.monotonic() - started < 2


def test_user_and_password_are_sent_and_never_shown(
    server: str, inside: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secret = server.replace("//", "//anna:p%40ss@")
    assert inside.fetch(f"{secret}/fine?token=hidden") == BODY
    assert Handler.headers_seen["/fine"]["Authorization"] == "Basic YW5uYTpwQHNz"
    sentence = refusal(inside, f"{secret}/missing?token=hidden")
    for shown in (sentence, caplog.text, safe_url(f"{secret}/a?token=hidden#part")):
        assert "anna" not in shown
        assert "p%40ss" not in shown
        assert "hidden" not in shown
