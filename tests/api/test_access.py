"""Keys over HTTP: sessions, tokens, where requests come from, how many, and the trail."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.access.rates import Buckets
from categoriser.api.serving import check_reach
from categoriser.errors import ConfigurationError
from categoriser.settings import Settings
from tests.api.conftest import Start, serving_app
from tests.whole import picture


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def new_key(client: httpx.Client, *scopes: str, by: str | None = None, **facts: Any) -> str:
    answer = client.post("/v1/keys", json={"scopes": scopes, **facts}, headers=bearer(by) if by else {})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def own(client: httpx.Client) -> dict[str, str]:
    return {"Origin": str(client.base_url).rstrip("/")}


def test_a_service_without_keys_is_open_to_this_machine_until_there_is_one(start: Start) -> None:
    client = start()
    told = client.get("/v1/session").json()
    assert (told["access"], told["signed_in"], told["kind"], told["scopes"]) == ("open", True, "local", ["admin"])
    assert client.post("/v1/tokens", json={"collection": "anna"}).status_code == 400
    key = new_key(client, "admin")
    refused = client.get("/v1/collections")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="categoriser"'
    told = client.get("/v1/session").json()
    assert (told["access"], told["signed_in"], told["scopes"]) == ("keys", False, [])
    assert client.get("/v1/collections", headers=bearer(key)).status_code == 200
    for path in ("/healthz", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_lists_show_what_the_key_may_see_on_every_page(start: Start) -> None:
    client = start()
    admin = new_key(client, "admin")
    for name in ("anna", "bob", "user-1", "user-2", "user-3"):
        file = {"file": ("a.png", picture(1))}
        assert client.post(f"/v1/collections/{name}/images", files=file, headers=bearer(admin)).status_code == 201
    mine = new_key(client, "read:user-*", "write:anna", by=admin)
    for path, items, field in (("/v1/collections", "collections", "name"), ("/v1/schedule", "schedules", "collection")):
        seen: list[str] = []
        following: str | None = ""
        while following is not None:
            page = client.get(path, params={"after": following, "limit": 1}, headers=bearer(mine)).json()
            seen += [one[field] for one in page[items]]
            following = page["next"]
        assert seen == ["anna", "user-1", "user-2", "user-3"]


def test_an_app_hands_its_user_a_token_for_one_collection(start: Start) -> None:
    client = start()
    admin = new_key(client, "admin")
    app = new_key(client, "write:user-*", by=admin)
    wanted = {"collection": "user-7", "scope": "write", "seconds": 600}
    made = client.post("/v1/tokens", json=wanted, headers=bearer(app))
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    token = made.json()["token"]
    file = {"file": ("a.png", picture(1))}
    image = client.post("/v1/collections/user-7/images", files=file, headers=bearer(token)).json()["image_id"]
    for part in ("thumbnail", "original"):
        path = f"/v1/collections/user-7/images/{image}/{part}"
        assert client.get(path, headers=bearer(token)).status_code == 200
        assert client.get(path).status_code == 401
        assert client.get(path.replace("user-7", "user-8"), headers=bearer(token)).status_code == 403
    assert client.post("/v1/tokens", json=wanted, headers=bearer(token)).status_code == 403
    assert client.post("/v1/tokens", json={**wanted, "collection": "anna"}, headers=bearer(app)).status_code == 403
    who = client.get("/v1/session", headers=bearer(app)).json()["key"]
    assert client.delete(f"/v1/keys/{who}", headers=bearer(admin)).json()["revoked_at"] is not None
    assert client.get("/v1/collections/user-7", headers=bearer(token)).status_code == 401


def test_a_browser_signs_in_with_a_cookie_that_scripts_and_other_pages_cannot_use(start: Start) -> None:
    client = start()
    key = new_key(client, "admin")
    signed = client.post("/v1/session", headers=bearer(key))
    cookie = signed.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert key not in cookie
    assert client.get("/v1/session").json()["kind"] == "session"
    assert client.get("/v1/collections").status_code == 200
    elsewhere: list[dict[str, str]] = [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", **own(client)},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:1"},
    ]
    for headers in elsewhere:
        answer = client.post("/v1/keys", json={"scopes": ["admin"]}, headers=headers)
        assert answer.status_code == 403, headers
    for headers in (own(client), {"Sec-Fetch-Site": "same-origin"}):
        assert client.post("/v1/keys", json={"scopes": ["read:anna"]}, headers=headers).status_code == 201
    kept = dict(client.cookies)
    assert client.delete("/v1/session", headers=own(client)).status_code == 204
    assert client.get("/v1/collections").status_code == 401
    client.cookies.update(kept)  # somebody had copied it
    assert client.get("/v1/collections").status_code == 401


def test_over_https_the_cookie_is_bound_to_this_host(start: Start) -> None:
    client = start()
    key = new_key(client, "read:anna")
    behind_proxy = {**bearer(key), "X-Forwarded-Proto": "https"}
    cookie = client.post("/v1/session", headers=behind_proxy).headers["set-cookie"]
    assert cookie.startswith("__Host-categoriser=")
    assert "Secure" in cookie
    value = cookie.partition(";")[0]
    assert client.get("/v1/collections", headers={"Cookie": value, "X-Forwarded-Proto": "https"}).status_code == 200
    assert client.get("/v1/collections", headers={"Cookie": value}).status_code == 401


def test_a_key_in_the_address_is_refused_whatever_it_is_called(start: Start) -> None:
    client = start()
    key = new_key(client, "admin")
    for query in (f"?api_key={key}", "?access_token=x", f"?after={key}", f"?{key}", f"?x=%63at_{key[4:]}"):
        for headers in ({}, bearer(key)):
            answer = client.get(f"/v1/collections{query}", headers=headers)
            assert answer.status_code == 422
            assert key not in answer.text


def test_a_key_is_rotated_with_a_grace_and_listed_without_secrets(start: Start) -> None:
    client = start()
    admin = new_key(client, "admin", label="operator")
    old = new_key(client, "read:anna", by=admin)
    public_id = old.split("_")[1]
    rotated = client.post(f"/v1/keys/{public_id}/rotation", json={"grace_seconds": 600}, headers=bearer(admin)).json()
    for key in (old, rotated["key"]):
        assert client.get("/v1/collections", headers=bearer(key)).status_code == 200
    client.post(f"/v1/keys/{public_id}/rotation", json={}, headers=bearer(admin))
    assert client.get("/v1/collections", headers=bearer(old)).status_code == 401
    listed = client.get("/v1/keys", params={"limit": 1}, headers=bearer(admin))
    assert [one["label"] for one in listed.json()["keys"]] == ["operator"]
    rest = client.get("/v1/keys", params={"after": listed.json()["next"]}, headers=bearer(admin)).json()
    assert [one["id"] for one in rest["keys"]] == [public_id]
    for secret in (admin, old, rotated["key"]):
        assert secret.split("_")[2] not in listed.text
    for wrong in ({"scopes": []}, {"scopes": ["all"]}, {"scopes": ["admin"], "seconds": -1}, {"scopes": ["a"], "x": 1}):
        assert client.post("/v1/keys", json=wrong, headers=bearer(admin)).status_code in {400, 422}
    assert client.post("/v1/keys/none/rotation", json={}, headers=bearer(admin)).status_code == 404


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
    slow = new_key(client, "read:anna", by=admin, per_second=0.1)
    answers = [client.get("/v1/collections", headers=bearer(slow)) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert answers[-1].json()["error"]["code"] == "too_many_requests"
    assert client.get("/v1/collections", headers=bearer(admin)).status_code == 200
    told = client.get("/v1/audit", params={"denied": True}, headers=bearer(admin)).json()["entries"]
    assert [one["status"] for one in told] == [429]  # once, and not with every request


def test_wrong_keys_are_limited_by_address_and_good_ones_go_on(start: Start) -> None:
    client = start(access={"failures_per_minute": 3})
    admin = new_key(client, "admin")
    assert client.get("/v1/collections", headers=bearer(admin)).status_code == 200
    wrong = [client.get("/v1/collections", headers=bearer(f"guess-{number}")) for number in range(8)]
    assert [one.status_code for one in wrong[:3]] == [401, 401, 401]
    assert wrong[-1].status_code == 429
    assert int(wrong[-1].headers["retry-after"]) >= 1
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


def test_the_trail_tells_who_changed_what_and_who_was_refused(start: Start) -> None:
    client = start()
    admin = new_key(client, "admin")
    anna = new_key(client, "write:anna", by=admin)
    who = anna.split("_")[1]
    secret = {"file": ("secret-name.png", picture(1))}
    client.post("/v1/collections/anna/images", files=secret, headers=bearer(anna))
    client.get("/v1/collections/anna/images", headers=bearer(anna))  # changes nothing: not noted
    client.post("/v1/collections/anna/search", json={"text": "x"}, headers=bearer(anna))
    client.delete("/v1/collections/bob/images/x", headers=bearer(anna))
    client.get("/v1/collections/anna/images/private-name", headers={})
    client.get("/v1/audit", headers=bearer(anna))
    answer = client.get("/v1/audit", params={"limit": 4}, headers=bearer(admin))
    told = [(one["who"], one["route"], one["collection"], one["status"]) for one in answer.json()["entries"]]
    assert told == [
        (who, "GET /v1/audit", None, 403),
        (None, "GET /v1/collections/{collection}/images/{image_id}", "anna", 401),
        (who, "DELETE /v1/collections/{collection}/images/{image_id}", "bob", 403),
        (who, "POST /v1/collections/{collection}/images", "anna", 201),
    ]
    for secret_text in ("private-name", "secret-name", anna.split("_")[2]):
        assert secret_text not in answer.text
    earlier = client.get("/v1/audit", params={"before": answer.json()["next"]}, headers=bearer(admin)).json()
    assert [one["route"] for one in earlier["entries"]] == ["POST /v1/keys", "POST /v1/keys"]
    assert {one["kind"] for one in earlier["entries"]} == {"key", "local"}


def test_a_user_is_erased_with_proof_and_no_right_to_the_name_is_left(start: Start) -> None:
    client = start()
    admin = new_key(client, "admin")
    anna = new_key(client, "write:anna", by=admin)
    for name in ("anna", "bob"):
        for seed in range(3):
            file = {"file": ("a.png", picture(seed))}
            client.post(f"/v1/collections/{name}/images", files=file, headers=bearer(admin))
    path = "/v1/collections/anna/erasure"
    preview = client.post(path, json={"preview": True}, headers=bearer(anna)).json()
    assert (preview["before"]["rows of images"], preview["before"]["vectors"]) == (3, 3)
    assert preview["after"] is None
    for wrong in ({}, {"confirm": "bob"}):
        assert client.post(path, json=wrong, headers=bearer(anna)).status_code == 400
    assert client.get("/v1/collections/anna", headers=bearer(anna)).json()["images"] == 3
    report = client.post(path, json={"confirm": "anna"}, headers=bearer(anna)).json()
    assert report["complete"]
    assert set(report["after"].values()) == {0}
    assert report["before"]["keys with a right to it"] == 1
    told = client.get("/v1/audit", headers=bearer(admin))
    assert "anna" not in told.text
    assert report["key"] in told.text
    assert client.get("/v1/collections/anna", headers=bearer(anna)).status_code == 401
    assert client.get("/v1/collections/bob", headers=bearer(admin)).json()["images"] == 3


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


def test_the_interface_says_how_one_signs_in(start: Start) -> None:
    described = start().get("/openapi.json").json()
    assert set(described["components"]["securitySchemes"]) == {"key", "session"}
    upload = described["paths"]["/v1/collections/{collection}/images"]["post"]
    assert upload["security"] == [{"key": []}, {"session": []}]
    assert upload["x-needs"] == "write"
    assert {"401", "403", "429"} <= set(upload["responses"])
    assert described["paths"]["/healthz"]["get"]["security"] == []


def test_whoever_is_refused_without_end_does_not_fill_the_disk(start: Start) -> None:
    client = start(access={"failures_per_minute": 5})
    key = new_key(client, "admin")
    for _ in range(30):
        client.get("/v1/collections")
    told = client.get("/v1/audit", params={"denied": True}, headers=bearer(key)).json()["entries"]
    assert 5 <= len(told) < 20
