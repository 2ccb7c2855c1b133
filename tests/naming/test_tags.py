"""Tags of images: shown, searched for, exported; computed from vectors alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from categoriser import Collection, ConfigurationError, Library, NotFoundError
from categoriser.cli.app import app
from categoriser.library import tagging
from tests.api.conftest import serving
from tests.naming.conftest import DIMENSION, direction, pictures_of
from tests.whole import pictures

SUBJECTS = ("poodle", "cat", "pizza", "tree")
WORDS = "animal: dog, cat\ndog: poodle\nfood: pizza\ntree | oak, rain, chair"
EACH = 30


@pytest.fixture
def naming(tmp_path: Path) -> dict[str, Any]:
    """A ready table, and a vocabulary that knows kinds."""
    words = [*SUBJECTS, "rain", "chair", "horse"]
    np.save(tmp_path / "texts.npy", np.stack([direction(word) for word in words]).astype(np.float32))
    told = {"encoder": f"vectors:{DIMENSION}", "terms": words, "texts": "texts.npy"}
    (tmp_path / "table.json").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "words.txt").write_text(WORDS, encoding="utf-8")
    return {"table": str(tmp_path / "table.json"), "vocabulary": [str(tmp_path / "words.txt")]}


@pytest.fixture
def library(tmp_path: Path, naming: dict[str, Any]) -> Any:
    with Library.open(tmp_path / "library", f"vectors:{DIMENSION}", automatic_runs=False, naming=naming) as opened:
        collection = opened.collection("photos")
        for word in SUBJECTS:
            collection.add_vectors([f"{word}-{i}" for i in range(EACH)], pictures_of(word, EACH))
        collection.run()
        yield opened


@pytest.fixture
def collection(library: Library) -> Collection:
    return library.collection("photos")


def ids(found: Any) -> set[str]:
    return {one.image_id for one in found}


def test_the_best_tag_is_what_the_picture_shows(collection: Collection) -> None:
    for word in SUBJECTS:
        tags = collection.tags(f"{word}-3")
        assert tags[0].word == word
        assert [one.score for one in tags] == sorted((one.score for one in tags), reverse=True)
    assert collection.image("cat-3").tags is None
    assert list(collection.image("cat-3", tags=True).tags or ()) == collection.tags("cat-3")
    with pytest.raises(NotFoundError):
        collection.tags("nothing")


def test_without_words_one_sentence_says_so(tmp_path: Path) -> None:
    with Library.open(tmp_path / "other", "classic", automatic_runs=False) as library:
        collection = library.collection("photos")
        image = collection.add(pictures(tmp_path / "pictures", 3)).filed[0].image_id
        assert collection.image(image, tags=True).tags is None
        for ask in (
            lambda: collection.tags(image),
            lambda: collection.search(filter={"tags": ["cat"]}),
            lambda: collection.export(tmp_path / "out.csv", tags=True),
        ):
            with pytest.raises(ConfigurationError, match="have no tags: the encoder classic"):
                ask()
        assert not (tmp_path / "out.csv").exists()


def test_a_search_for_tags_finds_exactly_the_images_that_have_them(collection: Collection) -> None:
    everything = list(collection.assignments())
    for word in ("cat", "rain"):
        wanted = {one for one in everything if word in {tag.word for tag in collection.tags(one)}}
        found = collection.search(filter={"tags": word}, limit=500)
        assert ids(found) == wanted
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert {f"poodle-{i}" for i in range(EACH)} <= ids(collection.search(filter={"tags": "dog"}, limit=500))
    assert ids(collection.search(filter={"tags": "oak"}, limit=500)) >= {f"tree-{i}" for i in range(EACH)}
    both = collection.search(filter={"tags": ["animal", "food"]}, limit=500)
    some = [ids(collection.search(filter={"tags": word}, limit=500)) for word in ("animal", "food")]
    assert ids(both) == some[0] & some[1]
    with pytest.raises(ConfigurationError, match="qwerty"):
        collection.search(filter={"tags": ["qwerty"]})


def test_tags_narrow_any_other_search_in_chunks_as_in_one(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = pictures_of("cat", 1, seed=9)[0]
    found = collection.search(vector=vector, filter={"tags": ["pizza"]}, limit=5, min_relevance=0)
    tagged = ids(collection.search(filter={"tags": ["pizza"]}, limit=500))
    expected = [one for one in collection.search(vector=vector, limit=500, min_relevance=0) if one.image_id in tagged]
    assert [one.image_id for one in found] == [one.image_id for one in expected][:5]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected][:5], abs=1e-5)
    monkeypatch.setattr("categoriser.library.searching.CHUNK", 7)
    again = collection.search(vector=vector, filter={"tags": ["pizza"]}, limit=5, min_relevance=0)
    assert [one.image_id for one in again] == [one.image_id for one in found]
    page = collection.search(vector=vector, filter={"tags": ["pizza"]}, limit=3, offset=2, min_relevance=0)
    assert page == again[2:]
    inside = collection.search(filter={"tags": ["pizza"], "category": found[-1].category}, limit=500)
    assert ids(inside) == {one.image_id for one in expected if one.category == found[-1].category}
    assert collection.search(filter={"tags": ["pizza"], "added_before": 0.0}) == []
    alike = collection.search(image_id="cat-1", filter={"tags": ["cat"]}, limit=500, min_relevance=0)
    assert "cat-1" not in ids(alike)


def test_exports_have_tags_when_they_are_asked_for(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "CHUNK", 50)
    told: list[tuple[int, int | None]] = []
    collection.export(tmp_path / "out.jsonl", tags=True, progress=lambda done, total: told.append((done, total)))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["image_id"] for row in rows] == list(collection.assignments())
    for row in rows[::17]:
        assert row["tags"] == [{"word": one.word, "score": one.score} for one in collection.tags(row["image_id"])]
    assert told[-1] == (120, 120)
    collection.export(tmp_path / "out.csv", tags=True)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["tags"].split("; ")[0] for row in table] == [row["tags"][0]["word"] for row in rows]
    collection.export(tmp_path / "plain.csv")
    assert "tags" not in (tmp_path / "plain.csv").read_text(encoding="utf-8").splitlines()[0]


def test_http_shows_searches_and_exports_tags(library: Library) -> None:
    with serving(library) as client:
        base = "/v1/collections/photos"
        tags = client.get(f"{base}/images/cat-3").json()["tags"]
        assert tags[0]["word"] == "cat"
        assert client.get(f"{base}/images/cat-3/tags").json() == {"tags": tags}
        found = client.post(f"{base}/search", json={"filter": {"tags": ["cat"]}, "limit": 3}).json()["results"]
        assert all(one["image_id"].startswith("cat") for one in found)
        assert client.post(f"{base}/search", json={"limit": 3}).status_code == 422
        assert client.post(f"{base}/search", json={"filter": {"tags": ["qwerty"]}}).status_code == 400
        first = client.get(f"{base}/export?style=jsonl&tags=true").text.splitlines()[0]
        assert json.loads(first)["tags"][0]["word"] == "poodle"


def test_the_command_shows_searches_and_exports_tags(
    library: Library, naming: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.close()
    config = tmp_path / "own.toml"
    config.write_text(f"[naming]\ntable = {naming['table']!r}\nvocabulary = {naming['vocabulary']!r}\n", "utf-8")
    monkeypatch.setenv("CATEGORISER_CONFIG", str(config))
    place = ["--library", str(tmp_path / "library"), "--collection", "photos"]

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, *place])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert json.loads(run("show", "cat-3", "--json"))["tags"][0]["word"] == "cat"
    assert "cat 0." in run("show", "cat-3")
    found = json.loads(run("search", "--tag", "cat", "--json", "--limit", "3"))["results"]
    assert all(one["image_id"].startswith("cat") for one in found)
    run("export", str(tmp_path / "out.jsonl"), "--tags")
    assert '"tags": [{"word": "poodle"' in (tmp_path / "out.jsonl").read_text(encoding="utf-8")
