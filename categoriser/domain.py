"""The words every layer shares: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

FloatMatrix: TypeAlias = npt.NDArray[np.float32]  # [n, dimension]
FloatVector: TypeAlias = npt.NDArray[np.float32]  # [dimension]
IntVector: TypeAlias = npt.NDArray[np.int64]  # [n]

LARGEST_NUMBER: Final = 2**63 - 1  # that the catalog can hold: of versions, cursors and suggestions

Granularity: TypeAlias = Literal["broad", "balanced", "fine"]
EVENT_KINDS = (  # of the log
    *("attach", "move", "spawn", "split", "merge", "retire", "revive"),  # what became of images and categories
    *("run", "gather", "reject", "unite", "part", "rename", "lock", "unlock", "hide", "show", "apart"),  # and why
    *("granularity", "accept", "undo", "suggest", "dismiss"),
    *("group-spawn", "group-join", "group-revive", "group-merge", "group-end"),  # what became of broad groups
    *("naming", "name", "relabel", "suggest-name"),  # of names that no person gave
    *("webhook-on", "webhook-off"),  # who is told of all this
)
Outcome: TypeAlias = Literal["ran", "nothing new", "failed", "running", "interrupted"]  # of a scheduled run


@dataclass(frozen=True, slots=True)
class Points:
    """A batch for the vector store: image i has ``image_ids[i]``, unit vector ``vectors[i]``, list ``micro_ids[i]``."""

    image_ids: Sequence[str]
    vectors: FloatMatrix
    micro_ids: IntVector
    added_at: Sequence[float]  # seconds since the epoch

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True)
class Where:
    """What a search may return; None leaves a side open."""

    micro_ids: Sequence[int] | None = None
    added_from: float | None = None  # seconds since the epoch, inclusive
    added_before: float | None = None  # exclusive
    exclude_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result: cosine ``score`` in [-1, 1]."""

    image_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Category:
    """A set of images with an id that is never reused. ``cohesion``: mean pairwise cosine of its images, in [-1, 1]."""

    id: str
    number: int
    label: str
    size: int
    cohesion: float | None
    created_at: float
    exemplars: Sequence[str] = ()  # image ids, most typical first
    named_by: str | None = None  # "person", "machine", or None for a numbered stand-in
    locked: bool = False
    hidden: bool = False
    group: str = ""  # id of the broad group it is in
    provisional: bool = False  # the name says how it looks, and gives way to any other


@dataclass(frozen=True, slots=True)
class Group:
    """Categories that look alike, largest first, under an id that is never reused. Every category is in one group."""

    id: str
    label: str
    size: int  # images
    categories: Sequence[str]  # ids
    created_at: float


@dataclass(frozen=True, slots=True)
class Membership:
    """A category that an image belongs to.

    ``score`` in [0, 1]: the share of its neighbours that are there, each weighted by how far its cosine stands above
    that of random pairs. All scores of an image add up to 1 at most.
    """

    category: str
    label: str
    score: float
    main: bool  # the one category that it is filed in


@dataclass(frozen=True, slots=True)
class Tag:
    """A word that fits an image, with its cosine to the image, both relative to their means."""

    word: str
    score: float


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a collection as the catalog knows it. ``category`` None means Unsorted.

    ``tags``: best first; None where they were not asked for or cannot be had at once.
    """

    id: str
    category: str | None
    label: str | None
    added_at: float
    name: str | None = None  # the file name or the last part of the URL
    source: str | None = None  # path or URL it came from
    width: int | None = None  # pixels, after EXIF orientation
    height: int | None = None
    sha256: str | None = None
    stacked_on: str | None = None  # id of the image it is a near-duplicate of
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[Tag] | None = None
    tentative: bool = False  # the category is the best guess: the next run decides anew


@dataclass(frozen=True, slots=True)
class Filed:
    """The answer to one accepted picture."""

    image_id: str
    category: str | None  # None: Unsorted
    known: bool = False  # it was there before: nothing changed
    stacked_on: str | None = None
    tentative: bool = False  # the category is the best guess: the next run decides anew
    label: str | None = None  # of the category, as it was when the image was filed; None: it had none


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to one input that could not be filed."""

    item: str  # file, URL, row or id as the caller knows it
    reason: str


@dataclass(frozen=True, slots=True)
class Failure(Refused):
    """An entry of the list of inputs that failed for good; ``cursor`` is its place, to page on from."""

    cursor: int
    at: float = 0.0  # when it came, in seconds since the epoch
    attempts: int = 0  # that ended in a passing failure, before it was given up
    repeatable: bool = False  # its bytes are to be had: it can be tried again


@dataclass(frozen=True, slots=True)
class Found:
    """One search result with what a page needs to show it.

    ``score``: cosine in [-1, 1] with the query, or the score of its tags where only tags were searched for.
    ``relevance``: in [0, 1], how sure it is that this is what was searched for; None where it cannot be told.
    ``nearest``: which of the things searched for it is nearest to, such as "text: a red bicycle".
    """

    image_id: str
    score: float
    category: str | None
    label: str | None
    name: str | None = None
    source: str | None = None
    relevance: float | None = None
    nearest: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the append-only log; ``cursor`` grows with every event of the collection."""

    cursor: int
    kind: str
    at: float
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run of the scheduled job did."""

    spawned: int
    split: int
    merged: int
    moved: int  # images that were settled in a category and are in another one now, or in Unsorted
    unsorted: int
    categories: int
    seconds: float
    version: int = 0  # of the taxonomy, to undo the run by
    suggestions: int = 0  # steps that a person has to decide about
    groups: int = 0  # over the categories
    absorbed: int = 0  # images that were in Unsorted and are in a category now
    reconsidered: int = 0  # images whose category was tentative and turned out to be another one, or none


@dataclass(frozen=True, slots=True)
class PlanStep:
    """Images that a run would take from one category to another; None is Unsorted.

    ``automatic``: a run does it by itself; else ``reason`` says why it is only a suggestion. ``target`` of a spawn or a
    split is the id that the new category would get.
    """

    id: str
    kind: str  # spawn | absorb | split | merge | move | release
    source: str | None
    target: str | None
    images: int
    examples: Sequence[str]  # image ids
    automatic: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A broad group that a run would begin, change or end, with the categories that it would then have."""

    group: str
    kind: str  # spawn | change | end
    categories: Sequence[str]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would change now. ``churn``: share of the images that its automatic steps take out of a category."""

    version: int  # of the taxonomy that it was made for
    images: int
    churn: float
    steps: Sequence[PlanStep]
    groups: Sequence[PlannedGroup] = ()  # that its automatic steps would change


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A step that runs hold back until a person accepts or dismisses it; it goes when no run finds it any more.

    ``target``: None is a new category (of a split) or Unsorted (of a release). ``version``: of the run that found it.
    """

    id: int
    kind: str  # split | merge | move | release
    source: str
    target: str | None
    images: int  # that would go
    examples: Sequence[str]  # image ids
    reason: str
    version: int
    found_at: float


@dataclass(frozen=True, slots=True)
class Edit:
    """What a correction did. ``alike``: images that stayed and look like those that left: perhaps they belong there.

    ``changed``: False where all was so already; then no version was made, and ``version`` is the one that there is.
    """

    version: int
    moved: int  # images
    category: str | None = None  # the new category, where one was made
    alike: Sequence[str] = ()
    changed: bool = True
    undone: int | None = None  # of an undo: the version that it took back, all of it or one event
    what: str | None = None  # what that was, such as "lock of Boats"


@dataclass(frozen=True, slots=True)
class Version:
    """One change of the taxonomy: a run or a correction."""

    version: int
    kind: str
    at: float
    seconds: float
    summary: Mapping[str, Any]
    undone_by: int | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why an image is where it is.

    ``decided_by``: "person" (a correction), "duplicate" (stacked on an image), "neighbours", or "nothing" (Unsorted).
    ``rejected``: ids of categories that it never comes into, as a person said that it does not belong there.
    ``tentative``: less than half of its neighbours agreed when it came, and the next run decides anew.
    Shares are of its neighbours in use that are in a category; ``margin`` is the first share less the second.
    """

    image_id: str
    category: str | None
    decided_by: str
    shares: Mapping[str, float]  # category id → share, largest first
    runner_up: str | None
    margin: float
    neighbours: Sequence[tuple[str, float]]  # image id, cosine
    exemplars: Sequence[tuple[str, float]]  # of its category: image id, cosine
    encoder: str
    stacked_on: str | None = None
    memberships: Sequence[Membership] = ()
    rejected: Sequence[str] = ()
    tentative: bool = False


@dataclass(frozen=True, slots=True)
class NamingReport:
    """What one session of naming did.

    ``provisional``: of those named, how many only by their look. ``problems``: one sentence for each source that could
    not work. ``calls``: how often each source was asked.
    """

    named: int
    renamed: int
    suggested: int
    provisional: int
    seconds: float
    problems: Sequence[str] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    version: int | None = None  # of the taxonomy; None: nothing was changed


@dataclass(frozen=True, slots=True)
class WhyName:
    """Why a category is called what it is.

    ``source``: "person", "vocabulary", "captions", "llm", "look", in views "texts" or "terms", or None for a numbered
    stand-in. ``captions``: image id → what is known about it in words.
    """

    category: str
    label: str
    source: str | None
    provisional: bool = False
    because: str | None = None  # why it was named then
    at: float | None = None
    model: str | None = None
    prompt: str | None = None  # version of the prompt
    evidence: Mapping[str, Any] = field(default_factory=dict)  # words and phrases with scores, rank and margin
    exemplars: Sequence[str] = ()
    captions: Mapping[str, str] = field(default_factory=dict)
    suggestion: str | None = None  # a name that it might have instead, where a person gave this one


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """When the job runs on a collection and what came of its last slot. Times are seconds since the epoch.

    ``outcome``: "ran" (then ``report`` says what it did), "nothing new", "failed" (then ``problem`` says why),
    "running", "interrupted" (it is tried again), or None before the first slot.
    """

    collection: str
    schedule: str  # "": only as the collection grows
    own: bool  # its own, not the deployment's
    next_at: float | None  # when the next run may start, quiet hours considered
    last_run_at: float | None  # of whatever cause
    last_slot: float | None = None
    started_at: float | None = None
    seconds: float | None = None
    outcome: Outcome | None = None
    report: Mapping[str, Any] | None = None
    problem: str | None = None
