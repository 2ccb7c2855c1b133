"""Candidate terms of fast views: a real HTTP server on this machine stands for the language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from categoriser import Collection, ConfigurationError, Library, NamingError
from categoriser.encoders.classic import ClassicEncoder
from tests.naming.conftest import ChatServer, flat

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 50), "blue": (30, 60, 200)}


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """``classic`` with a text tower: a colour word lies where a picture of that colour does."""

    def encode_texts(self: ClassicEncoder, texts: Sequence[str]) -> np.ndarray:
        return self.encode_images([Image.new("RGB", (64, 64), COLOURS.get(text, (128, 128, 128))) for text in texts])

    monkeypatch.setattr(ClassicEncoder, "encode_texts", encode_texts)
    monkeypatch.setattr(ClassicEncoder, "reads_text", True, raising=False)


@pytest.fixture
def opened(tmp_path: Path, chat: ChatServer, reading: None) -> Iterator[Library]:
    naming = {"llm": chat.url, "llm_model": "some-model", "automatic": False, "seconds": 0.5}
    with Library.open(tmp_path / "library", "classic", automatic_runs=False, naming=naming) as library:
        yield library


def filled(library: Library) -> Collection:
    photos = library.collection("photos")
    rng = np.random.default_rng(0)
    shades = [(name, rng.integers(-12, 12, 3)) for name in COLOURS for _ in range(8)]
    photos.add([flat(tuple(np.clip(np.add(COLOURS[name], shade), 0, 255).tolist())) for name, shade in shades])
    return photos


def test_a_view_is_made_of_the_terms_that_a_model_answers(opened: Library, chat: ChatServer) -> None:
    chat.says('{"terms": ["red", "green", " Red ", "blue.", "", 7, "{x}", "one two three four five six"]}')
    photos = filled(opened)
    before = photos.estimate_terms("colour")
    assert chat.requests == []
    assert (before.questions, before.model.split("@")[0]) == (1, "some-model")
    assert before.tokens > 400
    assert "One question to some-model" in str(before)
    terms = photos.candidate_terms("colour")
    assert terms == ["red", "green", "blue"]
    (request,) = chat.requests
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["terms"]
    assert "this criterion: colour" in request["messages"][0]["content"]
    view = photos.view("by colour", criterion="colour", terms=terms)
    view.run()
    view.name_categories()
    assert {one.label for one in view.categories()} == {"Red", "Green", "Blue"}
    assert view.why_name(view.categories()[0].id).source == "terms"


def test_a_criterion_is_asked_about_once_even_after_a_restart(tmp_path: Path, chat: ChatServer, reading: None) -> None:
    chat.says('{"terms": ["red", "green"]}')
    for _ in range(2):
        naming = {"llm": chat.url, "llm_model": "some-model", "automatic": False}
        with Library.open(tmp_path / "library", "classic", automatic_runs=False, naming=naming) as library:
            photos = library.collection("photos")
            assert photos.candidate_terms("colour") == ["red", "green"]
            assert photos.estimate_terms("colour").questions == 0
            assert "Nothing is asked" in str(photos.estimate_terms("colour"))
    assert len(chat.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot help with that.",
        '{"terms": ["one"]}',
        '{"terms": "red, green"}',
        '{"name": "red"}',
        "[]",
        "{",
        '{"terms": [[], {}, 3]}',
    ],
)
def test_an_odd_answer_is_one_sentence_that_says_what_to_do(opened: Library, chat: ChatServer, answer: str) -> None:
    chat.says(answer)
    with pytest.raises(NamingError, match="write the terms into a file") as fault:
        filled(opened).candidate_terms("colour")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("status", [401, 400, 404])
def test_a_refusal_is_one_sentence_and_nothing_is_kept(opened: Library, chat: ChatServer, status: int) -> None:
    chat.answer = lambda _: (status, {}, b"{}")
    photos = opened.collection("photos")
    with pytest.raises(NamingError, match=r"refuses.*write the terms into a file"):
        photos.candidate_terms("colour")
    chat.says('{"terms": ["red", "green"]}')
    assert photos.candidate_terms("colour") == ["red", "green"]


def test_a_silent_endpoint_is_one_sentence(opened: Library, chat: ChatServer) -> None:
    chat.delay = 1.5
    with pytest.raises(NamingError, match=r"no answer in time.*write the terms into a file"):
        opened.collection("photos").candidate_terms("colour")


def test_without_a_model_or_a_text_tower_nothing_is_asked(tmp_path: Path, opened: Library, chat: ChatServer) -> None:
    with pytest.raises(ConfigurationError, match="criterion"):
        opened.collection("photos").candidate_terms(" ")
    for settings in ({"encoder": "vectors:8"}, {"encoder": "classic"}):
        with Library.open(tmp_path / settings["encoder"], **settings) as library:
            with pytest.raises(ConfigurationError, match=r"reads no text|No language model.*into a file") as fault:
                library.collection("photos").candidate_terms("colour")
            assert "\n" not in str(fault.value)
    assert chat.requests == []


def test_the_command_line_shows_the_cost_and_then_the_terms(
    tmp_path: Path, chat: ChatServer, reading: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from categoriser.cli.app import app

    chat.says('{"terms": ["red", "green", "blue"]}')
    with Library.open(tmp_path / "library", "classic", naming={"automatic": False}) as library:
        filled(library)
    for name, value in {
        "LIBRARY": str(tmp_path / "library"),
        "ENCODER": "classic",
        "NAMING__LLM": chat.url,
        "NAMING__LLM_MODEL": "some-model",
    }.items():
        monkeypatch.setenv(f"CATEGORISER_{name}", value)

    def run(*more: str) -> Any:
        arguments = ["view", "create", "by colour", "--criterion", "colour", "--collection", "photos", "--ask-terms"]
        return CliRunner().invoke(app, [*arguments, *more])

    dry = run("--dry-run")
    assert (dry.exit_code, chat.requests) == (0, [])
    assert "One question" in dry.output
    made = run()
    assert made.exit_code == 0, made.output
    assert "Terms: red, green, blue" in made.output
    assert len(chat.requests) == 1
