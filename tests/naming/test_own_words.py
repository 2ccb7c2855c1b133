"""Words of a collection's own: used there and nowhere else, and gone with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from categoriser import Collection, Library
from categoriser.errors import ConfigurationError
from categoriser.library.lexicons import Lexicons
from tests.api.conftest import serving
from tests.naming.conftest import DIMENSION, WordEncoder, direction, pictures_of

SHOWN = ("cat", "car", "pizza", "tree")


class Reader(WordEncoder):
    """Reads text, as an encoder with a text tower does."""

    reads_text = True


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Words have ready vectors: those of SHOWN are in the vocabulary, a few others only in the table."""
    words = [*SHOWN, "kitten", "van"]
    same = {"kitten": "cat", "van": "car"}
    vectors = np.stack([direction(same.get(word, word)) for word in words]).astype(np.float32)
    np.save(tmp_path / "texts.npy", vectors)
    told = {"encoder": f"vectors:{DIMENSION}", "terms": words, "texts": "texts.npy"}
    (tmp_path / "table.json").write_text(json.dumps(told), encoding="utf-8")
    naming = {"table": str(tmp_path / "table.json")}
    with Library.open(tmp_path / "library", f"vectors:{DIMENSION}", automatic_runs=False, naming=naming) as opened:
        yield opened


def filled(library: Library, name: str) -> Collection:
    collection = library.collection(name)
    for word in SHOWN:
        vectors = pictures_of(word, 30)
        collection.add_vectors([f"{word}-{i}" for i in range(30)], vectors)
    return collection


def names(collection: Collection) -> set[str]:
    collection.run()
    return {one.label for one in collection.categories()}


def test_a_collection_is_named_by_words_of_its_own_and_its_neighbour_is_not(library: Library) -> None:
    anna, berta = filled(library, "anna"), filled(library, "berta")
    state = anna.set_vocabulary("kitten, van, pizza, tree", replaces=True)
    assert (state.words, state.own, state.replaces, state.problem) == (4, 4, True, None)
    assert names(anna) == {"Kitten", "Van", "Pizza", "Tree"}
    assert {"Pizza", "Tree"} < names(berta)
    assert berta.vocabulary().own == 0
    assert berta.vocabulary_words(own=True) == []
    used = {one.word: [use.label for use in one.used] for one in anna.vocabulary_words(used=True)}
    assert used == {"kitten": ["Kitten"], "van": ["Van"], "pizza": ["Pizza"], "tree": ["Tree"]}
    assert anna.vocabulary().names == {"vocabulary": 4}


def test_words_that_are_taken_away_count_no_more_and_the_pages_join(library: Library) -> None:
    anna = library.collection("anna")
    before = anna.vocabulary().words
    more = anna.set_vocabulary("sparkling wine, chandelier lamp")
    assert (more.words, more.own, more.text) == (before + 2, 2, "sparkling wine, chandelier lamp")
    assert [one.word for one in anna.vocabulary_words(own=True)] == ["sparkling wine", "chandelier lamp"]
    whole = [one.word for one in anna.vocabulary_words(limit=more.words)]
    pages, after = list[str](), 0
    while page := anna.vocabulary_words(after=after, limit=1000):
        pages += [one.word for one in page]
        after = page[-1].place
    assert pages == whole
    assert anna.set_vocabulary("").words == before


def test_what_makes_no_sense_is_refused_and_nothing_changes(library: Library) -> None:
    anna = library.collection("anna")
    anna.set_vocabulary("merlot")
    with pytest.raises(ConfigurationError, match="line 2"):
        anna.set_vocabulary("merlot\n[wine = {} and {}]\nsyrah")
    with pytest.raises(ConfigurationError, match="holds no words"):
        anna.set_vocabulary("# only a remark")
    assert anna.vocabulary().text == "merlot"


def test_only_new_words_are_encoded_and_none_of_them_is_kept_on_disk(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic", automatic_runs=False) as library:
        anna, berta = library.collection("anna"), library.collection("berta")
        encoder: Any = Reader()
        lexicons = Lexicons(library.storage, library.settings, lambda _: encoder)
        shared = lexicons.words_of(berta.row)
        assert shared is not None
        read = encoder.texts
        anna.set_vocabulary("secret project, dog")
        own = lexicons.words_of(anna.row)
        assert own is not None
        assert own.lexicon.vocabulary.find("secret project") is not None
        assert encoder.texts == read + 1
        assert lexicons.words_of(berta.row) is shared
        assert shared.lexicon.vocabulary.find("secret project") is None
        assert own.fingerprint != shared.fingerprint
        assert lexicons.ready(anna.row) is own
        for file in (tmp_path / "library" / "words").iterdir():
            assert b"secret" not in file.read_bytes().replace(b"\0", b"")
        anna.set_vocabulary("")
        assert lexicons.words_of(anna.row) is shared


def test_over_http_words_are_read_set_and_listed(library: Library) -> None:
    with serving(library) as client:
        url = "/v1/collections/anna/vocabulary"
        names(filled(library, "anna"))
        looked = client.get(url).json()
        assert (looked["used"], looked["editable"], looked["problem"]) == (4, True, None)
        done = client.put(url, json={"text": "pets: kitten | pussycat", "replaces": True})
        assert (done.json()["words"], done.json()["replaces"]) == (2, True)
        page = client.get(f"{url}/words", params={"limit": 1}).json()
        assert [one["word"] for one in page["words"]] == ["pets"]
        rest = client.get(f"{url}/words", params={"after": page["next"]}).json()
        assert [(one["word"], one["kind_of"], one["synonyms"]) for one in rest["words"]] == [
            ("kitten", "pets", ["pussycat"])
        ]
        assert client.get(f"{url}/words", params={"find": "PUSSY"}).json()["words"] == rest["words"]
        refused = client.put(url, json={"text": "{}\n\x07"})
        assert refused.status_code == 400


def test_a_view_says_by_what_its_categories_are_called(library: Library) -> None:
    with serving(library) as client:
        filled(library, "anna").view("by kind", terms={word: direction(word) for word in SHOWN})
        view = {"view": "by kind"}
        looked = client.get("/v1/collections/anna/vocabulary", params=view).json()
        assert (looked["editable"], looked["words"], looked["problem"]) == (False, 4, None)
        answer: httpx.Response = client.put("/v1/collections/anna/vocabulary", params=view, json={"text": "cat"})
        assert answer.status_code == 400
        assert "texts or terms" in answer.json()["error"]["message"]
