from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from categoriser.errors import ConfigurationError
from categoriser.naming.spaces import EncoderSpace
from categoriser.naming.style import Style
from categoriser.naming.text_cache import TextCache
from categoriser.naming.vocabulary import forms, read_vocabulary
from categoriser.settings import config_folder
from tests.naming.conftest import WordEncoder

DEFAULT = config_folder() / "vocabulary" / "english.txt"


def test_the_shipped_vocabulary_is_large_grouped_and_all_of_it_can_be_a_name() -> None:
    vocabulary = read_vocabulary([DEFAULT])
    assert len(vocabulary) >= 1500
    assert len({term.group for term in vocabulary.terms}) >= 10
    style = Style()
    assert [
        term.word
        for term in vocabulary.terms
        if len(term.word.split()) <= 3 and style.objection(style.dressed(term.word))
    ] == []
    assert sum(term.parent is not None for term in vocabulary.terms) >= 1000


def test_kinds_lead_upwards_and_end() -> None:
    vocabulary = read_vocabulary([DEFAULT])

    def above(word: str) -> list[str]:
        place = vocabulary.find(word)
        assert place is not None
        return [vocabulary.terms[one].word for one in vocabulary.ancestors(place)]

    assert above("flamingo") == ["bird", "animal"]
    assert above("grand piano")[:3] == ["piano", "keyboard instrument", "instrument"]
    for place in range(len(vocabulary)):
        assert place not in vocabulary.ancestors(place)


def test_words_are_found_by_synonym_and_in_the_plural() -> None:
    vocabulary = read_vocabulary([DEFAULT])
    assert vocabulary.find("couch") == vocabulary.find("Sofas") == vocabulary.find("sofa") is not None
    assert vocabulary.find("no such thing") is None
    assert "berry" in set(forms("berries"))


def test_a_file_of_ones_own_is_read_with_its_prompts(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(
        "# mine\n[wines = a bottle of {} wine]\nred: merlot | Merlot wine, syrah\nwhite\n", encoding="utf-8"
    )
    vocabulary = read_vocabulary([file])
    assert [term.word for term in vocabulary.terms] == ["red", "merlot", "syrah", "white"]
    assert vocabulary.terms[1].text == "a bottle of merlot wine"
    assert vocabulary.terms[1].parent == "red"
    both = read_vocabulary([DEFAULT, file])
    assert both.find("syrah") is not None
    assert both.id != vocabulary.id


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("", "no words"), ("a ||b", "line 1"), ("[x = no place]\na", "needs one {}"), ("word " * 40, "line 1")],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=wrong.replace("{", r"\{").replace("}", r"\}")):
        read_vocabulary([file])


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for name in ("missing.txt", "latin.txt"):
        with pytest.raises(ConfigurationError, match=name):
            read_vocabulary([tmp_path / name])


def test_vectors_of_words_are_made_once_and_kept_on_disk(tmp_path: Path) -> None:
    first = WordEncoder()
    vectors, known = EncoderSpace(first, TextCache.of(tmp_path, first.id)).texts(["cat", "dog", "cat"])
    assert first.texts == 2
    assert all(known)
    second = WordEncoder()
    again, _ = EncoderSpace(second, TextCache.of(tmp_path, second.id)).texts(["dog", "cat"])
    assert second.texts == 0
    assert np.allclose(again, vectors[[1, 0]], atol=1e-3)


def test_a_damaged_file_of_vectors_is_made_again(tmp_path: Path) -> None:
    encoder = WordEncoder()
    EncoderSpace(encoder, TextCache.of(tmp_path, encoder.id)).texts(["cat"])
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"PK\x03\x04 nothing")
    _, known = EncoderSpace(encoder, TextCache.of(tmp_path, encoder.id)).texts(["cat"])
    assert known == [True]
    assert encoder.texts == 2
