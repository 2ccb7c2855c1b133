"""The same commands over HTTP say the same as on the library itself."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from categoriser import Library
from tests.api.conftest import serving
from tests.cli.conftest import Command
from tests.receiver import receiving


@pytest.fixture
def url(tmp_path: Path, folder: Path) -> Iterator[str]:
    """A service over the library that the commands have without ``--url``, after a while of its own."""
    settings = {"webhooks": {"allow_private_addresses": True}}
    with Library.open(tmp_path / "library", encoder="classic", **settings) as library, serving(library) as client:
        yield str(client.base_url)


def test_commands_over_http_say_what_they_say_on_the_library(
    tmp_path: Path, run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.png").write_bytes(b"broken")
    with Library.open(tmp_path / "library", encoder="classic") as library, serving(library) as client:
        monkeypatch.setenv("CATEGORISER_URL", str(client.base_url))
        added = run("add", folder, "--json")
        assert (added.code, added.json["filed"], len(added.json["refused"])) == (1, 12, 1)
        assert run("add", folder).code == 1
        run("name")
        asked = ["categories", "groups", "images", "events", "failed", "collections"]
        over_http = {one: run(one, "--json").json for one in asked}
        image_id = over_http["images"]["images"][0]["id"]
        found = run("search", "--image-id", image_id, "--json").json["results"]
        shown = run("show", image_id, "--json").json
        exported = tmp_path / "http.jsonl"
        assert run("export", exported, "--json").json["written"] == 12
        assert run("export", tmp_path / "folder").code == 2
        assert run("export", tmp_path / "all.zip", "--everything").code == 0
    monkeypatch.delenv("CATEGORISER_URL")
    for one in asked:
        local = run(one, "--json").json
        for answer in (local, over_http[one]):
            for image in answer.get("images", []) if one == "images" else []:
                image.pop("source")  # a service tells no paths
                image.pop("tags")
        assert local == over_http[one], one
    local = run("search", "--image-id", image_id, "--json").json["results"]
    assert [(one["image_id"], round(one["score"], 5)) for one in local] == [
        (one["image_id"], round(one["score"], 5)) for one in found
    ]
    assert run("show", image_id, "--json").json["added_at"] == shown["added_at"]
    run("export", tmp_path / "local.jsonl")
    assert [json.loads(line)["image_id"] for line in exported.read_text().splitlines()] == [
        json.loads(line)["image_id"] for line in (tmp_path / "local.jsonl").read_text().splitlines()
    ]
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["counts"]["pictures"] == 12


def test_what_only_works_on_a_library_says_so(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATEGORISER_URL", "http://127.0.0.1:1")
    told = run("plan")
    assert (told.code, "on a library of this machine only" in told.err) == (2, True)
    told = run("categories", "--url", "nonsense")
    assert (told.code, "no address of a service" in told.err) == (2, True)


def test_webhooks_are_looked_after_by_commands(url: str, run: Command, folder: Path) -> None:
    run("add", folder, "--url", url)
    with receiving() as receiver:
        made = run("webhooks", "add", receiver.url, "--type", "attach", "--url", url, "--json").json
        assert made["secret"].startswith("whsec_")
        assert run("webhooks", "rotate", made["id"], "--url", url, "--json").json["secrets"] == 2
        assert run("webhooks", "ping", made["id"], "--url", url).code == 0
        receiver.reply = lambda _: (500, {})
        assert run("webhooks", "ping", made["id"], "--url", url).code == 1
    assert "disabled" in run("webhooks", "enable", made["id"], "--off", "--url", url).out
    assert "enabled" in run("webhooks", "enable", made["id"], "--url", url).out
    assert run("webhooks", "replay", made["id"], "--after", 0, "--url", url, "--json").json["waiting"] >= 12
    log = run("webhooks", "log", made["id"], "--url", url, "--json").json["deliveries"]
    assert [one["status"] for one in log] == [500, 204]
    assert run("webhooks", "list", "--url", url, "--json").json["webhooks"][0]["id"] == made["id"]
    assert "it answered 500" in run("webhooks", "log", made["id"], "--url", url).out
    run("webhooks", "remove", made["id"], "--url", url)
    assert run("webhooks", "list", "--url", url, "--json").json == {"webhooks": [], "next": None}


def test_webhooks_of_a_library_of_this_machine(run: Command, folder: Path) -> None:
    run("add", folder)
    refused = run("webhooks", "add", "https://127.0.0.1/x")
    assert (refused.code, "private or reserved" in refused.err) == (1, True)
    assert run("webhooks", "list", "--json").json["webhooks"] == []


def test_exports_of_a_library_have_every_style(run: Command, folder: Path, tmp_path: Path) -> None:
    run("add", folder)
    assert run("export", "out.zip", "--nested").code == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert len(list(csv.DictReader(io.StringIO(archive.read("images.csv").decode())))) == 12
    assert run("export", "out.parquet").code == 0
    assert run("export", "out", "--style", "fiftyone").code == 0
    counts = run("export", "all.zip", "--everything", "--json").json["counts"]
    assert (counts["images"], counts["pictures"]) == (12, 12)
    some = run("export", "some.csv", "--category", "unsorted", "--json").json["written"]
    assert some == run("categories", "--json").json["unsorted"]
