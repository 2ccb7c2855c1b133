"""What goes over the wire. Times are seconds since the epoch; a category of null means Unsorted."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from categoriser.domain import LARGEST_NUMBER, Outcome

MOST_IMAGES = 100  # per upload request
_METADATA_BYTES = 64 * 1024


def _storable(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:  # NaN, infinity, half a surrogate pair
        raise ValueError("must be JSON that can be sent back: no NaN, no infinity, valid Unicode") from None
    if size > _METADATA_BYTES:
        raise ValueError(f"has {size:,} bytes and the limit is {_METADATA_BYTES:,}")
    return metadata


Metadata = Annotated[dict[str, Any], AfterValidator(_storable)]


def _without_controls(image_id: str) -> str:
    if any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in image_id):
        raise ValueError(f"{image_id[:80]!r} holds control characters such as line breaks, which an id must not")
    return image_id


ImageIdText = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_without_controls)]


class Model(BaseModel):
    """Unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


# ---- requests --------------------------------------------------------------------------------------------------------


class Address(Model):
    """One picture by its address; it is fetched before the request is answered."""

    url: str = Field(min_length=1, max_length=4096, pattern=r"^https?://", examples=["https://example.org/cat.jpg"])
    id: ImageIdText | None = Field(default=None, description="yours; without it the content decides")
    metadata: Metadata = Field(default_factory=dict, description="anything you want back with the image")


class Addresses(Model):
    """Several pictures by their addresses."""

    images: list[Address] = Field(min_length=1, max_length=MOST_IMAGES)


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


class OwnSchedule(Model):
    """When the service runs the job on a collection."""

    schedule: str | None = Field(
        max_length=255,
        description='"every 6h", a cron expression, "" for never, or null for the deployment\'s',
        examples=["0 3 * * *"],
    )


class ImageEdit(Model):
    """Images, and where they belong."""

    image_ids: list[ImageIdText] = Field(min_length=1, max_length=10_000)
    category: str | None = Field(default=None, description="id of a category; null makes a new one")
    label: str | None = Field(default=None, max_length=100, description="name of the category")


class MergeEdit(Model):
    """Categories to make one."""

    winner: str
    losers: list[str] = Field(min_length=1, max_length=1000)


class SplitEdit(Model):
    """What to take out of a category."""

    category: str
    image_ids: list[ImageIdText] | None = Field(default=None, min_length=1, max_length=100_000)
    label: str | None = Field(default=None, max_length=100, description="name of the new category")


class CategoryEdit(Model):
    """One thing to change of a category."""

    label: str | None = Field(default=None, max_length=100)
    locked: bool | None = None
    hidden: bool | None = None


class PairEdit(Model):
    """Two categories."""

    one: str
    other: str


class CollectionEdit(Model):
    """The dial."""

    granularity: Literal["broad", "balanced", "fine"]


class RunRequest(Model):
    """Which steps of a plan to apply; without a body a run does what it does by itself."""

    version: int = Field(ge=0, le=LARGEST_NUMBER, description="of the plan")
    steps: list[str] | None = Field(default=None, description="ids of steps; null for the automatic ones")


# ---- answers ---------------------------------------------------------------------------------------------------------


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(examples=["not_found"])
    message: str = Field(examples=["Collection 'anna' has no image 'x'."])


class ErrorBody(BaseModel):
    """Every failure looks like this."""

    error: ErrorDetail


class Uploaded(BaseModel):
    """Where one picture was filed."""

    image_id: str = Field(examples=["3f1c0f6a2b7d4c5e8a9b0c1d2e3f4a5b"])
    category: str | None = Field(examples=["k3v9qm2x-4"])
    label: str | None = Field(examples=["Category 5"])
    known: bool = Field(description="it was there before; nothing changed")
    stacked_on: str | None = Field(description="id of the image it is a near-duplicate of")


class UploadResult(BaseModel):
    """What became of one of several pictures."""

    name: str = Field(description="file name or address as sent")
    status: Literal["filed", "known", "refused"]
    image: Uploaded | None = None
    error: ErrorDetail | None = None


class UploadReport(BaseModel):
    """What became of several pictures, in the order they were sent: filed + known + refused = all."""

    filed: int
    known: int
    refused: int
    results: list[UploadResult]


class CollectionInfo(BaseModel):
    """One user's images."""

    name: str
    images: int
    encoder: str
    granularity: str
    created_at: float
    last_run_at: float | None
    taxonomy_version: int = Field(description="send it as If-Match with an edit")


class CollectionPage(BaseModel):
    """Collections by name. ``next``: what to pass as ``after`` for the following page; null at the end."""

    collections: list[CollectionInfo]
    next: str | None


class CategoryInfo(BaseModel):
    """A set of images under an id that is never reused. ``cohesion``: mean pairwise cosine as of the last run."""

    id: str
    label: str
    size: int
    cohesion: float | None
    created_at: float
    exemplars: list[str] = Field(description="image ids, most typical first")
    named_by: str | None = Field(description="person, machine, or null for a numbered stand-in")
    locked: bool
    hidden: bool
    group: str = Field(description="id of the broad group it is in", examples=["k3v9qm2x-g1"])
    provisional: bool = Field(description="the label only says how it looks, and gives way to any other")


class CategoryList(BaseModel):
    """Categories, largest first. ``unsorted``: images in none of them."""

    categories: list[CategoryInfo]
    unsorted: int


class GroupInfo(BaseModel):
    """Categories that look alike under an id that is never reused. Every category is in exactly one group."""

    id: str = Field(examples=["k3v9qm2x-g1"])
    label: str = Field(examples=["Vehicle", "Boat & Harbour"])
    size: int = Field(description="images")
    categories: list[str] = Field(description="ids, largest first")
    created_at: float


class GroupList(BaseModel):
    """Groups, largest first. ``unsorted``: images in none of them."""

    groups: list[GroupInfo]
    unsorted: int


class MembershipInfo(BaseModel):
    """A category that an image belongs to."""

    category: str
    label: str
    score: float = Field(
        ge=0,
        le=1,
        description="share of its neighbours that are there, weighted by likeness; at most 1 for all together",
    )
    main: bool = Field(description="the one category that it is filed in")


class ImageInfo(BaseModel):
    """One image."""

    id: str
    category: str | None
    label: str | None
    name: str | None
    url: str | None = Field(description="where it was fetched from")
    added_at: float
    width: int | None
    height: int | None
    sha256: str | None
    stacked_on: str | None
    metadata: dict[str, Any]


class TagInfo(BaseModel):
    """A word that fits an image, with its cosine to it, both relative to their means."""

    word: str
    score: float


class TagList(BaseModel):
    """The words that fit an image, best first."""

    tags: list[TagInfo]


class ImageDetails(ImageInfo):
    """One image, with its category and up to two others that it is near to.

    ``tags``: words that fit it, best first; null where there is no vocabulary, or it is not ready yet.
    """

    memberships: list[MembershipInfo]
    tags: list[TagInfo] | None = None


class ImagePage(BaseModel):
    """Images in order of arrival. ``next``: what to pass as ``after``; null at the end."""

    images: list[ImageInfo]
    next: str | None


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


class Deleted(BaseModel):
    """How many images are gone."""

    deleted: int


class RunInfo(BaseModel):
    """What one run of the job did."""

    spawned: int
    split: int
    merged: int
    moved: int = Field(description="images that left their category")
    unsorted: int
    categories: int
    seconds: float
    version: int = Field(description="of the taxonomy; undo the run by it")
    suggestions: int = Field(description="steps that a person has to decide about")
    groups: int = Field(description="over the categories")
    absorbed: int = Field(description="images that were in Unsorted and are in a category now")


class ScheduleInfo(BaseModel):
    """When the job runs on a collection, and what came of its last slot."""

    collection: str
    schedule: str = Field(description="empty: only as the collection grows")
    own: bool = Field(description="its own, not the deployment's")
    next_at: float | None
    last_run_at: float | None = Field(description="of whatever cause")
    last_slot: float | None
    started_at: float | None
    seconds: float | None
    outcome: Outcome | None
    report: dict[str, Any] | None
    problem: str | None


class SchedulePage(BaseModel):
    """Schedules by name of the collection. ``next``: what to pass as ``after``; null at the end."""

    schedules: list[ScheduleInfo]
    next: str | None


class EventInfo(BaseModel):
    """One entry of the log."""

    cursor: int
    kind: str
    at: float
    detail: dict[str, Any]


class EventPage(BaseModel):
    """Events, oldest first. ``next``: what to pass as ``after`` later on to get only what is new."""

    events: list[EventInfo]
    next: int


class FailedInfo(BaseModel):
    """A picture that was accepted and cannot be filed."""

    item: str
    reason: str


class FailedList(BaseModel):
    """Failed pictures in order of arrival."""

    failed: list[FailedInfo]
    next: int = Field(description="cursor of the next page")


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"] = "ok"
    version: str


class EditDone(BaseModel):
    """What a correction did; undo it by its version."""

    version: int
    moved: int = Field(description="images")
    category: str | None = Field(description="the new category, where one was made")
    alike: list[str] = Field(description="images that stayed and look like those that left")
    changed: bool = Field(description="false: all was so already, and no version was made")
    undone: int | None = Field(description="of an undo: the version that it took back, all of it or one event")
    what: str | None = Field(description='what that was, such as "lock of Boats"')


class PlanStepInfo(BaseModel):
    """Images that a run would take from one category to another; null is Unsorted."""

    id: str
    kind: str
    source: str | None
    target: str | None
    images: int
    examples: list[str]
    automatic: bool
    reason: str | None


class PlannedGroupInfo(BaseModel):
    """A broad group that a run would begin, change or end, with the categories that it would then have."""

    group: str
    kind: str = Field(description="spawn, change or end")
    categories: list[str]


class PlanInfo(BaseModel):
    """What a run would change now."""

    version: int
    images: int
    churn: float = Field(description="share of images that the automatic steps take out of a category")
    steps: list[PlanStepInfo]
    groups: list[PlannedGroupInfo] = Field(description="that the automatic steps would change")


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


class Halves(BaseModel):
    """Two parts of a category, by image id."""

    stays: list[str]
    leaves: list[str]


class VersionInfo(BaseModel):
    """A run or a correction."""

    version: int
    kind: str
    at: float
    seconds: float
    summary: dict[str, Any]
    undone_by: int | None


class VersionPage(BaseModel):
    """The newest first."""

    versions: list[VersionInfo]
    next: int | None = Field(description="send it as ``before`` for the next page")


class AsOf(BaseModel):
    """A taxonomy as it was."""

    version: int
    assignments: dict[str, str | None] = Field(description="image id to category id")
    groups: dict[str, str] = Field(description="category id to group id")


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


class WhyInfo(BaseModel):
    """Why an image is where it is."""

    image_id: str
    category: str | None
    decided_by: str = Field(description="person (moved or rejected), duplicate, neighbours or nothing")
    shares: dict[str, float] = Field(description="of its neighbours, by category")
    runner_up: str | None
    margin: float
    neighbours: list[tuple[str, float]]
    exemplars: list[tuple[str, float]]
    encoder: str
    stacked_on: str | None
    memberships: list[MembershipInfo]
    rejected: list[str] = Field(description="categories that a person said it does not belong to")


class ViewRequest(Model):
    """A view to make: with texts, from a key of the pictures' metadata, or from terms; or empty, to be filled later."""

    name: str = Field(min_length=1, max_length=200, examples=["by instrument"])
    criterion: str = Field(default="", max_length=1000, description="what its texts are about, in words they use")
    texts: dict[str, str] = Field(default_factory=dict, description="image id to text")
    from_metadata: str | None = Field(default=None, max_length=200, description="key of the metadata that is the text")
    terms: list[str] | None = Field(default=None, max_length=1000, description="for encoders that read text")
    categories: int | None = Field(default=None, ge=1, le=10_000, description="how many; null finds out")
    encoder: str | None = Field(default=None, max_length=200, description="words, the default, or sentence:MODEL")


class ViewTexts(Model):
    """Texts for a view."""

    texts: dict[str, str] = Field(min_length=1, description="image id to text")


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


class ViewPage(BaseModel):
    """Views by name. ``next``: what to pass as ``after`` for the following page; null at the end."""

    views: list[ViewInfo]
    next: str | None


class RefusedText(BaseModel):
    """A text that was not filed."""

    image_id: str
    reason: str


class TextReport(BaseModel):
    """What became of texts: filed + known + refused = all."""

    filed: int
    known: int
    refused: list[RefusedText]


class Attributes(BaseModel):
    """What the views of a collection say an image is."""

    image_id: str
    attributes: dict[str, str | None] = Field(description="view to the name of its category; null: uncertain")
