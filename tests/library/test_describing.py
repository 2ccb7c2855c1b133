"""Descriptions of pictures by an endpoint: a real HTTP server on this machine stands for the vision model."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from categoriser import ConfigurationError, EndpointDescriber, Library, describe, estimate
from categoriser.catalog.tables import descriptions
from tests.descriptions import KINDS
from tests.whole import check, named_anywhere, pictures


class Endpoint:
    """Answers every picture with a sentence of its own; remembers what it was asked, and can misbehave."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()  # by picture
        self.prompts: set[str] = set()
        self.failures: list[int | str] = []  # what the next requests get: a status, or a body that makes no sense
        self.hold_after: int | None = None  # answers before it falls silent
        self.held = threading.Event()  # somebody waits for an answer
        self._guard = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = endpoint.answer(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, body: dict) -> tuple[int, bytes]:
        text, image = body["messages"][0]["content"]
        picture = hashlib.sha256(b64decode(image["image_url"]["url"].partition(",")[2])).hexdigest()
        with self._guard:
            self.prompts.add(text["text"])
            if self.failures:
                failure = self.failures.pop(0)
                return (failure, b"{}") if isinstance(failure, int) else (200, failure.encode())
            held = self.hold_after is not None and self.answered.total() >= self.hold_after
            if not held:
                self.answered[picture] += 1
        while held:
            self.held.set()
            time.sleep(0.05)
        kind = list(KINDS)[int(picture, 16) % len(KINDS)]
        content = f"The object in the image is a {kind}."
        return 200, json.dumps({"choices": [{"message": {"content": content}}]}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def _describer(endpoint: Endpoint, **options) -> EndpointDescriber:
    return EndpointDescriber(endpoint.url, "see", **{"cost": 0.25, "attempts": 3, **options})


def test_every_picture_is_described_once_and_filed(
    pictures_library: Library, tmp_path: Path, endpoint: Endpoint
) -> None:
    photos = pictures_library.collection("photos")
    photos.add(pictures(tmp_path / "pictures", 40))
    view = photos.view("by object", criterion="object")
    before = estimate(view, _describer(endpoint))
    assert (before.pictures, before.missing, before.cost) == (40, 40, 10.0)
    assert endpoint.answered.total() == 0
    report = describe(view, _describer(endpoint))
    assert (report.described, report.known, report.left, report.cost) == (40, 0, 0, 10.0)
    assert set(endpoint.answered.values()) == {1}
    assert all("object" in prompt for prompt in endpoint.prompts)
    view.run()
    check(view, tmp_path)
    assert {one.label for one in view.categories()} <= {kind.capitalize() for kind in KINDS}
    again = describe(view, _describer(endpoint))
    assert (again.described, again.known, endpoint.answered.total()) == (0, 40, 40)
    photos.delete_view("by object")
    renewed = describe(photos.view("other name", criterion="object"), _describer(endpoint))
    assert (renewed.described, renewed.known) == (0, 40)


def test_a_cap_stops_and_says_so(pictures_library: Library, tmp_path: Path, endpoint: Endpoint) -> None:
    photos = pictures_library.collection("photos")
    photos.add(pictures(tmp_path / "pictures", 130))
    view = photos.view("by object", criterion="object")
    report = describe(view, _describer(endpoint), cap=100)
    assert (report.described, report.left, report.capped) == (100, 30, True)
    assert "cap" in str(report)
    assert "30" in str(report)
    assert endpoint.answered.total() == len(view) == 100
    report = describe(view, _describer(endpoint), cap=100)
    assert (report.described, report.left, report.capped) == (30, 0, False)
    assert set(endpoint.answered.values()) == {1}
    assert len(view) == 130


def test_one_that_was_killed_goes_on_and_describes_nothing_twice(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.hold_after = 17
    folder = pictures(tmp_path / "pictures", 40)
    with Library.open(tmp_path / "library", encoder="classic") as library:
        photos = library.collection("photos")
        photos.add(folder)
        photos.view("by object", criterion="object")
    program = (
        "import sys; from categoriser import *\n"
        "library = Library.open(sys.argv[1], encoder='classic')\n"
        "view = library.collection('photos').view('by object')\n"
        "describe(view, EndpointDescriber(sys.argv[2], 'see', cost=0.25, attempts=3))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "library"), endpoint.url])
    assert endpoint.held.wait(120)  # the next picture is asked for: the answer to the last one is on disk
    process.send_signal(signal.SIGKILL)
    process.wait()
    endpoint.hold_after = None
    with Library.open(tmp_path / "library", encoder="classic") as library:
        view = library.collection("photos").view("by object")
        report = describe(view, _describer(endpoint))
        assert (report.described, report.known) == (23, 17)
        assert len(view) == 40
        check(view, tmp_path)
    assert set(endpoint.answered.values()) == {1}
    assert endpoint.answered.total() == 40


def test_a_troubled_endpoint_costs_only_the_pictures_it_failed_on(
    pictures_library: Library, tmp_path: Path, endpoint: Endpoint
) -> None:
    photos = pictures_library.collection("photos")
    photos.add(pictures(tmp_path / "pictures", 6))
    view = photos.view("by object", criterion="object")
    endpoint.failures = [429, 503, '{"choices": []}', "no json", 400]
    report = describe(view, _describer(endpoint))
    assert report.described == 3
    assert len(report.failed) == report.left == 3
    assert all(endpoint.url in one.reason for one in report.failed)
    assert describe(view, _describer(endpoint)).described == 3


def test_an_endpoint_that_is_not_there_is_told_in_a_sentence(pictures_library: Library, tmp_path: Path) -> None:
    photos = pictures_library.collection("photos")
    photos.add(pictures(tmp_path / "pictures", 1))
    view = photos.view("by object", criterion="object")
    describer = EndpointDescriber("http://127.0.0.1:9/v1", "see", attempts=1)
    (failed,) = describe(view, describer).failed
    assert "gave no description" in failed.reason
    with pytest.raises(ConfigurationError, match="criterion"):
        describe(photos.view("without", from_metadata="x"), describer)
    with pytest.raises(ConfigurationError, match="texts alone"):
        describe(pictures_library.text_collection("t", criterion="object"), describer)


def test_descriptions_of_deleted_pictures_are_gone(
    pictures_library: Library, tmp_path: Path, endpoint: Endpoint
) -> None:
    photos = pictures_library.collection("photos")
    photos.add(pictures(tmp_path / "pictures", 5))
    view = photos.view("by object", criterion="object")
    describe(view, _describer(endpoint))
    some = next(iter(photos.assignments()))
    digest = photos.image(some).sha256
    photos.delete(some)
    assert len(view) == 4
    pictures_library.storage.delivery.flush()
    assert named_anywhere(pictures_library, str(digest)) == []
    with pictures_library.storage.database.read() as connection:
        assert len(connection.execute(descriptions.select()).all()) == 4
