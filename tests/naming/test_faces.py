"""Names from the command line and over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from categoriser import Library
from categoriser.cli.app import app
from tests.api.conftest import serving
from tests.whole import pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library of pictures that were sorted and not named."""
    place = tmp_path / "library"
    with Library.open(place, "classic", automatic_runs=False, naming={"automatic": False}) as library:
        collection = library.collection("default")
        collection.add(pictures(tmp_path / "pictures", 30))
        collection.run()
        assert collection.categories()[0].named_by is None
    return place


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done.stdout


def test_the_command_names_and_says_why(folder: Path) -> None:
    report = json.loads(run("name", "--library", str(folder), "--json"))
    assert report["named"] == report["provisional"] > 0
    listed = json.loads(run("categories", "--library", str(folder), "--json"))["categories"]
    assert all(one["provisional"] for one in listed)
    why = json.loads(run("name", listed[0]["id"], "--library", str(folder), "--json"))
    assert (why["source"], why["label"]) == ("look", listed[0]["label"])
    assert "provisional" in run("name", listed[0]["id"], "--library", str(folder))
    assert "provisional" in run("categories", "--library", str(folder))
    assert "0 named" in run("name", "--library", str(folder))
    run("name", "no-such", "--library", str(folder), code=2)


def test_the_vocabulary_is_shown_and_a_file_checked(tmp_path: Path) -> None:
    shown = json.loads(run("vocabulary", "--json"))
    assert shown["words"] >= 1500
    assert json.loads(run("vocabulary", "couch", "qwerty", "--json")) == {
        "couch": ["sofa", "furniture"],
        "qwerty": None,
    }
    assert "not there" in run("vocabulary", "qwerty")
    file = tmp_path / "mine.txt"
    file.write_text("wine: merlot, syrah", encoding="utf-8")
    assert json.loads(run("vocabulary", "--file", str(file), "--json"))["words"] == 3
    file.write_text("", encoding="utf-8")
    run("vocabulary", "--file", str(file), code=2)


def test_http_names_and_says_why(folder: Path) -> None:
    with Library.open(folder) as library, serving(library) as client:
        base = "/v1/collections/default"
        report = client.post(f"{base}/name").json()
        assert report["named"] > 0
        one = client.get(f"{base}/categories").json()["categories"][0]
        assert one["provisional"] is True
        why = client.get(f"{base}/categories/{one['id']}/name").json()
        assert (why["label"], why["source"]) == (one["label"], "look")
        assert client.get(f"{base}/categories/nothing/name").status_code == 404
        undone = client.post(f"{base}/versions/{report['version']}/undo")
        assert undone.status_code == 200
        assert client.get(f"{base}/categories").json()["categories"][0]["label"].startswith("Category ")
