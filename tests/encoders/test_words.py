"""Labels and vectors of texts from their own words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from categoriser.encoders.words import Lexicon, learn
from tests.descriptions import KINDS, described


def test_the_first_label_of_a_description_is_what_it_is_of() -> None:
    texts, kinds = described(200)
    lexicon = learn(texts, "object")
    assert [next(iter(lexicon.labels(text))) for text in texts] == kinds


def test_a_kind_goes_with_the_more_general_word() -> None:
    lexicon = learn(described(200)[0], "object")
    assert lexicon.roots["freighter"] == "ship"
    assert lexicon.roots["pony"] == "horse"
    assert lexicon.roots["ship"] == "ship"


def test_the_criterion_decides_what_is_a_label() -> None:
    places, things = ("park", "street", "room", "garden"), ("violin", "cello", "harp")
    texts = [
        f"The person is located in a {places[i % 4]}, playing a {things[i % 3]}, which is a musical instrument."
        for i in range(60)
    ]
    by_place, by_thing = learn(texts, "location"), learn(texts, "musical instrument")
    assert [next(iter(by_place.labels(text))) for text in texts] == [places[i % 4] for i in range(60)]
    assert [next(iter(by_thing.labels(text))) for text in texts] == [things[i % 3] for i in range(60)]


def test_what_is_done_can_be_the_label() -> None:
    verbs = ("riding", "cooking", "reading", "climbing")
    texts = [f"The person is {verbs[i % 4]} something in a {('room', 'park')[i % 2]}." for i in range(40)]
    lexicon = learn(texts, "what the person does")
    assert lexicon.verbs
    assert [next(iter(lexicon.labels(text))) for text in texts] == [verbs[i % 4] for i in range(40)]


def test_words_behind_not_are_no_labels() -> None:
    texts, _kinds = described(200)
    lexicon = learn(texts, "object, but not horses")
    assert all(next(iter(lexicon.labels(text)), None) != "horse" for text in texts)


def test_titles_need_no_criterion() -> None:
    texts = [f"{colour} {thing}" for colour in ("Blue", "Green", "Black") for thing in ("shirt", "shoes", "watch")] * 4
    lexicon = learn(texts)
    assert all(lexicon.labels(text) for text in texts)


def test_a_text_without_labels_is_like_no_other() -> None:
    lexicon = learn(described(100)[0], "object")
    vectors = lexicon.vectors(["uncertain", "uncertain", ""], ["a", "b", "c"])
    assert np.abs(np.triu(vectors @ vectors.T, 1)).max() < 0.35


def test_a_lexicon_survives_storage_and_the_order_of_texts_does_not_matter() -> None:
    texts, _ = described(150)
    lexicon = learn(texts, "object")
    stored = json.loads(json.dumps(lexicon.as_dict()))
    again, shuffled = Lexicon.from_dict(stored), learn(texts[::-1], "object")
    assert np.allclose(again.vectors(texts), lexicon.vectors(texts))
    assert np.allclose(shuffled.vectors(texts), lexicon.vectors(texts), atol=1e-5)


def test_strange_texts_get_unit_vectors() -> None:
    strange = ["", " ", "!!!", "1 2 3", "日本語の文章です", "Ωμέγα", "a" * 5000, "the the the", "\n", "–"]
    vectors = learn(strange, "object").vectors(strange)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_other_languages_without_a_criterion_share_their_words() -> None:
    texts = [f"{thing} {place}" for thing in ("cheval", "bateau", "voiture") for place in ("bleu", "ancien")] * 5
    lexicon = learn(texts)
    assert all(lexicon.labels(text) for text in texts)


def test_with_topics_texts_of_one_label_are_told_apart_by_what_else_they_say() -> None:
    places = ("standing in a field beside an old barn", "racing on a track before a cheering crowd")
    texts = [f"The object in the image is a {('horse', 'dog')[i // 60]} {places[i % 2]}." for i in range(120)]
    plain, with_topics = learn(texts, "object"), learn(texts, "object", topics=True)
    assert np.allclose(plain.vector(texts[0]), plain.vector(texts[1]))
    same, other, horse = with_topics.vectors([texts[0], texts[1], texts[60]])
    assert same @ other < 0.9
    assert same @ other > same @ with_topics.vector(texts[61]) + 0.2  # the label still counts
    assert horse @ same > 0.2
    assert with_topics.labels(texts[0]) == plain.labels(texts[0])
    again = Lexicon.from_dict(json.loads(json.dumps(with_topics.as_dict())))
    assert np.allclose(again.vectors(texts), with_topics.vectors(texts))


def test_topics_of_few_or_strange_texts_are_none() -> None:
    for texts in (["The object is a cat."], ["", "!!!", "日本語"], []):
        assert learn(texts, "object", topics=True).topics == {}


def _mostly(kind: str, share: float, number: int = 300) -> tuple[list[str], list[str]]:
    """Descriptions of which so many are of one kind."""
    texts, kinds = described(8 * number)
    chosen = [i for i, one in enumerate(kinds) if one == kind][: int(share * number)]
    chosen += [i for i, one in enumerate(kinds) if one != kind][: number - int(share * number)]
    return [texts[i] for i in chosen], [kinds[i] for i in chosen]


@pytest.mark.parametrize("share", [0.6, 0.8, 0.9])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_kind_that_most_texts_are_of_is_still_their_label(kind: str, share: float) -> None:
    texts, kinds = _mostly(kind, share)
    lexicon = learn(texts, "object")
    found = [next(iter(lexicon.labels(text)), None) for text in texts]
    assert sum(label == kind for label, of in zip(found, kinds, strict=True) if of == kind) > 0.9 * share * len(texts)
    assert "image" not in lexicon.weights  # nearly all texts have it, whatever they are of
    assert "object" not in lexicon.weights
