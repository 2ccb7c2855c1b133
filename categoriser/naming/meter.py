"""Counts what models are asked while they name: wraps them, and changes nothing of what they answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from categoriser.naming.captions import Captioner
from categoriser.naming.llm import ANSWER_TOKENS, LanguageModel


@dataclass(slots=True)
class Spent:
    """What one model was asked. ``calls``: questions, or pictures described; ``tokens``: about, 0 for pictures."""

    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Meter:
    """Adds up by part (llm, captions) and model."""

    spent: dict[tuple[str, str], Spent] = field(default_factory=dict)

    def add(self, part: str, model: str, calls: int, tokens: int, started: float) -> None:
        """Note what was asked; ``started``: of ``time.perf_counter()``."""
        one = self.spent.setdefault((part, model), Spent())
        one.calls += calls
        one.tokens += tokens
        one.seconds += time.perf_counter() - started


class MeteredModel:
    """A language model whose questions are counted, also those that it failed to answer."""

    def __init__(self, model: LanguageModel, meter: Meter) -> None:
        self.id = model.id
        self._model = model
        self._meter = meter

    def complete(self, prompt: str, schema: Mapping[str, Any], tokens: int = ANSWER_TOKENS) -> str:
        """As the model does."""
        started, answer = time.perf_counter(), ""
        try:
            answer = self._model.complete(prompt, schema, tokens)
        finally:
            asked = self._model.tokens(prompt) + (self._model.tokens(answer) if answer else 0)
            self._meter.add("llm", self.id, 1, asked, started)
        return answer

    def tokens(self, prompt: str) -> int:
        """As the model does."""
        return self._model.tokens(prompt)


class MeteredCaptioner:
    """A captioner whose pictures are counted, also those that it failed to describe."""

    def __init__(self, captioner: Captioner, meter: Meter) -> None:
        self.id = captioner.id
        self._captioner = captioner
        self._meter = meter

    def describe(self, pictures: Sequence[bytes]) -> Sequence[str]:
        """As the captioner does."""
        started = time.perf_counter()
        try:
            return self._captioner.describe(pictures)
        finally:
            self._meter.add("captions", self.id, len(pictures), 0, started)
