"""Queries and what they find."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from categoriser.api.models.base import Model


class SearchFilter(Model):
    """What may be found."""

    category: str | None = Field(default=None, description='a category id, or "unsorted"')
    added_from: float | None = Field(default=None, allow_inf_nan=False, description="inclusive")
    added_before: float | None = Field(default=None, allow_inf_nan=False, description="exclusive")
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list,
        max_length=10,
        description="words that an image must all have among its tags, or a kind of each; reads the whole collection",
    )


class SearchRequest(Model):
    """Exactly one of text, image_id, image and vector says what is searched for; tags in the filter suffice alone."""

    text: str | None = Field(default=None, min_length=1, max_length=2000, examples=["a red bicycle"])
    image_id: str | None = Field(default=None, description="like this stored image, which is left out itself")
    image: str | None = Field(default=None, description="a picture in base64")
    vector: list[float] | None = Field(default=None, max_length=65536)
    filter: SearchFilter = Field(default_factory=SearchFilter)
    limit: int = Field(default=10, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=100_000)
    min_score: float | None = Field(default=None, ge=-1, le=1, description="cosine")

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        queries = sum(query is not None for query in (self.text, self.image_id, self.image, self.vector))
        if queries != 1 and (queries or not self.filter.tags):
            raise ValueError("search for exactly one of text, image_id, image and vector, or for tags alone")
        return self


class FoundInfo(BaseModel):
    """One search result; ``score`` is a cosine in [-1, 1]."""

    image_id: str
    score: float
    category: str | None
    label: str | None
    name: str | None


class SearchAnswer(BaseModel):
    """Results, best first."""

    results: list[FoundInfo]
