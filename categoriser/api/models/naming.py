"""Names and where they come from."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class NamingInfo(BaseModel):
    """What one session of naming did."""

    named: int
    renamed: int
    suggested: int = Field(description="for categories that a person named or locked")
    provisional: int = Field(description="of those named, how many only by their look")
    seconds: float
    problems: list[str] = Field(description="one sentence for each source of names that could not work")
    calls: dict[str, int] = Field(description="how often each source was asked")
    version: int | None = Field(description="of the taxonomy; take the names back by it")


class WhyNameInfo(BaseModel):
    """Why a category is called what it is."""

    category: str
    label: str
    source: str | None = Field(description="person, vocabulary, captions, llm, look; null: a numbered stand-in")
    provisional: bool
    because: str | None
    at: float | None
    model: str | None
    prompt: str | None
    evidence: dict[str, Any] = Field(description="words and phrases with scores, rank and margin of its test")
    exemplars: list[str]
    captions: dict[str, str] = Field(description="image id to what is known about it in words")
    suggestion: str | None
