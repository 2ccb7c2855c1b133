"""Images, their tags and what they belong to."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from categoriser.api.models.base import ImageIdText, Model


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
    tentative: bool = Field(description="the category is the best guess at arrival; the next run decides anew")
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


class Deletion(Model):
    """Images to delete."""

    image_ids: list[ImageIdText] = Field(min_length=1, max_length=10_000)


class Deleted(BaseModel):
    """How many images are gone."""

    deleted: int
