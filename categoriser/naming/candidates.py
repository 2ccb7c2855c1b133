"""Candidate terms for a criterion, by a language model: asked once, before any picture is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from categoriser.errors import NamingError
from categoriser.naming.llm import LanguageModel
from categoriser.naming.prompts import Prompt

MOST: Final = 32
_LEAST: Final = 2
_LONGEST: Final = 40  # letters of a term
_WORDS: Final = 5  # of a term
ANSWER_TOKENS: Final = 400
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "terms": {
            "type": "array",
            "items": {"type": "string", "minLength": 2, "maxLength": _LONGEST},
            "minItems": _LEAST,
            "maxItems": MOST,
        }
    },
    "required": ["terms"],
    "additionalProperties": False,
}
_INSTEAD: Final = "write the terms into a file, one per line, and give that instead"


def question(prompt: Prompt, criterion: str, language: str) -> str:
    """What a model is asked."""
    return prompt.filled(criterion=" ".join(criterion.split()), limit=str(MOST), language=language)


def candidate_terms(model: LanguageModel, asked: str) -> tuple[str, ...]:
    """The terms that a model answers, in its order, without what is no term.

    Raises:
        NamingError: it cannot be had, or answers something else; the sentence says what to do instead.
    """
    try:
        answer = model.complete(asked, SCHEMA, ANSWER_TOKENS)
    except NamingError as error:
        raise NamingError(f"{str(error).rstrip('.')}; {_INSTEAD}.") from None
    terms = _read(answer)
    if len(terms) < _LEAST:
        raise NamingError(f"{model.id} answers with no terms: {' '.join(answer.split())[:80]!r}; {_INSTEAD}.")
    return terms


def _read(answer: str) -> tuple[str, ...]:
    """Models without a grammar like to put prose or fences around the JSON."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        told = json.loads(answer[start : end + 1], strict=False)["terms"]
    except (ValueError, KeyError, TypeError):
        return ()
    if not isinstance(told, list):
        return ()
    found: dict[str, str] = {}
    for one in told:
        term = " ".join(one.split()).strip(" .,;:-\"'") if isinstance(one, str) else ""
        if _is_term(term):
            found.setdefault(term.casefold(), term)
    return tuple(found.values())[:MOST]


def _is_term(term: str) -> bool:
    sensible: Sequence[bool] = (
        2 <= len(term) <= _LONGEST,
        len(term.split()) <= _WORDS,
        term.isprintable(),
        any(letter.isalpha() for letter in term),
        not set("{}<>[]|\\").intersection(term),
    )
    return all(sensible)
