"""What runs leave to people."""

from __future__ import annotations

from pydantic import BaseModel, Field


class SuggestionInfo(BaseModel):
    """A step that runs hold back until a person decides."""

    id: int
    kind: str = Field(description="split, merge, move or release")
    source: str
    target: str | None = Field(description="null: a new category (split) or Unsorted (release)")
    images: int = Field(description="that would go")
    examples: list[str]
    reason: str
    version: int = Field(description="the run that found it first")
    found_at: float


class SuggestionPage(BaseModel):
    """In the order in which they were found. ``next``: what to pass as ``after``; null at the end."""

    suggestions: list[SuggestionInfo]
    next: int | None


class Dismissed(BaseModel):
    """A suggestion that is not proposed any more."""

    dismissed: int
