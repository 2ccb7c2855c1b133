"""Names by a language model: a short prompt, an answer that a JSON schema constrains, and the reason kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from categoriser.errors import NamingError
from categoriser.naming.captions import Describer
from categoriser.naming.evidence import Case, Proposal
from categoriser.naming.prompts import Prompt

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 40},
        "why": {"type": "string", "maxLength": 160},
    },
    "required": ["name", "why"],
    "additionalProperties": False,
}
TOKENS: Final = 2048  # prompt and answer together: the smallest window that models have
ANSWER_TOKENS: Final = 120
_CAPTION: Final = 140  # letters
_SHOWN: Final = 4

Terms = Callable[[Case], Sequence[tuple[str, float]]]  # the best words of the vocabulary, best first


class LanguageModel(Protocol):
    """Completes one prompt."""

    id: str

    def complete(self, prompt: str, schema: Mapping[str, Any], tokens: int = ANSWER_TOKENS) -> str:
        """The answer in at most so many tokens, JSON after the schema as far as the model can be held to it.

        Raises:
            NamingError: it cannot work at the moment.
        """
        ...

    def tokens(self, prompt: str) -> int:
        """How many tokens a prompt has, at least roughly."""
        ...


@dataclass(frozen=True, slots=True)
class _Room:
    """How much of each kind goes into a prompt."""

    captions: int
    words: int
    neighbours: int
    refused: int


_ROOMS: Final = (_Room(8, 10, 5, 3), _Room(6, 8, 4, 3), _Room(4, 6, 3, 2), _Room(2, 4, 2, 1), _Room(1, 2, 1, 1))


class LanguageNames:
    """Asks a language model; a second time with what was wrong the first time."""

    id = "llm"
    attempts = 2

    def __init__(
        self,
        model: LanguageModel,
        prompt: Prompt,
        examples: Mapping[str, str],
        *,
        describer: Describer | None = None,
        terms: Terms | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            model: what is asked.
            prompt: the text with its places.
            examples: kind of collection → a line of good names.
            describer: texts about exemplars.
            terms: the best words of a vocabulary.
        """
        self.fingerprint = f"llm:{model.id}/{prompt.version}"
        self._model = model
        self._prompt = prompt
        self._examples = examples
        self._describer = describer
        self._terms = terms

    def propose(self, case: Case) -> Proposal | None:
        """The model's name; None when nothing is known that could be put to it."""
        captions = [] if self._describer is None else self._describer.texts(case.subject)
        words = [] if self._terms is None else list(self._terms(case))
        if not captions and not words:
            return None
        answer = self._model.complete(self._fitting(case, captions, words), SCHEMA)
        name, why = _read(answer, self._model.id)
        told = {"why": why, "captions": captions[:_SHOWN], "words": [list(one) for one in words]}
        return Proposal(name, self.id, told, model=self._model.id, prompt=self._prompt.version)

    def _fitting(self, case: Case, captions: Sequence[str], words: Sequence[tuple[str, float]]) -> str:
        """The fullest prompt that the smallest window holds, whatever the category's size."""
        prompt = ""
        for room in _ROOMS:
            prompt = self._filled(case, captions, words, room)
            if self._model.tokens(prompt) <= TOKENS - ANSWER_TOKENS:
                return prompt
        return prompt

    def _filled(self, case: Case, captions: Sequence[str], words: Sequence[tuple[str, float]], room: _Room) -> str:
        style = case.style
        neighbours = [one.label for one in case.neighbours if one.label][: room.neighbours]
        return self._prompt.filled(
            captions="".join(f"\n- {text[:_CAPTION]}" for text in captions[: room.captions]),
            words=", ".join(f"{word} ({score:.2f})" for word, score in words[: room.words]),
            neighbours="; ".join(neighbours),
            refused="; ".join(f"{one.name[:40]} ({one.reason})" for one in case.refused[-room.refused :]),
            limit=str(style.words),
            joiner="&" if style.ampersand else "and",
            language=style.language,
            examples=self._examples.get(style.kind, ""),
        )


def _read(answer: str, model: str) -> tuple[str, str]:
    """Name and reason of an answer; models without a grammar like to put prose or fences around the JSON."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        told = json.loads(answer[start : end + 1], strict=False)
        name, why = told["name"], told.get("why", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NamingError(f"{model} answers something that is no name: {answer.strip()[:80]!r}.") from None
    if not isinstance(name, str) or not name.strip():
        raise NamingError(f"{model} answers without a name.")
    return name, " ".join(str(why).split())[:200]


class EndpointModel:
    """A language model behind an endpoint."""

    def __init__(self, ask: Callable[..., str], model: str, place: str) -> None:
        """``ask``: of a ``ChatEndpoint``."""
        self.id = f"{model}@{place}"
        self._ask = ask

    def complete(self, prompt: str, schema: Mapping[str, Any], tokens: int = ANSWER_TOKENS) -> str:
        """The answer."""
        return self._ask(prompt, schema=schema, tokens=tokens)

    def tokens(self, prompt: str) -> int:
        """A guess that is too high for most languages."""
        return len(prompt.encode()) // 3 + 1
