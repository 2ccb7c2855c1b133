"""The same commands over HTTP say the same as on the library itself."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
        assert added.json["seconds"] > 0
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
    told = run("view", "describe", "x", "--url", "http://127.0.0.1:1/v1", "--model", "m")
    assert (told.code, "on a library of this machine only" in told.err) == (2, True)
    for command in (("doctor",), ("migrate",), ("restore", "backup")):
        told = run(*command)
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


def test_webhooks_of_many_collections_are_looked_after_alike(url: str, run: Command, folder: Path) -> None:
    run("add", folder, "--url", url)
    with receiving() as receiver:
        made = run("webhooks", "add", receiver.url, "--prefix", "phot", "--url", url, "--json").json
        assert (made["prefix"], bool(made["secret"])) == ("phot", True)
        assert run("webhooks", "list", "--url", url, "--json").json["webhooks"] == []
        assert "phot" in run("webhooks", "list", "--prefixes", "--url", url).out
        assert run("webhooks", "ping", made["id"], "--url", url).code == 2  # it is no collection's
        assert run("webhooks", "ping", made["id"], "--prefixes", "--url", url).code == 0
    log = run("webhooks", "log", made["id"], "--prefixes", "--url", url, "--json").json["deliveries"]
    assert [one["kind"] for one in log] == ["ping"]
    run("webhooks", "remove", made["id"], "--prefixes", "--url", url)
    assert run("webhooks", "list", "--prefixes", "--url", url, "--json").json == {"webhooks": [], "next": None}


def test_webhooks_of_a_library_of_this_machine(run: Command, folder: Path) -> None:
    run("add", folder)
    refused = run("webhooks", "add", "https://127.0.0.1/x")
    assert (refused.code, "private or reserved" in refused.err) == (1, True)
    assert run("webhooks", "list", "--json").json["webhooks"] == []
    made = run("webhooks", "add", "https://8.8.8.8/x", "--prefix", "", "--json").json
    assert run("webhooks", "list", "--prefixes", "--json").json["webhooks"][0]["id"] == made["id"]
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


def test_corrections_plans_and_runs_over_http_say_what_they_say_on_the_library(
    tmp_path: Path, run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same steps on two libraries of the same pictures, one of them behind a service."""
    said: list[list[Any]] = []
    run("add", folder)
    shutil.copytree(tmp_path / "library", tmp_path / "served")
    with Library.open(tmp_path / "served") as library, serving(library) as client:
        for url in (None, str(client.base_url)):
            if url is not None:
                monkeypatch.setenv("CATEGORISER_URL", url)
            said.append(_corrected(run))
    for local, remote in zip(*said, strict=True):
        assert local == remote


def _corrected(run: Command) -> list[Any]:
    ids = [one["id"] for one in run("images", "--json").json["images"]]
    told: list[Any] = []

    def ask(*arguments: object) -> Any:
        done = run(*arguments, "--json")
        told.append((arguments[0], done.code, _timeless(done.json)))
        return done.json

    mine = ask("move", *ids[:6], "--label", "Mine")["category"]
    two = ask("split", mine, *ids[:2], "--label", "Two")["category"]
    ask("split", mine, "--preview")
    ask("rename", two, "Second")
    ask("lock", two)
    ask("hide", two)
    ask("apart", mine, two)
    ask("merge", mine, two)
    ask("undo")
    ask("undo")
    ask("undo", "--event", 1)
    ask("reject", ids[0])
    ask("granularity", "fine")
    ask("plan")
    ask("run")
    ask("why", ids[3])
    ask("versions", "--limit", 3)
    ask("suggestions")
    ask("dismiss", 999)
    ask("facets", "--by", "category")
    ask("duplicates")
    ask("similar", mine)
    ask("categories")
    ask("failed", "discard", "--all", "--yes")
    ask("schedule", "default", "--every", "6h")
    ask("delete", ids[-1], "--yes")
    ask("delete", "nothing", "--yes")
    ask("erase", "default", "--preview")
    # an arrival cannot be undone, and there is no such suggestion or image
    assert [one[0] for one in told if one[1]] == ["undo", "dismiss", "delete"]
    plain = run("lock", mine)
    told.append((plain.code, plain.out))
    return told


def _timeless(value: Any) -> Any:
    """Without what two libraries cannot have in common."""
    if isinstance(value, dict):
        hidden = {"seconds", "at", "created_at", "last_run_at", "next_at", "summary", "before", "score", "cohesion"}
        return {name: _timeless(one) for name, one in value.items() if name not in hidden}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def test_views_over_http(tmp_path: Path, run: Command, folder: Path, url: str) -> None:
    run("add", folder, "--url", url)
    ids = [one["id"] for one in run("images", "--url", url, "--json").json["images"]]
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"id": one, "text": "a red boat"}) + "\n" for one in ids))
    made = run("view", "create", "things", "--criterion", "thing", "--texts", texts, "--url", url, "--json").json
    assert (made["name"], made["criterion"], made["images"]) == ("things", "thing", 12)
    assert run("views", "--url", url, "--json").json["views"] == [{k: v for k, v in made.items() if k != "refused"}]
    shown = run("view", "show", "things", "--url", url, "--json").json
    assert shown == {"categories": shown["categories"], "unsorted": made["unsorted"]}
    named = run("categories", "--collection", "default//things", "--url", url, "--json").json
    assert named["categories"] == shown["categories"]
    assert run("view", "delete", "things", "--yes", "--url", url, "--json").json == {"deleted": 12}


@pytest.mark.parametrize("command", [("doctor",), ("evaluate", "x"), ("migrate",)])
def test_a_command_that_cannot_ask_a_service_says_so_in_one_sentence(run: Command, command: tuple[str, ...]) -> None:
    told = run(*command, "--url", "http://127.0.0.1:1")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("This command works on a library of this machine only")
    assert told.err.count(".") == 1
