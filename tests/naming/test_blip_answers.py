"""BLIP for questions with a small randomly initialised model that the test saves itself: its answers are noise."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from categoriser import Library, blip_describer, describe, estimate
from categoriser.errors import ConfigurationError, MissingExtraError, MissingWeightsError
from categoriser.naming import blip
from categoriser.naming.blip_answers import question_of, sentence_of
from tests.naming.conftest import flat
from tests.naming.test_blip import WORDS
from tests.naming.tiny_blip import save_tiny_blip
from tests.whole import check

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None,
    reason="torch or transformers is not installed",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BlipForQuestionAnswering

    return save_tiny_blip(tmp_path_factory.mktemp("blip-vqa"), WORDS, BlipForQuestionAnswering)


@pytest.mark.parametrize(
    ("criterion", "question"),
    [
        ("location", "what is the location in the picture?"),
        ("colour of the car", "what is the colour of the car in the picture?"),
        ("what the person is doing", "what the person is doing?"),
        ("object, but not people", "what is the object in the picture?"),
        ("Where is this?", "Where is this?"),
    ],
)
def test_a_criterion_is_put_as_a_question(criterion: str, question: str) -> None:
    assert question_of(criterion) == question


@pytest.mark.parametrize(
    ("criterion", "answer", "sentence"),
    [
        ("location", "beach", "The location in the picture is a beach."),
        ("object, not people", "apple", "The object in the picture is an apple."),
        ("what the person is doing", "riding a horse", "what the person is doing: riding a horse."),
        ("location", "unknown", "uncertain"),
        ("location", " ", "uncertain"),
    ],
)
def test_an_answer_becomes_a_description_that_names_the_criterion(criterion: str, answer: str, sentence: str) -> None:
    assert sentence_of(criterion, answer) == sentence


@with_torch
def test_pictures_are_described_once_up_to_the_cap_and_it_goes_on_later(tmp_path: Path, folder: Path) -> None:
    with Library.open(tmp_path / "library", "classic", automatic_runs=False, naming={"automatic": False}) as library:
        photos = library.collection("photos")
        photos.add([flat((i * 20, 99, 200 - i * 15)) for i in range(7)])
        view = photos.view("by place", criterion="location")
        describer = blip_describer(f"blip:{folder}")
        assert estimate(view, describer).missing == 7
        timed = estimate(view, describer, time_one=True)
        assert (timed.missing, timed.cost) == (6, 0)
        assert timed.seconds is not None
        first = describe(view, describer, cap=4)
        assert (first.described, first.known, first.left, first.capped) == (4, 1, 2, True)
        again = describe(view, blip_describer(f"blip:{folder}"))
        assert (again.described, again.known, again.failed) == (2, 5, [])
        assert len(check(view, tmp_path)) == 7


@with_torch
def test_a_picture_that_is_broken_stops_nobody(folder: Path) -> None:
    assert isinstance(blip_describer(f"blip:{folder}").describe(b"broken", "location"), str)


@with_torch
def test_what_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError) as fault:
        blip_describer(f"blip:{tmp_path}")
    assert "\n" not in str(fault.value)
    with pytest.raises(ConfigurationError, match="describes no pictures"):
        blip_describer("something")


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blip.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="pip install"):
        blip_describer()
