"""Keys over HTTP: sessions, tokens, lists, the trail and a user's end."""

from __future__ import annotations

import httpx

from tests.api.conftest import Start, bearer, new_key
from tests.whole import picture


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
        for seed in range(2):
            file = {"file": ("a.png", picture(seed))}
            client.post(f"/v1/collections/{name}/images", files=file, headers=bearer(admin))
    path = "/v1/collections/anna/erasure"
    preview = client.post(path, json={"preview": True}, headers=bearer(anna)).json()
    assert (preview["before"]["rows of images"], preview["before"]["vectors"]) == (2, 2)
    assert preview["after"] is None
    for wrong in ({}, {"confirm": "bob"}):
        assert client.post(path, json=wrong, headers=bearer(anna)).status_code == 400
    assert client.get("/v1/collections/anna", headers=bearer(anna)).json()["images"] == 2
    report = client.post(path, json={"confirm": "anna"}, headers=bearer(anna)).json()
    assert report["complete"]
    assert set(report["after"].values()) == {0}
    assert report["before"]["keys with a right to it"] == 1
    told = client.get("/v1/audit", headers=bearer(admin))
    assert "anna" not in told.text
    assert report["key"] in told.text
    assert client.get("/v1/collections/anna", headers=bearer(anna)).status_code == 401
    assert client.get("/v1/collections/bob", headers=bearer(admin)).json()["images"] == 2


def test_the_interface_says_how_one_signs_in(start: Start) -> None:
    described = start().get("/openapi.json").json()
    assert set(described["components"]["securitySchemes"]) == {"key", "session"}
    upload = described["paths"]["/v1/collections/{collection}/images"]["post"]
    assert upload["security"] == [{"key": []}, {"session": []}]
    assert upload["x-needs"] == "write"
    assert {"401", "403", "429"} <= set(upload["responses"])
    assert described["paths"]["/healthz"]["get"]["security"] == []
