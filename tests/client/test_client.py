"""Programs use the service through a typed client, with and without ``await``, and lose nothing when it is busy."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

from categoriser import ConfigurationError, NotFoundError, RejectedError
from categoriser.client import AsyncClient, Client, ServiceError
from tests.whole import picture, pictures

T = TypeVar("T")


def asked(url: str, ask: Callable[[AsyncClient], Awaitable[T]]) -> T:
    """Run something with the asynchronous client."""

    async def run() -> T:
        async with AsyncClient(url) as opened:
            return await ask(opened)

    return asyncio.run(run())


def test_a_folder_is_added_looked_at_searched_and_exported(client: Client, tmp_path: Path) -> None:
    photos = client.collection("a/b c")
    folder = pictures(tmp_path / "in", 21)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    told: list[int] = []
    added = photos.add(folder, progress=lambda done, _: told.append(done))
    assert (added.filed, added.known, [Path(one.name).name for one in added.refused]) == (21, 0, ["broken.jpg"])
    assert told[-1] == 22
    assert photos.add(folder).known == 21
    listed = list(photos.images())
    assert [one.name for one in listed] == [one.name for one in photos.image_page(limit=1000).images]
    assert len(listed) == photos.info().images == 21
    assert photos.search(image_id=listed[0].id, limit=3)[0].image_id != listed[0].id
    assert photos.search(image=picture(0))[0].score > 0.9
    done = photos.move([listed[0].id], label="Mine")
    assert photos.category(str(done.category)).label == "Mine"
    assert [one.id for one in photos.categories()][0:1]
    assert photos.undo(done.version).undone == done.version
    assert photos.thumbnail(listed[0].id).startswith(b"\xff\xd8")
    assert [event.cursor for event in photos.events()] == list(range(1, len(list(photos.events())) + 1))
    lines = photos.export_to(tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["image_id"] for line in lines} == {one.id for one in listed}
    assert photos.delete(listed[0].id) == 1
    assert photos.delete_collection() == 20
    assert "a/b c" not in [one.name for one in client.collections()]


def test_the_same_with_await(url: str, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 13)

    async def ask(opened: AsyncClient) -> None:
        photos = opened.collection("async")
        assert (await opened.health()).status == "ok"
        added = await photos.add([folder, ("one more.png", picture(500)), tmp_path / "in" / "00000.png"])
        assert (added.filed, added.known) == (14, 1)
        listed = [one async for one in photos.images()]
        assert len(listed) == (await photos.info()).images == 14
        found = await photos.search(image_id=listed[0].id)
        assert found[0].score <= 1
        data = await photos.export("zip")
        assert (await photos.export_to(tmp_path / "out.zip")).read_bytes() == data
        with pytest.raises(NotFoundError):
            await photos.image("nothing")

    asked(url, ask)


def test_both_kinds_have_the_same_calls_with_the_same_signatures(url: str) -> None:
    def public(place: object) -> dict[str, Any]:
        names = [name for name in dir(place) if not name.startswith("_")]
        return {name: getattr(place, name) for name in names if callable(getattr(place, name))}

    with Client(url) as opened:
        for one, other in (
            (opened, AsyncClient(url)),
            (opened.collection("a"), AsyncClient(url).collection("a")),
        ):
            assert set(public(one)) == set(public(other))
            for name, call in public(one).items():
                arguments = inspect.signature(call).parameters
                assert list(arguments) == list(inspect.signature(public(other)[name]).parameters), name
                assert inspect.getdoc(call) == inspect.getdoc(public(other)[name])


def test_errors_are_those_of_the_same_call_in_python(client: Client) -> None:
    with pytest.raises(NotFoundError, match="There is no collection 'nobody'"):
        client.collection("nobody").info()
    photos = client.collection("errors")
    photos.upload([("a.png", picture(1))])
    with pytest.raises(ConfigurationError, match="does not read text"):
        photos.search(text="a cat")
    with pytest.raises(ConfigurationError):
        photos.search(limit=100_000, image_id="x")
    with pytest.raises(RejectedError, match="private or reserved"):
        photos.add_webhook("https://127.0.0.1/x")
    assert photos.add("https://127.0.0.1/x.png").refused[0].name == "https://127.0.0.1/x.png"
    with pytest.raises(ServiceError, match="did not answer") as told:
        Client("http://127.0.0.1:1", attempts=1).health()
    assert told.value.status is None
    with pytest.raises(ConfigurationError, match="no address"):
        Client("file:///etc/passwd")


def test_events_are_followed_as_they_happen(client: Client, url: str) -> None:
    photos = client.collection("followed")
    photos.upload([("a.png", picture(1))])
    followed = photos.follow(after=0)
    first = next(followed)
    photos.upload([("b.png", picture(2))])
    rest = [next(followed) for _ in range(len(list(photos.events())) - 1)]
    assert [first, *rest] == list(photos.events())

    async def ask(opened: AsyncClient) -> list[Any]:
        stream = opened.collection("followed").follow(after=first.cursor)
        return [await anext(stream) for _ in rest]

    assert asked(url, ask) == rest


class Busy:
    """A service that says it is busy so many times, or hangs up, and then answers."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes] | None) -> None:
        self.answers = list(answers)
        self.got: list[dict[str, str]] = []
        busy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.do_GET()

            def do_GET(self) -> None:
                busy.got.append({name.lower(): value for name, value in self.headers.items()})
                answer = busy.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in ({"content-length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


WAIT = (503, {"retry-after": "0"}, b"")
HEALTHY = (200, {}, b'{"status": "ok", "version": "1"}')
REPORT = (200, {}, b'{"filed": 0, "known": 0, "refused": 0, "results": []}')


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_may_be_repeated_is_until_the_service_has_time(asynchronous: bool) -> None:
    def ask(url: str) -> None:
        if asynchronous:
            asked(url, lambda opened: opened.health())
        else:
            Client(url, "secret").health()

    with Busy(WAIT, (429, {"retry-after": "0"}, b""), None, (502, {"retry-after": "0"}, b""), HEALTHY) as busy:
        ask(busy.url)
    assert len(busy.got) == 5
    assert asynchronous or {one["authorization"] for one in busy.got} == {"Bearer secret"}


def test_an_upload_is_repeated_under_the_same_key() -> None:
    with Busy(WAIT, None, REPORT) as busy:
        Client(busy.url).collection("a").upload([("a.png", b"x")])
    assert len({one["idempotency-key"] for one in busy.got}) == 1
    assert len(busy.got) == 3


def test_what_may_not_be_done_twice_is_not_repeated() -> None:
    for answer in (WAIT, None):
        with Busy(answer, REPORT) as busy, pytest.raises(ServiceError):
            Client(busy.url).collection("a").run()
        assert len(busy.got) == 1


def test_repeating_ends() -> None:
    with Busy(WAIT, WAIT, WAIT) as busy, pytest.raises(ServiceError, match="answered 503") as told:
        Client(busy.url, attempts=3).health()
    assert told.value.status == 503


def test_a_download_that_breaks_goes_on_where_it_broke(tmp_path: Path) -> None:
    whole = b"0123456789"
    half = (200, {"etag": '"x"', "content-length": "10"}, whole[:6])
    rest = (206, {"etag": '"x"', "content-range": "bytes 6-9/10"}, whole[6:])
    with Busy(half, rest) as busy:
        path = Client(busy.url).collection("a").export_to(tmp_path / "out.zip")
    assert path.read_bytes() == whole
    assert (busy.got[1]["range"], busy.got[1]["if-range"]) == ("bytes=6-", '"x"')
    other = (200, {"etag": '"y"'}, b"another export")
    with Busy(half, other) as busy:
        path = asked(busy.url, lambda opened: opened.collection("a").export_to(tmp_path / "out.zip"))
    assert path.read_bytes() == b"another export"
