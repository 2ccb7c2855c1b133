"""Corrections, plans, history and reasons."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from categoriser.api.models.base import ImageIdText, Model
from categoriser.api.models.images import MembershipInfo


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
    tentative: bool = Field(description="less than half of its neighbours agreed; the next run decides anew")
