"""Bodies of every kind, size and speed: what is taken, and how the rest is refused."""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import Start
from tests.whole import picture


def raw(client: httpx.Client, data: bytes, kind: str | None, query: str = "", **headers: str) -> httpx.Response:
    told = headers | ({} if kind is None else {"Content-Type": kind})
    return client.post(f"/v1/collections/raw/images{query}", content=data, headers=told)


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG; q=1", "image/heic", "application/octet-stream"])
def test_one_picture_may_be_the_whole_body(service: httpx.Client, kind: str) -> None:
    number = abs(hash(kind)) % 1000
    answer = raw(service, picture(number), kind)
    assert answer.status_code in {200, 201}, answer.text
    assert service.get(f"/v1/collections/raw/images/{answer.json()['image_id']}/original").content == picture(number)


def test_its_id_name_and_metadata_come_beside_it(service: httpx.Client) -> None:
    query = "?id=" + quote("a/ü b", safe="") + "&name=cat.png&metadata=" + quote('{"n": 1}')
    assert raw(service, picture(1001), "image/png", query).json()["image_id"] == "a/ü b"
    image = service.get("/v1/collections/raw/images/a%2F%C3%BC%20b").json()
    assert (image["name"], image["metadata"]) == ("cat.png", {"n": 1})
    headers = {"X-Image-Id": quote("über"), "X-Image-Metadata": '{"n": 2}'}
    assert raw(service, picture(1002), "image/png", **headers).json()["image_id"] == "über"


@pytest.mark.parametrize("query", ["?id=" + "x" * 513, "?id=a%0Ab", "?metadata=[1]", "?metadata={", "?id=a%00"])
def test_what_comes_beside_it_is_checked(service: httpx.Client, query: str) -> None:
    answer = raw(service, picture(1), "image/png", query)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    "kind",
    [
        *(None, "", "text/plain", "image/svg+xml", "application/pdf", "application/zip", "video/mp4"),
        *("application/x-www-form-urlencoded", "multipart/mixed; boundary=b", "x" * 5000),
    ],
)
def test_other_types_are_refused_by_name(service: httpx.Client, kind: str | None) -> None:
    answer = raw(service, picture(1), kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media")
    assert "image/jpeg" in answer.json()["error"]["message"]


def test_a_picture_that_is_too_large_ends_while_it_comes(start: Start) -> None:
    client = start(max_bytes=100_000)
    chunks = iter([picture(1), *[bytes(50_000)] * 4])
    answer = client.post("/v1/collections/c/images", content=chunks, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def _bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that says it has side² pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_bombs_and_archives_are_refused_without_being_unpacked(service: httpx.Client) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../evil.png", bytes(10_000_000))
    for data in (_bomb(60_000), archive.getvalue(), zlib.compress(bytes(10_000_000))):
        answer = raw(service, data, "image/png")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unreadable_picture")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_compressed_bodies_are_not_unpacked(service: httpx.Client, encoding: str) -> None:
    answer = raw(service, zlib.compress(picture(1)), "image/png", **{"Content-Encoding": encoding})
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["../../../etc/passwd", "..\\..\\x.png", "/etc/cron.d/x", "a\x1b[31m.png"])
def test_names_lead_nowhere(start: Start, tmp_path: Path, name: str) -> None:
    client = start()
    before = sorted(path for path in tmp_path.rglob("*") if path.parts[len(tmp_path.parts)] != "library")
    image_id = "../../" + name.replace("\x1b", "")
    answer = client.post(
        "/v1/collections/..%2F..%2Fevil/images", files={"file": (name, picture(1))}, data={"id": image_id}
    )
    assert answer.status_code == 201, answer.text
    there = "/v1/collections/..%2F..%2Fevil/images/" + quote(image_id, safe="")
    answer = client.get(there + "/original")
    assert answer.content == picture(1)
    assert "\r" not in answer.headers["content-disposition"]
    assert sorted(path for path in tmp_path.rglob("*") if path.parts[len(tmp_path.parts)] != "library") == before
    library: Library = client.app_library  # type: ignore[attr-defined]
    files = [path for path in library.storage.folder.rglob("*") if path.is_file()]
    assert all("passwd" not in path.name and "evil" not in path.name for path in files)


def test_header_injection_by_names_and_ids_stays_in_the_body(service: httpx.Client) -> None:
    name = 'x"\r\nSet-Cookie: a=b\r\n\r\n<script>.png'
    query = "?name=" + quote(name, safe="")
    image_id = raw(service, picture(2001), "image/png", query).json()["image_id"]
    answer = service.get(f"/v1/collections/raw/images/{image_id}/original")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    promised = service.post(
        "/v1/collections/" + quote("x\r\nSet-Cookie: a=b", safe="") + "/images",
        files={"file": ("a.png", picture(1))},
        headers={"Prefer": "respond-async"},
    )
    assert promised.status_code == 400
    assert "set-cookie" not in promised.headers


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost/a.png", "http://2130706433/a.png", "http://0x7f.1/a.png", "http://017700000001/a.png"),
        *("http://[::ffff:7f00:1]/a.png", "http://[::]/a.png", "http://169.254.169.254/latest/meta-data/"),
        *("http://[64:ff9b::a9fe:a9fe]/", "http://user:pass@127.0.0.1/a.png", "http://127.0.0.1#@example.org/"),
    ],
)
@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_addresses_into_our_own_network_are_refused_whenever_they_are_fetched(
    service: httpx.Client, url: str, prefer: str
) -> None:
    answer = service.post("/v1/collections/ssrf/images", json={"url": url}, headers={"Prefer": prefer})
    if prefer:
        assert answer.status_code == 202, answer.text
        until = time.monotonic() + 60
        while (upload := service.get(answer.headers["location"]).json())["status"] != "done":
            assert time.monotonic() < until, upload
            time.sleep(0.02)
        error = upload["results"][0]["error"]
    else:
        assert answer.status_code == 422, answer.text
        error = answer.json()["error"]
    assert error["code"] == "fetch"
    assert "private or reserved" in error["message"]


def _talk(client: httpx.Client, *parts: bytes, pause: float) -> bytes:
    """Send a request piece by piece over a connection of its own; returns the answer."""
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(parts[0])
        for part in parts[1:]:
            time.sleep(pause)
            try:
                connection.sendall(part)
            except OSError:
                break
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


def _head(length: int, path: str = "/v1/collections/c/images") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("path", ["/v1/collections/c/images", "/v1/collections/c/search", "/v1/collections/c/moves"])
def test_a_body_that_stops_coming_is_cut_off(start: Start, path: str) -> None:
    client = start(uploads={"silence_seconds": 0.2})
    assert client.post("/v1/collections/c/images", files={"file": ("a.png", picture(1))}).status_code == 201
    answer = _talk(client, _head(1000, path).replace(b"image/png", b"application/json"), pause=0)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408"), answer
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == "slow_body"


def test_a_body_that_drips_is_cut_off_as_well(start: Start) -> None:
    client = start(uploads={"silence_seconds": 30, "body_seconds": 0.5})
    started = time.monotonic()
    answer = _talk(client, _head(100), *[b"x"] * 20, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 20


def test_more_bodies_than_may_come_in_at_once_are_told_to_come_back(start: Start) -> None:
    client = start(uploads={"bodies": 2, "silence_seconds": 200})
    url = client.base_url
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((url.host, url.port or 80), timeout=60)) for _ in range(2)]
        for connection in slow:
            connection.sendall(_head(20) + b"x" * 10)
        for _ in range(3):  # by now the service has read what was sent before
            assert client.get("/healthz").status_code == 200
        answer = raw(client, b"hello", "image/png")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "busy"
        assert int(answer.headers["retry-after"]) > 0
        for connection in slow:
            connection.sendall(b"x" * 10)
            assert b" 422 " in connection.recv(65536).partition(b"\r\n")[0]
    assert raw(client, b"hello", "image/png").status_code == 422


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(start: Start) -> None:
    client = start()
    url = client.base_url
    for _ in range(5):
        with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
            connection.sendall(_head(1_000_000) + bytes(1000))
    assert raw(client, picture(1), "image/png").status_code == 201
    library: Library = client.app_library  # type: ignore[attr-defined]
    assert library.collection("raw").failed() == []


@pytest.mark.slow
def test_two_hundred_large_uploads_at_once_need_bounded_memory(tmp_path: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "categoriser", "serve", "--port", "0", "--json", "--encoder", "classic"]
    command += ["--library", str(tmp_path / "library")]
    noise = __import__("numpy").random.default_rng(0)
    body = picture(1) + noise.bytes(8_000_000)  # a picture with ballast behind it
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base = json.loads(process.stdout.readline())["listening"]
        status = Path(f"/proc/{process.pid}/status")

        def resident() -> int:
            return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))

        before, most, done = resident(), [0], threading.Event()

        def look() -> None:
            while not done.wait(0.05):
                most[0] = max(most[0], resident())

        watcher = threading.Thread(target=look)
        watcher.start()

        def send(number: int) -> int:
            with httpx.Client(base_url=base, timeout=600, trust_env=False) as client:
                for _ in range(1000):
                    answer = raw(client, body + number.to_bytes(4), "image/png", Prefer="respond-async" * (number % 2))
                    if answer.status_code != 503:
                        return answer.status_code
                    time.sleep(float(answer.headers["retry-after"]))
                return 503

        with ThreadPoolExecutor(200) as pool:
            statuses = set(pool.map(send, range(200)))
        done.set()
        watcher.join()
        process.terminate()
        process.wait(600)
    assert statuses <= {201, 202}
    grown = (most[0] - before) / 1024
    # what may be in memory at a time, the spools, and the pictures that are being decoded; 1,526 MiB were sent
    assert grown < 900, f"{grown:.0f} MiB more"
