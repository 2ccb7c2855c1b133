"""Names in a library: made at the end of runs, kept while true, changed once when not, never a person's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from categoriser import Collection, Library
from categoriser.catalog import Database, sqlite_url
from categoriser.catalog.revisions import begun
from categoriser.settings import Settings
from tests.naming.conftest import DIMENSION, ChatServer, direction, pictures_of
from tests.whole import check, named_anywhere, pictures

SUBJECTS = ("cat", "car", "pizza", "tree")
OTHERS = ("dog", "horse", "train", "chair", "rain", "boat", "cake")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A ready table whose words lie where the pictures of ``pictures_of`` do."""
    words = [*SUBJECTS, *OTHERS]
    np.save(tmp_path / "texts.npy", np.stack([direction(word) for word in words]).astype(np.float32))
    told = {"encoder": f"vectors:{DIMENSION}", "terms": words, "texts": "texts.npy"}
    (tmp_path / "table.json").write_text(json.dumps(told), encoding="utf-8")
    return tmp_path / "table.json"


@pytest.fixture
def library(tmp_path: Path, table: Path) -> Any:
    naming = {"table": str(table)}
    with Library.open(tmp_path / "library", f"vectors:{DIMENSION}", automatic_runs=False, naming=naming) as opened:
        yield opened


def add(collection: Collection, word: str, number: int, *, seed: int = 0, noise: float = 0.6) -> None:
    vectors = pictures_of(word, number, seed=seed, noise=noise)
    collection.add_vectors([f"{word}-{seed}-{i}" for i in range(number)], vectors)


def filled(library: Library) -> Collection:
    collection = library.collection("photos")
    for word in SUBJECTS:
        add(collection, word, 30)
    collection.run()
    return collection


def names(collection: Collection) -> dict[str, str]:
    return {one.label: one.id for one in collection.categories()}


def news(collection: Collection, *kinds: str) -> list[Any]:
    return [one for one in collection.events(limit=1000) if one.kind in kinds]


def test_a_run_names_its_categories_and_says_why(library: Library, tmp_path: Path) -> None:
    collection = filled(library)
    assert set(names(collection)) == {"Cat", "Car", "Pizza", "Tree"}
    assert [one.kind for one in collection.versions()][:2] == ["naming", "run"]
    why = collection.why_name(names(collection)["Cat"])
    assert (why.source, why.provisional, why.because) == ("vocabulary", False, "it had no name")
    assert why.evidence["rank"] == 1
    assert why.evidence["words"][0][0] == "cat"
    assert len(why.exemplars) == 8
    assert len(news(collection, "name")) == 4
    check(collection, tmp_path)


def test_a_second_session_has_nothing_to_do(library: Library) -> None:
    collection = filled(library)
    version = collection.row.taxonomy_version
    report = collection.name_categories()
    assert (report.named, report.renamed, report.version, report.calls) == (0, 0, None, {})
    assert collection.row.taxonomy_version == version


def test_it_grows_with_the_same_and_the_name_stays(library: Library) -> None:
    collection = filled(library)
    before = names(collection)
    for seed in range(1, 4):
        add(collection, "cat", 15, seed=seed)
        collection.run()
    assert names(collection)["Cat"] == before["Cat"]
    assert collection.category(before["Cat"]).size >= 2 * 30
    assert news(collection, "relabel") == []


def drifted(library: Library) -> tuple[Collection, str]:
    """The cats go, dogs come into their category."""
    collection = filled(library)
    cat = names(collection)["Cat"]
    add(collection, "dog", 60)
    dogs = [one for one in collection.assignments() if one.startswith("dog")]
    collection.move(dogs, cat)
    collection.delete([one for one in collection.assignments() if one.startswith("cat")])
    return collection, cat


def test_it_becomes_something_else_and_is_renamed_once_with_the_reason(library: Library, tmp_path: Path) -> None:
    collection, category = drifted(library)
    for _ in range(3):
        collection.run()
    assert collection.category(category).label == "Dog"
    (event,) = news(collection, "relabel")
    assert (event.detail["was"], event.detail["label"]) == ("Cat", "Dog")
    assert "since it was named" in event.detail["because"]
    check(collection, tmp_path)


def test_a_persons_name_is_only_questioned(library: Library) -> None:
    collection = filled(library)
    cat = names(collection)["Cat"]
    collection.rename(cat, "Cat")
    collection.name_categories()  # notes what it is when a person named it
    add(collection, "dog", 60)
    collection.move([one for one in collection.assignments() if one.startswith("dog")], cat)
    collection.delete([one for one in collection.assignments() if one.startswith("cat")])
    for _ in range(3):
        collection.run()
    found = collection.category(cat)
    assert (found.label, found.named_by) == ("Cat", "person")
    assert len(news(collection, "suggest-name")) == 1
    assert collection.why_name(cat).suggestion == "Dog"
    assert news(collection, "relabel") == []


def test_a_locked_category_keeps_even_a_provisional_name(tmp_path: Path, table: Path) -> None:
    with Library.open(tmp_path / "other", f"vectors:{DIMENSION}", automatic_runs=False) as library:
        before = {one.id: one.label for one in filled(library).categories()}
        locked, *_ = before
        library.collection("photos").lock(locked)
    naming = {"table": str(table)}
    with Library.open(tmp_path / "other", f"vectors:{DIMENSION}", automatic_runs=False, naming=naming) as library:
        collection = library.collection("photos")
        report = collection.name_categories()
        assert (report.named, report.suggested) == (3, 1)
        assert [one.id for one in collection.categories() if one.label == before[one.id]] == [locked]
        assert collection.category(locked).provisional
        (event,) = news(collection, "suggest-name")
        assert collection.why_name(locked).suggestion == event.detail["label"]
        assert collection.name_categories().suggested == 0


def test_a_budget_of_nothing_renames_nothing(tmp_path: Path, table: Path) -> None:
    naming = {"table": str(table), "daily": 0}
    with Library.open(tmp_path / "other", f"vectors:{DIMENSION}", automatic_runs=False, naming=naming) as library:
        collection, category = drifted(library)
        collection.run()
        assert collection.category(category).label == "Cat"


def test_names_are_taken_back_by_their_version_and_a_run_by_default(library: Library, tmp_path: Path) -> None:
    collection = filled(library)
    naming, run = (one.version for one in collection.versions()[:2])
    collection.undo(naming)
    assert all(one.label.startswith("Category ") for one in collection.categories())
    collection.undo()
    assert {one.version: one.undone_by for one in collection.versions()}[run] is not None
    check(collection, tmp_path)


def test_names_come_without_asking_as_a_collection_grows(tmp_path: Path, table: Path) -> None:
    with Library.open(tmp_path / "other", f"vectors:{DIMENSION}", naming={"table": str(table)}) as library:
        collection = library.collection("photos")
        for seed in range(4):
            for word in SUBJECTS:
                add(collection, word, 10, seed=seed)
        assert set(names(collection)) == {"Cat", "Car", "Pizza", "Tree"}


def test_pictures_without_words_are_called_by_their_look(tmp_path: Path) -> None:
    with Library.open(tmp_path / "other", "classic", automatic_runs=False) as library:
        collection = library.collection("photos")
        collection.add(pictures(tmp_path / "pictures", 30))
        collection.run()
        found = collection.categories()
        assert found
        assert all(one.provisional and one.named_by == "machine" for one in found)
        assert len({one.label.casefold() for one in found}) == len(found)
        assert not any(one.label.startswith("Category ") for one in found)
        assert collection.why_name(found[0].id).evidence["colours"]


def test_what_is_deleted_leaves_no_trace_in_names(tmp_path: Path, chat: ChatServer) -> None:
    chat.says("A secretword on a table.")
    naming = {"captions": chat.url, "caption_model": "m"}
    with Library.open(tmp_path / "other", "classic", automatic_runs=False, naming=naming) as library:
        collection = library.collection("photos")
        report = collection.add(pictures(tmp_path / "pictures", 12))
        collection.run()
        assert chat.requests
        assert any((library.storage.folder / "captions").rglob("*.json"))
        collection.delete([one.image_id for one in report.filed])
        assert not any((library.storage.folder / "captions").rglob("*.json"))
        assert named_anywhere(library, "secretword on") == []


def test_calls_grow_with_categories_and_not_with_images(tmp_path: Path, chat: ChatServer) -> None:
    chat.says(
        '{"name": "One thing", "why": ""}', '{"name": "Another thing", "why": ""}', '{"name": "A third", "why": ""}'
    )
    words = {"text_fields": ["title"], "llm": chat.url, "llm_model": "m"}
    with Library.open(tmp_path / "other", "vectors:64", automatic_runs=False, naming=words) as library:
        collection = library.collection("photos")
        for word in ("cat", "car"):
            vectors = pictures_of(word, 200)
            titles = [{"title": f"a {word}"}] * 200
            collection.add_vectors([f"{word}{i}" for i in range(200)], vectors, metadata=titles)
        collection.run()
        assert len(collection.categories()) == 2
        assert len(chat.requests) <= 2 * 2
        asked = len(chat.requests)
        collection.run()
        assert len(chat.requests) == asked


@pytest.mark.parametrize(
    "naming",
    [
        {"llm": "missing.gguf"},
        {"llm": "http://127.0.0.1:9/v1", "seconds": 0.2},
        {"captions": "blip:nowhere"},
        {"captions": "http://127.0.0.1:9/v1", "seconds": 0.2},
        {"table": "missing.json"},
        {"vocabulary": ["missing.txt"], "table": "missing.json"},
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_nothing_is_lost(tmp_path: Path, naming: dict[str, Any]) -> None:
    with Library.open(tmp_path / "other", "classic", automatic_runs=False, naming=naming) as library:
        collection = library.collection("photos")
        collection.add(pictures(tmp_path / "pictures", 20))
        collection.run()
        library.namers._broken.clear()
        assert all(one.provisional for one in collection.categories())
        check(collection, tmp_path)


def test_problems_are_in_the_report(tmp_path: Path) -> None:
    with Library.open(tmp_path / "other", "classic", automatic_runs=False, naming={"llm": "missing.gguf"}) as library:
        collection = library.collection("photos")
        collection.add(pictures(tmp_path / "pictures", 20))
        report = collection.name_categories()
        (problem,) = report.problems
        assert "llama-cpp-python" in problem or "no language model" in problem


def test_settings_come_from_the_environment_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[naming]\nwords = 2\nlanguage = "German"\n', encoding="utf-8")
    monkeypatch.setenv("CATEGORISER_CONFIG", str(file))
    monkeypatch.setenv("CATEGORISER_NAMING__WORDS", "4")
    monkeypatch.setenv("CATEGORISER_NAMING__API_KEY", "secret")
    found = Settings.load().naming
    assert (found.words, found.language, found.ampersand) == (4, "German", True)
    assert "secret" not in repr(found)


def test_the_migration_goes_both_ways(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    import categoriser.catalog

    database = Database(sqlite_url(tmp_path / "catalog.sqlite"))
    config = Config()
    config.set_main_option("script_location", str(Path(categoriser.catalog.__file__).parent / "migrations"))
    for step, there in (("0006", True), ("0005", False)):
        with database.engine.connect() as connection, begun(connection):
            config.attributes["connection"] = connection
            command.downgrade(config, step)
            columns = {one["name"] for one in sa.inspect(connection).get_columns("categories")}
        assert ("naming" in columns) is there
    database.close()


def test_a_name_that_was_undone_is_not_given_again(library: Library, tmp_path: Path) -> None:
    collection = filled(library)
    before = names(collection)
    collection.undo(collection.versions()[0].version)
    report = collection.name_categories()
    assert report.named == len(before)
    assert all(one.label and not one.label.startswith("Category ") for one in collection.categories())
    after = names(collection)
    assert all(after.get(name) != category for name, category in before.items())
    collection.undo(report.version or 0)  # and neither is what came instead
    collection.name_categories()
    assert all(names(collection).get(name) != category for name, category in {**before, **after}.items())
    check(collection, tmp_path)


def test_a_name_that_an_undo_brings_back_is_wanted_after_all(library: Library) -> None:
    collection = filled(library)
    before = names(collection)
    undone = collection.undo(collection.versions()[0].version).version
    collection.undo(undone)
    assert names(collection) == before
    stored = [collection._category_now(category)[1]["naming"] for category in before.values()]
    assert not any("unwanted" in one for one in stored)


def test_a_name_that_a_person_overwrote_is_not_suggested_or_given_again(library: Library) -> None:
    collection = filled(library)
    cat = names(collection)["Cat"]
    collection.rename(cat, "Tom and Kitty")
    collection.rename(cat, None)
    collection.run()
    collection.name_categories()
    assert collection.category(cat).named_by == "machine"
    assert collection.category(cat).label != "Cat"
    collection.rename(cat, "Cat")  # a person may
    assert collection.category(cat).label == "Cat"


def test_a_name_that_was_taken_back_is_refused_whoever_proposes_it(tmp_path: Path, chat: ChatServer) -> None:
    chat.says('{"name": "One thing", "why": ""}')
    words = {"text_fields": ["title"], "llm": chat.url, "llm_model": "m"}
    with Library.open(tmp_path / "other", "vectors:64", automatic_runs=False, naming=words) as library:
        collection = library.collection("photos")
        for word in ("cat", "car"):
            titles = [{"title": f"a {word}"}] * 60
            collection.add_vectors([f"{word}{i}" for i in range(60)], pictures_of(word, 60), metadata=titles)
        collection.run()
        category = names(collection)["One thing"]
        collection.undo(collection.versions()[0].version)
        asked = len(chat.requests)
        collection.name_categories()
        assert collection.category(category).named_by == "machine"
        assert collection.category(category).label != "One thing"
        assert "a person took this name back" in json.dumps(chat.requests[asked:])


@pytest.mark.parametrize(
    ("naming", "says"),
    [
        ({"captions": "blap"}, "naming.captions: blap is neither blip, blip:FOLDER nor an address."),
        ({"table": "TABLE"}, "The table TABLE cannot be read: No such file or directory."),
        ({"table": "README"}, "The table README is no JSON, or what it lists as its words is none."),
        ({"table": "EMPTY"}, "The table EMPTY lacks 'terms'."),
    ],
)
def test_what_cannot_be_used_is_told_once_in_a_sentence(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    naming: dict[str, str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("README").write_text("No JSON.", encoding="utf-8")
    Path("EMPTY").write_text("{}", encoding="utf-8")
    with Library.open(tmp_path / "other", "classic", automatic_runs=False, naming=naming) as library:
        collection = library.collection("photos")
        collection.add(pictures(tmp_path / "pictures", 20))
        assert collection.name_categories().problems == (says,)
        assert says not in caplog.messages  # who asked has the report
        collection.run()
        collection.run()
    assert caplog.messages.count(says) == 1  # nobody asked, and it lasts
