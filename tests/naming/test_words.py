from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from categoriser.naming import Chain, Survey
from categoriser.naming.acceptance import judge
from categoriser.naming.atlas import Atlas, Lexicon
from categoriser.naming.spaces import EncoderSpace
from categoriser.naming.tags import tag_images
from categoriser.naming.vocabulary import Vocabulary, read_vocabulary
from categoriser.naming.words import Words
from tests.naming.conftest import WordEncoder, case, category, direction, pictures_of

WORDS = """
animal: dog, cat, bird, horse
dog: poodle, terrier, husky
vehicle: car, bus, train
food: pizza, cake, soup
building, tree, rain, chair, hat
"""


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    file = tmp_path / "words.txt"
    file.write_text(WORDS, encoding="utf-8")
    return read_vocabulary([file])


@pytest.fixture
def words(vocabulary: Vocabulary) -> Words:
    return Words(Lexicon(EncoderSpace(WordEncoder()), vocabulary))


def survey_of(*subjects: str) -> Survey:
    return Survey([category(place, pictures_of(word, 20, seed=place)) for place, word in enumerate(subjects)])


def test_a_category_gets_the_word_for_what_it_shows(words: Words) -> None:
    subjects = ("cat", "car", "pizza", "rain", "chair")
    survey = survey_of(*subjects)
    names = [words.propose(case(survey, number)) for number in range(len(subjects))]
    assert [one and one.name for one in names] == ["Cat", "Car", "Pizza", "Rain", "Chair"]


def test_a_category_of_several_kinds_gets_what_they_are_kinds_of(words: Words) -> None:
    mixed = np.concatenate([pictures_of(word, 8, kind="dog", seed=9) for word in ("poodle", "terrier", "husky")])
    survey = Survey([category(0, mixed), *survey_of("bus", "cake", "tree").evidence[1:]])
    proposal = words.propose(case(survey, 0))
    assert proposal is not None
    assert proposal.name == "Dog"
    assert proposal.evidence["covers"] >= 0.6


def test_even_a_single_category_and_a_single_picture_get_a_word(words: Words) -> None:
    survey = Survey([category(7, pictures_of("soup", 1))])
    proposal = words.propose(case(survey, 7))
    assert proposal is not None
    assert proposal.name == "Soup"


def test_two_categories_of_the_same_never_share_a_name_and_each_name_leads_back(words: Words) -> None:
    survey = Survey([category(place, pictures_of("cat", 20, seed=place)) for place in range(2)])
    chain = Chain([words], words.atlas)
    taken: dict[str, int] = {}
    for number in range(2):
        named = chain.name(case(survey, number, taken))
        if named is not None:
            assert named.name.casefold() not in taken
            fit = words.atlas(survey).fit(named.name, number)
            assert fit is not None
            assert fit.rank == 1
            taken[named.name.casefold()] = number
    assert len(taken) >= 1


def test_a_name_that_fits_another_category_better_is_not_accepted(words: Words) -> None:
    survey = survey_of("cat", "car")
    atlas = words.atlas(survey)
    assert judge("cat", case(survey, 0), atlas).refusal is None
    wrong = judge("car", case(survey, 0), atlas)
    assert wrong.refusal == "it fits another category better"
    assert wrong.fit is not None
    assert wrong.fit.rank == 2


def test_an_empty_vocabulary_has_nothing_to_say(tmp_path: Path) -> None:
    words = Words(Lexicon(EncoderSpace(WordEncoder()), Vocabulary([])))
    survey = survey_of("cat", "car")
    assert words.propose(case(survey, 0)) is None
    assert words.best(survey, 0) == []


def test_images_get_tags_from_their_vectors_alone(words: Words) -> None:
    vectors = np.concatenate([pictures_of("cat", 3), pictures_of("train", 3)])
    gap = 2 * direction("the cone of pictures")
    tags = tag_images(words.lexicon, vectors, gap.astype(np.float32) / np.linalg.norm(gap), limit=3)
    assert [one[0].word for one in tags] == ["cat"] * 3 + ["train"] * 3
    assert all(len(one) <= 3 and one[0].score >= one[-1].score for one in tags)
    assert tag_images(words.lexicon, vectors[:0]) == []


def test_the_means_of_words_and_of_pictures_do_not_matter(words: Words, vocabulary: Vocabulary) -> None:
    survey = survey_of("cat", "car", "pizza", "rain", "chair", "hat")
    atlas = Atlas(words.lexicon, survey)
    assert atlas.fits.shape == (6, len(vocabulary))
    assert (atlas.owners >= 0).all()
    best = [words.lexicon.word(int(atlas.scores(place).argmax())) for place in range(6)]
    assert best == ["cat", "car", "pizza", "rain", "chair", "hat"]
