"""A receiver of webhooks on this machine that answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Mapping[str, str]]


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Of the message."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, and how it is answered: ``reply`` gets the number of the request, from 0."""

    reply: Callable[[int], Reply] = lambda _: (204, {})
    got: list[Received] = field(default_factory=list)
    url: str = ""
    picture: bytes = b""  # what a GET is answered with
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, request: Received) -> Reply:
        """Note a request; the answer is decided outside, as it may take long."""
        with self._changed:
            self.got.append(request)
            number = len(self.got) - 1
            self._changed.notify_all()
        return self.reply(number)

    def wait(self, number: int, seconds: float = 60) -> list[Received]:
        """The requests, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.got) >= number, seconds), f"only {len(self.got)} came"
            return list(self.got)

    @property
    def cursors(self) -> list[int]:
        """Of the events that came."""
        return [one.json["data"]["cursor"] for one in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            try:
                body = self.rfile.read(length)
            except OSError:
                body = b""
            if len(body) < length:  # the sender ended in the middle of it: nothing was received
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.take(Received(headers, body))
            try:
                self.send_response(status)
                for name, value in {"content-length": "0", **more}.items():
                    self.send_header(name, value)
                self.end_headers()
            except OSError:
                self.close_connection = True  # the sender had no patience

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(receiver.picture)))
            self.end_headers()
            self.wfile.write(receiver.picture)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
