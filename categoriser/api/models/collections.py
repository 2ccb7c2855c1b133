"""Collections, their categories and broad groups."""

from __future__ import annotations

from pydantic import BaseModel, Field


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
    cursor: int = Field(description="of the newest event that the list knows of; follow the events after it")


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
