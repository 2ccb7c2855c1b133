"""Candidate terms of fast views: one question to the language model of the settings, its cost known before, kept."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from categoriser.errors import ConfigurationError, NamingError
from categoriser.naming.candidates import ANSWER_TOKENS, candidate_terms, question
from categoriser.naming.llm import LanguageModel
from categoriser.naming.prompts import read_prompt
from categoriser.settings import config_folder

_log = logging.getLogger(__name__)
_LONGEST = 300  # letters of a criterion


@dataclass(frozen=True, slots=True)
class TermsEstimate:
    """What asking for terms would take. ``questions``: 0 when they are known already; ``tokens``: at most, about."""

    model: str
    questions: int
    tokens: int

    def __str__(self) -> str:
        if not self.questions:
            return f"Nothing is asked: what {self.model} answers to this criterion is known."
        return f"One question to {self.model}, of at most {self.tokens:,} tokens with its answer; no picture is sent."


class TermAsker:
    """Asks once per criterion, model and prompt; the answers are small files in the library's folder."""

    def __init__(self, folder: Path, language: str, model: Callable[[], LanguageModel]) -> None:
        """``model`` opens the language model of the settings, or raises a sentence."""
        self._folder = folder
        self._language = language
        self._model = model

    def estimate(self, criterion: str) -> TermsEstimate:
        """What ``terms`` would take; nothing is asked.

        Raises:
            ConfigurationError: no model is set up, or the criterion is empty.
        """
        model, asked, file = self._prepared(criterion)
        known = _read(file) is not None
        return TermsEstimate(model.id, int(not known), 0 if known else model.tokens(asked) + ANSWER_TOKENS)

    def terms(self, criterion: str) -> list[str]:
        """The terms.

        Raises:
            ConfigurationError: no model is set up, or the criterion is empty.
            NamingError: the model cannot be had, refuses, or answers something that is no list of terms.
        """
        model, asked, file = self._prepared(criterion)
        known = _read(file)
        if known is None:
            known = list(candidate_terms(model, asked))
            _write(file, known)
        return known

    def _prepared(self, criterion: str) -> tuple[LanguageModel, str, Path]:
        if not criterion.strip() or len(criterion) > _LONGEST:
            raise ConfigurationError(f"Terms are asked for by a criterion of 1 to {_LONGEST} letters: give one.")
        try:
            model = self._model()
        except (ConfigurationError, NamingError) as error:
            raise ConfigurationError(
                f"No language model can be asked for terms: {str(error).rstrip('.')}; or write them into a file, one "
                "per line, and give that."
            ) from None
        prompt = read_prompt(config_folder() / "prompts" / "terms.txt")
        asked = question(prompt, criterion, self._language)
        digest = sha256(f"{model.id}\0{prompt.version}\0{asked}".encode()).hexdigest()
        return model, asked, self._folder / f"{digest[:32]}.json"


def _read(file: Path) -> list[str] | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, list) and all(isinstance(one, str) for one in told) else None


def _write(file: Path, terms: list[str]) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(terms), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        _log.warning("terms could not be kept in %s: %s", file, error.strerror)
