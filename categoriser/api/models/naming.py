"""Names and where they come from."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model


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


class SourceInfo(BaseModel):
    """One source of names."""

    source: str = Field(description="llm, vocabulary, captions, texts or look")
    set_up: bool
    model: str | None
    problem: str | None = Field(description="why it cannot be used, as far as that is known")


class CostInfo(BaseModel):
    """What one model was asked for this collection so far."""

    part: str = Field(description="llm: names, captions: pictures described, terms: for views")
    model: str
    calls: int = Field(description="questions, or pictures described")
    tokens: int = Field(description="sent and answered, about; 0 for pictures")
    seconds: float
    first_at: float
    last_at: float


class NextCostInfo(BaseModel):
    """What naming would ask models now, at most."""

    categories: int = Field(description="that have no name, or one that only says how they look")
    questions: int
    pictures: int = Field(description="to be described")
    each_new_questions: int = Field(description="for each category that a run would make")
    each_new_pictures: int
    tokens_each: int = Field(description="of one question with its answer")


class NamingStateInfo(BaseModel):
    """Who names categories, in which style, and at what cost."""

    automatic: bool = Field(description="at the end of each run")
    sources: list[SourceInfo] = Field(description="in the order in which they are asked")
    words: int = Field(description="of a name at most")
    ampersand: bool
    language: str
    kind: str = Field(description="whose good names a language model is shown")
    daily: int = Field(description="renamings in 24 hours at most")
    free: bool = Field(description="no model is asked, whatever happens")
    spent: list[CostInfo]
    next: NextCostInfo


class OwnWordsRequest(Model):
    """Words of a collection's own."""

    text: str = Field(max_length=100_000, description="a word per line, or kind: word, word", examples=["wine: merlot"])
    replaces: bool = Field(default=False, description="only these words count")


class VocabularyInfo(BaseModel):
    """What categories may be called by, in numbers."""

    id: str = Field(description="changes with the words")
    words: int
    used: int = Field(description="words that a category is called by")
    own: int = Field(description="words that the collection's people wrote")
    text: str = Field(description="these, as they wrote them")
    replaces: bool = Field(description="only these count")
    editable: bool = Field(description="false: a view, whose categories are called after its texts or terms")
    problem: str | None = Field(description="why words name nothing here; null: they do")
    names: dict[str, int] = Field(description="categories by where their name comes from; none: numbered")


class WordUseInfo(BaseModel):
    """A category that is called by a word."""

    category: str
    label: str
    images: int


class WordInfo(BaseModel):
    """One word."""

    place: int
    word: str
    heading: str
    kind_of: str | None
    synonyms: list[str]
    own: bool
    used: list[WordUseInfo]


class WordPage(BaseModel):
    """Words in their order. ``next``: what to pass as ``after`` for the following page; null at the end."""

    words: list[WordInfo]
    next: int | None
