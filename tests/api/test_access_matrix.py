"""Every route against every kind of caller. The routes are those of the app, so that a new one is here by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.access.rights import NEEDS, Need, need_of
from categoriser.library.access import Principal
from tests.api.conftest import serving, serving_app
from tests.waiting import wait_until
from tests.whole import picture

COMING: set[str] = set()  # in the table before it is in the app
PLAIN = {
    "/openapi.json",
    "/static-offline-docs",
}  # what is no operation: the description of the interface and its looks
MAY: Mapping[str, set[Need]] = {  # beyond what everybody may
    "nobody": set(),
    "wrong": set(),
    "garbage": set(),
    "expired": set(),
    "revoked": set(),
    "token of a revoked key": set(),
    "other user": {Need.KEY},
    "reader": {Need.KEY, Need.READ},
    "prefix reader": {Need.KEY, Need.READ},
    "writer": {Need.KEY, Need.READ, Need.WRITE},
    "admin": {Need.KEY, Need.READ, Need.WRITE, Need.ADMIN},
    "reading token": {Need.KEY, Need.READ},
    "writing token": {Need.KEY, Need.READ, Need.WRITE},
    "token of another user": {Need.KEY},
}
STRANGERS = [who for who, may in MAY.items() if not may]
EVERYBODY = {Need.NOTHING, Need.ANYBODY}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, dict[str, dict[str, str]]]]:
    """A service with one picture of anna's, and the headers of every caller."""
    unlimited = {"failures_per_minute": 1_000_000, "token_requests_per_second": 0.0}
    folder = tmp_path_factory.mktemp("library")
    with Library.open(folder, encoder="classic", access=unlimited) as library, serving(library) as client:
        access = library.access
        library.collection("anna").add(picture(1))

        def token(scope: str, collection: str, right: Any) -> str:
            giver = access.identify(access.create([scope]).key)
            return access.tokens.issue(giver, collection, right, 3600).token

        ended, giver = access.create(["admin"]), access.create(["admin"])
        expired = access.create(["admin"], seconds=0.001)
        orphan = access.tokens.issue(access.identify(giver.key), "anna", "write", 3600).token
        access.revoke(ended.info.id)
        access.revoke(giver.info.id)
        wait_until(lambda: time.time() > (expired.info.expires_at or 0))
        texts = {
            "wrong": "cat_" + "a" * 12 + "_" + "0" * 64,
            "garbage": "no.key.atall",
            "expired": expired.key,
            "revoked": ended.key,
            "token of a revoked key": orphan,
            "other user": access.create(["write:bob", "read:annabel", "write:ann"]).key,
            "reader": access.create(["read:anna"]).key,
            "prefix reader": access.create(["read:an*"]).key,
            "writer": access.create(["write:anna"]).key,
            "admin": access.create(["admin"]).key,
            "reading token": token("write:*", "anna", "read"),
            "writing token": token("write:anna", "anna", "write"),
            "token of another user": token("admin", "bob", "write"),
        }
        yield client, {"nobody": {}} | {who: {"Authorization": f"Bearer {text}"} for who, text in texts.items()}


def operations(app: FastAPI) -> list[tuple[str, str, str]]:
    """Name, method and a path of every operation, on anna's collection and otherwise on what does not exist."""
    found = []
    for template, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            path = template.replace("{collection}", "anna")
            for parameter in operation.get("parameters", []):
                number = parameter["schema"].get("type") == "integer"
                path = path.replace(f"{{{parameter['name']}}}", "999999999" if number else "none")
            found.append((operation["operationId"], method.upper(), path))
    return found


def test_every_route_says_what_it_asks_for(pictures_app: FastAPI) -> None:
    names = [name for name, _, _ in operations(pictures_app)]
    assert len(names) == len(set(names))
    missing = sorted(set(names) - set(NEEDS))
    assert not missing, f"add to categoriser/api/access/rights.py, or they are for admins only: {missing}"
    hidden = {route.name for route in pictures_app.routes if isinstance(route, APIRoute)}
    gone = set(NEEDS) - set(names) - hidden - COMING
    assert not gone, f"take out of categoriser/api/access/rights.py: {sorted(gone)}"
    plain = {route.path for route in pictures_app.routes if isinstance(route, Mount | Route)}
    plain -= {route.path for route in pictures_app.routes if isinstance(route, APIRoute)}
    assert plain == PLAIN, "what is no operation is answered to everybody: look at it well, then list it here"


def test_what_reads_by_its_method_asks_for_no_more_and_the_rest_for_more(pictures_app: FastAPI) -> None:
    harmless = {"search_images", "count_images"}  # a question in a body
    for name, method, path in operations(pictures_app):
        if "/collections/anna" in path:
            expected = Need.READ if method == "GET" or name in harmless else Need.WRITE
            assert need_of(name) is expected, name


@pytest.mark.parametrize("who", MAY)
def test_every_route_answers_whom_it_should(
    guarded: tuple[httpx.Client, dict[str, dict[str, str]]], pictures_app: FastAPI, who: str
) -> None:
    client, headers = guarded
    for name, method, path in operations(pictures_app):
        body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
        with client.stream(method, path, headers=headers[who], **body) as answer:  # a stream may have no end
            status, need = answer.status_code, need_of(name)
            if need in EVERYBODY or need in MAY[who]:
                assert status not in {401, 403}, (who, name, status)
                continue
            assert status == (401 if who in STRANGERS else 403), (who, name, status)
            error = answer.read() and answer.json()["error"]
            assert error["code"] == ("unauthenticated" if status == 401 else "forbidden")
            assert error["message"].endswith((".", "…"))
            assert ("www-authenticate" in answer.headers) == (status == 401)


def test_a_route_that_forgot_to_say_what_it_asks_for_is_for_admins(
    guarded: tuple[httpx.Client, dict[str, dict[str, str]]], tmp_path: Path
) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        keys = {scope: library.access.create([scope]).key for scope in ("read:anna", "write:*", "admin")}
        app, late = create_app(library), APIRouter()

        @late.get("/v1/collections/{collection}/forgotten", name="one")
        @app.get("/v1/forgotten", name="another")
        @app.get("/elsewhere")
        def forgotten() -> str:
            return "a secret"

        app.include_router(late)
        with serving_app(app) as client:
            for path in ("/v1/collections/anna/forgotten", "/v1/forgotten", "/elsewhere"):
                assert client.get(path).status_code == 401
                for scope, expected in (("read:anna", 403), ("write:*", 403), ("admin", 200)):
                    answer = client.get(path, headers={"Authorization": f"Bearer {keys[scope]}"})
                    assert answer.status_code == expected, (path, scope)


def test_a_name_outside_the_key_is_refused_alike_whether_or_not_it_exists(
    guarded: tuple[httpx.Client, dict[str, dict[str, str]]],
) -> None:
    client, headers = guarded
    there = client.get("/v1/collections/anna", headers=headers["other user"])
    not_there = client.get("/v1/collections/zoe", headers=headers["other user"])
    assert there.status_code == not_there.status_code == 403
    assert there.text.replace("anna", "zoe") == not_there.text


@pytest.mark.parametrize(
    "path", ["/v1/collections/ann%61", "//v1/collections/anna", "/v1/collections/anna/", "/v1/./x"]
)
def test_no_way_of_writing_an_address_leads_around(
    guarded: tuple[httpx.Client, dict[str, dict[str, str]]], path: str
) -> None:
    client, headers = guarded
    for who in ("nobody", "other user"):
        answer = client.get(path, headers=headers[who], follow_redirects=True)
        assert answer.status_code in {401, 403, 404}
        assert "classic" not in answer.text


def test_slashes_in_names_stay_inside_the_name(guarded: tuple[httpx.Client, dict[str, dict[str, str]]]) -> None:
    client, headers = guarded
    for path in ("anna%2F..%2Fbob", "anna%2Fimages", "bob%2F..%2Fanna", "anna%2f"):
        assert client.get(f"/v1/collections/{path}", headers=headers["writer"]).status_code == 403


def test_nobody_was_found_to_be_somebody(guarded: tuple[httpx.Client, dict[str, dict[str, str]]]) -> None:
    assert set(guarded[1]) == set(MAY)
    assert Principal("key", ()).may("read", "anna") is False


@pytest.fixture(scope="module")
def pictures_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with Library.open(tmp_path_factory.mktemp("app"), encoder="classic") as library:
        yield create_app(library)
