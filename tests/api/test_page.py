"""The built page is served by the service, and nothing else is with it."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from categoriser.api.errors import answer_errors
from categoriser.api.page import serve_page


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build leaves."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "index-abc.js").write_text("console.log('page');\n" * 50)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def client_of(folder: Path) -> TestClient:
    """A client of a service with that page."""
    app = FastAPI()
    answer_errors(app)
    serve_page(app, folder)
    return TestClient(app)


@pytest.mark.parametrize("path", ["/", "/c/anna", "/c/anna/category/k3v9qm2x-4", "/c/a%2Fb/search?q=x"])
def test_every_address_of_the_page_is_the_page(built: Path, path: str) -> None:
    answer = client_of(built).get(path)
    assert answer.status_code == 200
    assert "<title>page</title>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/c/anna", "/v1/collections/anna/categories"),
        ("/c/anna/search?q=x", "/v1/collections/anna/categories"),
        ("/c/a%20%2F%22%3E%2C(b)", "/v1/collections/a%20%2F%22%3E%2C(b)/categories"),
        ("/c/anna?view=by+colour", "/v1/collections/anna/categories?view=by+colour"),
        ("/c/anna?view=%3E%2C%0D%0AX:1", "/v1/collections/anna/categories?view=%3E%2C%0D%0AX%3A1"),
    ],
)
def test_the_browser_is_told_what_the_page_will_ask_first(built: Path, path: str, asked: str) -> None:
    links = client_of(built).get(path).headers["link"].split(", ")
    assert len(links) == 4
    assert links[0] == f"<{asked}>; rel=preload; as=fetch; crossorigin"


def test_where_no_collection_is_shown_nothing_is_asked_first(built: Path) -> None:
    assert "link" not in client_of(built).get("/").headers


def test_nothing_but_its_own_scripts_may_run_in_it(built: Path) -> None:
    policy = client_of(built).get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in policy
    assert "http" not in policy
    assert rules["frame-ancestors"] == "'none'"


def test_files_with_a_hash_in_their_name_are_kept_for_ever_and_sent_compressed(built: Path) -> None:
    client = client_of(built)
    answer = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    plain = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text == (built / "assets" / "index-abc.js").read_text()
    assert len(gzip.compress(plain.content)) < len(plain.content)


@pytest.mark.parametrize("path", ["/assets/none.js", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"])
def test_no_other_file_can_be_had(built: Path, path: str) -> None:
    answer = client_of(built).get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


def test_a_page_that_was_not_built_says_how(tmp_path: Path) -> None:
    client = client_of(tmp_path / "nothing")
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make web" in answer.text


def test_a_page_that_is_built_later_is_there_without_a_restart(built: Path) -> None:
    index = built / "index.html"
    text = index.read_text()
    index.unlink()
    client = client_of(built)
    assert client.get("/").status_code == 503
    index.write_text(text)
    assert client.get("/").status_code == 200


def test_it_hides_nothing_of_the_interface(service: httpx.Client) -> None:
    answer = service.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert service.get("/docs").status_code == 200
    paths = service.get("/openapi.json").json()["paths"]
    assert not any(path == "/" or path.startswith(("/c/", "/assets")) for path in paths)
