"""Other ways of grouping a collection."""

from __future__ import annotations

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model
from categoriser.domain import LARGEST_NUMBER


class ViewRequest(Model):
    """A view to make: with texts, from a key of the pictures' metadata, or from terms; or empty, to be filled later."""

    name: str = Field(min_length=1, max_length=200, examples=["by instrument"])
    criterion: str = Field(default="", max_length=1000, description="what its texts are about, in words they use")
    texts: dict[str, str] = Field(default_factory=dict, description="image id to text")
    from_metadata: str | None = Field(
        default=None, min_length=1, max_length=200, description="key of the metadata that is the text"
    )
    terms: list[str] | None = Field(default=None, max_length=1000, description="for encoders that read text")
    categories: int | None = Field(default=None, ge=1, le=10_000, description="how many; null finds out")
    encoder: str | None = Field(default=None, max_length=200, description="words, the default, or sentence:MODEL")


class EstimateRequest(Model):
    """A view that somebody thinks about."""

    criterion: str = Field(default="", max_length=300, description="what it is to be grouped by, in words")
    terms: list[str] = Field(default_factory=list, max_length=1000)
    from_metadata: str | None = Field(
        default=None, min_length=1, max_length=200, description="key of the metadata that is the text"
    )


class FieldShareInfo(BaseModel):
    """A field of the metadata that holds text."""

    name: str
    images: int = Field(description="of the newest thousand")


class ViewEstimateInfo(BaseModel):
    """What making a view would take."""

    images: int = Field(description="that are looked at, each by a vector or text that is there already")
    texts: int | None = Field(description="images that have the field; null: none was given")
    fields: list[FieldShareInfo] = Field(description="that could be given")
    terms: int = Field(description="that the encoder would read")
    terms_problem: str | None = Field(description="why terms cannot group these images; null: they can")
    model: str | None = Field(description="that would be asked for terms; null: none can be, or no criterion was given")
    questions: int = Field(description="to it: 1, or 0 where its answer is known")
    tokens: int = Field(description="of the question with its answer, at most, about")
    model_problem: str | None = Field(description="why it cannot be asked")
    describer: str | None = Field(description="model that would describe pictures under the criterion")
    to_describe: int = Field(description="pictures that it would be shown, each once")
    describer_problem: str | None = Field(description="why it cannot be asked")


class DescribeRequest(Model):
    """How many pictures to have described now; ``after``: what the answer before called ``next``."""

    pictures: int = Field(default=16, ge=0, le=200, description="0 only files what is described already")
    after: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)


class TermsRequest(Model):
    """A criterion that a language model is to answer with terms."""

    criterion: str = Field(min_length=1, max_length=300, examples=["place"])
    dry_run: bool = Field(default=False, description="only say what asking would take")


class CandidateTerms(BaseModel):
    """Terms to make a view of, and what asking took. ``terms`` are empty after a dry run."""

    terms: list[str]
    model: str
    questions: int = Field(description="1, or 0 where the answer was known")
    tokens: int = Field(description="at most, about")


class ViewTexts(Model):
    """Texts for a view."""

    texts: dict[str, str] = Field(min_length=1, description="image id to text")


class RefusedText(BaseModel):
    """A text that was not filed."""

    image_id: str
    reason: str


class TextReport(BaseModel):
    """What became of texts: filed + known + refused = all."""

    filed: int
    known: int
    refused: list[RefusedText]


class ViewInfo(BaseModel):
    """Another way of grouping a collection's pictures."""

    name: str
    criterion: str
    images: int
    categories: int = Field(description="wanted number; 0: found out")
    from_metadata: str | None
    terms: int
    encoder: str
    last_run_at: float | None
    taxonomy_version: int
    texts: TextReport | None = Field(default=None, description="what became of the texts that the request brought")


class ViewPage(BaseModel):
    """Views by name. ``next``: what to pass as ``after`` for the following page; null at the end."""

    views: list[ViewInfo]
    next: str | None


class DescribedInfo(BaseModel):
    """What came of describing pictures. ``next``: null when every picture was looked at."""

    described: int
    filed: int = Field(description="texts that are in the view now, known ones too")
    left: int = Field(description="pictures without a description")
    failed: list[RefusedText]
    seconds: float
    next: int | None


class Attributes(BaseModel):
    """What the views of a collection say an image is."""

    image_id: str
    attributes: dict[str, str | None] = Field(description="view to the name of its category; null: uncertain")
