"""Where requests come from, how they carry a key, and how many there may be."""

from __future__ import annotations

import socket
from collections.abc import Callable

import httpx
import pytest

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.access.rates import Buckets
from categoriser.api.serving import check_reach
from categoriser.errors import ConfigurationError
from categoriser.settings import Settings
from tests.api.conftest import Start, bearer, new_key, serving_app


def test_a_key_in_the_address_is_refused_whatever_it_is_called(start: Start) -> None:
    client = start()
    key = new_key(client, "admin")
    for query in (f"?api_key={key}", "?access_token=x", f"?after={key}", f"?{key}", f"?x=%63at_{key[4:]}"):
        for headers in ({}, bearer(key)):
            answer = client.get(f"/v1/collections{query}", headers=headers)
            assert answer.status_code == 422
            assert key not in answer.text


def test_foreign_names_are_answered_when_they_are_listed_and_keys_are_needed(start: Start) -> None:
    client = start(access={"hosts": ["photos.example.org"]})
    listed, other, plain = {"Host": "photos.example.org"}, {"Host": "evil.example"}, {"Host": "192.0.2.7:8642"}
    for headers in (listed, other, plain, {"Origin": "https://photos.example.org"}):
        assert client.get("/healthz", headers=headers).status_code == 403  # no key yet: this machine only
    key = new_key(client, "admin")
    assert client.get("/v1/collections", headers={**listed, **bearer(key)}).status_code == 200
    assert client.get("/v1/collections", headers={**plain, **bearer(key)}).status_code == 200
    refused = client.get("/v1/collections", headers={**other, **bearer(key)})
    assert refused.status_code == 403
    assert "access.hosts" in refused.json()["error"]["message"]


def test_pages_of_other_origins_may_call_only_when_they_are_listed(start: Start) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    client = start(access={"origins": ["https://shop.example"]})
    key = new_key(client, "admin")
    listed, other = {"Origin": "https://shop.example"}, {"Origin": "https://evil.example"}
    allowed = client.options("/v1/collections", headers={**asks, **listed})
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in allowed.headers
    answer = client.get("/v1/collections", headers={**listed, **bearer(key)})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    for headers in ({**asks, **other}, other):
        assert "access-control-allow-origin" not in client.options("/v1/collections", headers=headers).headers


def test_by_default_no_page_of_another_origin_may_read_anything(start: Start) -> None:
    client = start()
    key = new_key(client, "admin")
    answer = client.get("/v1/collections", headers={**bearer(key), "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_key_that_asks_too_fast_is_told_when_to_come_back(start: Start) -> None:
    client = start()
    admin = new_key(client, "admin")
    slow = new_key(client, "read:anna", by=admin, per_second=0.01)
    answers = [client.get("/v1/collections", headers=bearer(slow)) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 100
    assert answers[-1].json()["error"]["code"] == "too_many_requests"
    assert client.get("/v1/collections", headers=bearer(admin)).status_code == 200
    told = client.get("/v1/audit", params={"denied": True}, headers=bearer(admin)).json()["entries"]
    assert [one["status"] for one in told] == [429]  # once, and not with every request


def test_wrong_keys_are_limited_by_address_and_good_ones_go_on(start: Start) -> None:
    client = start(access={"failures_per_minute": 1})
    admin = new_key(client, "admin")
    assert client.get("/v1/collections", headers=bearer(admin)).status_code == 200
    wrong = [client.get("/v1/collections", headers=bearer(f"guess-{number}")) for number in range(8)]
    assert [one.status_code for one in wrong[:2]] == [401, 429]
    assert 1 <= int(wrong[1].headers["retry-after"]) <= 60
    assert client.get("/v1/collections", headers=bearer(admin)).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_a_bucket_fills_with_time_and_holds_no_more_than_its_size() -> None:
    now = [100.0]
    buckets = Buckets(lambda: now[0])
    assert [buckets.take("a", per_second=2, size=3) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b", per_second=2, size=3) == 0
    now[0] += 0.5
    assert buckets.wait("a", per_second=2, size=3) == 0
    assert [buckets.take("a", per_second=2, size=3) for _ in range(2)] == [0, 0.5]
    now[0] += 3600
    assert [buckets.take("a", per_second=2, size=3) for _ in range(4)] == [0, 0, 0, 0.5]


def raw(client: httpx.Client, request: str) -> str:
    """What the service answers to these very bytes."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=20) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer.decode("latin-1")


NOT_QUITE_RIGHT: list[Callable[[str], str]] = [
    lambda key: f"Authorization: Basic {key}",
    lambda key: f"Authorization: Bearer {key}\r\nAuthorization: Bearer {key}",
    lambda key: f"Authorization: Bearer {key} {key}",
    lambda key: f"Authorization: Bearer {key},Bearer x",
    lambda key: f"Authorization: Bearer\x0b{key}",
    lambda key: f"Authorization: Bearer {key}\x00",
    lambda key: f"Authorization: Bearer\r\n {key}",
    lambda key: f"Authorization : Bearer {key}",
    lambda key: f"X-Api-Key: {key}",
    lambda key: f"Cookie: categoriser_session={key}x",
    lambda key: f"Authorization: Bearer {'a' * 5000}",
    lambda key: f"Authorization: Bearer {chr(233) * 20}",
]


def test_a_header_that_is_not_quite_right_lets_nobody_in(start: Start) -> None:
    client = start()
    key = new_key(client, "admin")
    begin = f"GET /v1/collections HTTP/1.1\r\nHost: 127.0.0.1:{client.base_url.port}\r\nConnection: close\r\n"
    assert raw(client, f"{begin}Authorization: Bearer {key}\r\n\r\n").startswith("HTTP/1.1 200")
    for write in NOT_QUITE_RIGHT:
        answer = raw(client, f"{begin}{write(key)}\r\n\r\n")
        assert answer.startswith(("HTTP/1.1 400", "HTTP/1.1 401")), write("KEY")
        assert key not in answer


def test_nothing_of_a_strangers_body_is_read(start: Start) -> None:
    client = start()
    new_key(client, "admin")
    host = f"Host: 127.0.0.1:{client.base_url.port}"
    request = f"POST /v1/collections/anna/images HTTP/1.1\r\n{host}\r\nContent-Length: 100000000\r\n\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=20) as connection:
        connection.sendall(request.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")  # before a single byte of it was sent


def test_names_with_line_breaks_split_no_answer(start: Start) -> None:
    client = start()
    key = new_key(client, "admin")
    for name in ("a%0d%0aSet-Cookie:%20x=1", "a%0aX-Evil:%201"):
        for path in (f"/v1/collections/{name}", f"/v1/collections/{name}/images/{name}/original"):
            answer = client.get(path, headers=bearer(key))
            assert answer.status_code in {400, 404}
            assert "set-cookie" not in answer.headers
            assert "x-evil" not in answer.headers


def test_beyond_this_machine_everybody_needs_a_key(pictures_library: Library) -> None:
    with serving_app(create_app(pictures_library, beyond_loopback=True)) as client:
        assert client.get("/v1/collections").status_code == 401
        assert client.get("/healthz").status_code == 200
        assert client.post("/v1/keys", json={"scopes": ["admin"]}).status_code == 401


def test_a_service_without_a_key_does_not_listen_beyond_this_machine(pictures_library: Library) -> None:
    folder, settings = pictures_library.storage.folder, Settings.load(encoder="classic")
    check_reach("127.0.0.1", folder, settings)
    with pytest.raises(ConfigurationError, match="categoriser keys create --scope admin"):
        check_reach("0.0.0.0", folder, settings)
    made = pictures_library.access.create(["admin"])
    check_reach("0.0.0.0", folder, settings)
    with pytest.raises(ConfigurationError, match=r"access\.keys is off"):
        check_reach("0.0.0.0", folder, Settings.load(encoder="classic", access={"keys": "off"}))
    pictures_library.access.revoke(made.info.id)
    with pytest.raises(ConfigurationError, match="no key yet"):
        check_reach("0.0.0.0", folder, settings)


def test_whoever_is_refused_without_end_does_not_fill_the_disk(start: Start) -> None:
    client = start(access={"failures_per_minute": 5})
    key = new_key(client, "admin")
    for _ in range(30):
        client.get("/v1/collections")
    told = client.get("/v1/audit", params={"denied": True}, headers=bearer(key)).json()["entries"]
    assert 5 <= len(told) < 20
