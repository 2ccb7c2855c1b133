"""Queries and what they find."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, JsonValue, model_validator

from categoriser.api.models.base import Model
from categoriser.domain import LARGEST_NUMBER

Words = Annotated[str, Field(min_length=1, max_length=2000, examples=["a red bicycle"])]
Id = Annotated[str, Field(min_length=1, max_length=512)]
Seconds = Annotated[float, Field(allow_inf_nan=False, description="seconds since the epoch")]
Pixels = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


class SearchFilter(Model):
    """What may be found; all that is given must hold. Ids of categories that were merged away lead to the survivor."""

    category: Id | None = Field(default=None, description='a category id, or "unsorted"')
    categories: list[Id] | None = Field(default=None, max_length=1000, description="in one of these")
    groups: list[Id] | None = Field(default=None, max_length=1000, description="in a category of one of these groups")
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list,
        max_length=10,
        description="words that an image must all have among its tags, or a kind of each; reads the whole collection",
    )
    added_from: Seconds | None = Field(default=None, description="inclusive")
    added_before: Seconds | None = Field(default=None, description="exclusive")
    taken_from: Seconds | None = Field(default=None, description="as the file says; inclusive")
    taken_before: Seconds | None = Field(default=None, description="exclusive")
    metadata: dict[str, JsonValue] = Field(
        default_factory=dict,
        max_length=20,
        description="key, with dots between nested keys → a value (equal), a list (one of), or an object with some of "
        "equals, one_of, exists, gte, gt, lte, lt; compared by type",
        examples=[{"camera.model": "X100", "stars": {"gte": 4}, "place": ["Rome", "Oslo"]}],
    )
    min_width: Pixels | None = None
    max_width: Pixels | None = None
    min_height: Pixels | None = None
    max_height: Pixels | None = None
    orientation: Literal["landscape", "portrait", "square"] | None = None
    formats: list[Annotated[str, Field(min_length=1, max_length=16)]] = Field(default_factory=list, max_length=20)
    stacked: bool | None = Field(default=None, description="only near-duplicates of another image, or all but those")


class ClueInfo(Model):
    """One thing to search for or against: exactly one of text, image_id, image, vector and category."""

    text: Words | None = None
    image_id: str | None = Field(default=None, description="a stored image, which is left out itself")
    image: str | None = Field(default=None, description="a picture in base64")
    vector: list[float] | None = Field(default=None, max_length=65536)
    category: Id | None = Field(default=None, description="the mean of a category's images")
    vector_of: Literal["image", "text"] = Field(default="image", description="what the vector was made from")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if _number(self) != 1:
            raise ValueError("each is exactly one of text, image_id, image, vector and category")
        return self


class SearchRequest(Model):
    """What is searched for, among which images, and how it is shown. Tags in the filter suffice alone."""

    needs_query: ClassVar[bool] = True

    text: Words | None = None
    image_id: str | None = Field(default=None, description="like this stored image, which is left out itself")
    image: str | None = Field(default=None, description="a picture in base64")
    vector: list[float] | None = Field(default=None, max_length=65536)
    category: Id | None = Field(default=None, description="like the images of this category")
    vector_of: Literal["image", "text"] = Field(default="image", description="what the vector was made from")
    positives: list[ClueInfo] = Field(default_factory=list, max_length=40, description="more to search for")
    negatives: list[ClueInfo] = Field(default_factory=list, max_length=40, description="what to search against")
    filter: SearchFilter = Field(default_factory=SearchFilter)
    limit: int = Field(default=10, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=100_000)
    cursor: str | None = Field(default=None, max_length=65536, description="next of the page before; all else the same")
    min_score: float | None = Field(default=None, ge=-1, le=1, description="cosine; takes the place of the relevance")
    min_relevance: float | None = Field(
        default=None, ge=0, le=1, description="0 shows everything; by default only what is likely meant, or nothing"
    )
    diversity: float = Field(default=0, ge=0, le=1, description="how much results should differ from each other")
    group_by: Literal["category"] | None = None
    group_size: int = Field(default=3, ge=1, le=100, description="results of each category at most")

    @model_validator(mode="after")
    def _any_query(self) -> Self:
        some = _number(self) or self.positives or self.negatives or self.filter.tags
        if self.needs_query and not some:
            raise ValueError("search for text, image_id, image, vector or category, or for tags alone")
        return self


def _number(told: ClueInfo | SearchRequest) -> int:
    return sum(one is not None for one in (told.text, told.image_id, told.image, told.vector, told.category))


class FoundInfo(BaseModel):
    """One search result.

    ``score`` is a cosine in [-1, 1]. ``relevance`` in [0, 1] says how sure it is that this was meant; null where that
    cannot be told. ``nearest`` says which of the things searched for it is nearest to.
    """

    image_id: str
    score: float
    category: str | None
    label: str | None
    name: str | None
    relevance: float | None
    nearest: str | None


class FoundGroupInfo(BaseModel):
    """The best results of one category; null is Unsorted."""

    category: str | None
    label: str | None
    results: list[FoundInfo]


class SearchAnswer(BaseModel):
    """Results, best first. ``next`` is the cursor of the next page; ``groups`` is there with ``group_by``."""

    results: list[FoundInfo]
    next: str | None = None
    groups: list[FoundGroupInfo] | None = None
    min_relevance: float | None = Field(default=None, description="what results had to have; null: nothing was cut off")


class FacetRequest(Model):
    """Which counts, of which images."""

    by: list[Literal["category", "group", "month", "taken", "format", "tag"]] = Field(
        default=["category", "group", "month"], min_length=1, max_length=6
    )
    filter: SearchFilter = Field(default_factory=SearchFilter)
    limit: int = Field(default=100, ge=1, le=1000, description="values listed of each")


class FacetCountInfo(BaseModel):
    """One value; null for Unsorted and for images without a time or format."""

    value: str | None
    label: str | None
    count: int


class FacetInfo(BaseModel):
    """Largest first, months latest first; ``others``: images of values that are not listed."""

    facet: str
    counts: list[FacetCountInfo]
    others: int


class FacetAnswer(BaseModel):
    """Exact counts."""

    facets: list[FacetInfo]


class DuplicateInfo(BaseModel):
    """``identical``: it has the very bytes of the first."""

    image_id: str
    name: str | None
    identical: bool
    width: int | None
    height: int | None


class DuplicateGroupInfo(BaseModel):
    """``size`` counts all images, of which up to 100 are listed."""

    image_id: str
    size: int
    images: list[DuplicateInfo]


class DuplicateAnswer(BaseModel):
    """``surplus``: images that are nearly the same as an earlier one, of all pages."""

    groups: list[DuplicateGroupInfo]
    groups_in_all: int
    surplus: int
    next: int | None


class SimilarCategoryInfo(BaseModel):
    """``score``: cosine of the middles; ``likeness`` in [0, 1]: 0 as random pairs, 1 as pairs within the looser one."""

    id: str
    label: str
    size: int
    score: float
    likeness: float | None


class SimilarCategoryList(BaseModel):
    """Nearest first."""

    categories: list[SimilarCategoryInfo]


EXAMPLES: dict[str, Any] = {
    "words": {"value": {"text": "a red bicycle", "limit": 20}},
    "tags": {"value": {"filter": {"tags": ["dog"]}}},
    "alike": {"value": {"image_id": "a/cat.jpg", "filter": {"category": "unsorted"}}},
    "for and against": {
        "value": {
            "text": "a beach",
            "positives": [{"image_id": "a/sea.jpg"}],
            "negatives": [{"text": "people"}],
            "filter": {"orientation": "landscape", "metadata": {"camera.model": "X100", "stars": {"gte": 4}}},
        }
    },
    "everything, page by page": {"value": {"text": "a cat", "min_relevance": 0, "limit": 100, "cursor": None}},
    "different ones": {"value": {"text": "a cat", "diversity": 0.5}},
    "by category": {"value": {"text": "a cat", "group_by": "category", "group_size": 5}},
}
