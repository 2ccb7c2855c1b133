"""Settings from the environment, and what is said about those that make no sense."""

from __future__ import annotations

import pytest

from categoriser.errors import ConfigurationError
from categoriser.settings import Settings


@pytest.mark.parametrize("told", ["words.txt, more.txt", "words.txt,more.txt,", '["words.txt", "more.txt"]'])
def test_a_list_in_the_environment_has_commas_or_is_json(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv("CATEGORISER_NAMING__VOCABULARY", told)
    monkeypatch.setenv("CATEGORISER_NAMING__SOURCES", "llm")
    naming = Settings.load().naming
    assert naming.vocabulary == ("words.txt", "more.txt")
    assert naming.sources == ("llm",)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("NAMING__COLOUR", "red", "There is no setting naming.colour; config/default.toml lists all there are."),
        ("NAMING__VOCABULARY", "[words.txt]", "it is no JSON list"),
        ("NAMING__SOURCES", "oracle", "has to be one of 'llm', 'vocabulary', 'captions'."),
        ("NAMING", "red", "CATEGORISER_NAMING is no JSON object"),
        ("BATCH_SIZE", "many", "The setting batch_size is 'many'; it has to be a whole number."),
        ("BATCH_SIZE", "0", "The setting batch_size is '0'; it has to be at least 1."),
        ("IDLE_MINUTES", "0", "The setting idle_minutes is '0'; it has to be more than 0"),
        ("OFFLINE", "perhaps", "The setting offline is 'perhaps'; it has to be true or false."),
    ],
)
def test_what_makes_no_sense_is_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"CATEGORISER_{name}", value)
    with pytest.raises(ConfigurationError) as told:
        Settings.load()
    assert sentence in str(told.value)


def test_an_unknown_argument_is_no_setting() -> None:
    with pytest.raises(ConfigurationError, match="There is no setting colour;"):
        Settings.load(colour="red")
