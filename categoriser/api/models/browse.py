"""What somebody who looks through a collection gets."""

from __future__ import annotations

from pydantic import BaseModel, Field


class DialPreview(BaseModel):
    """How many categories the next run would lead to with each setting of the dial."""

    now: str
    categories: dict[str, int]


class DriftInfo(BaseModel):
    """How far categories have moved from what they got their names for."""

    drifting_from: float = Field(description="from there on a category counts as drifting")
    categories: dict[str, float] = Field(
        description="way of its middle since it got its name, as a share of the distance to the nearest other category"
    )


class MapColumns(BaseModel):
    """A page of the map as columns that belong together, one entry for each image.

    ``flat`` and ``space`` are base64 of little-endian 32-bit floats, two and three for each image, in about [-1, 1].
    """

    ready: bool = Field(description="false: it is being made; ask again for the places that are missing")
    edition: int = Field(description="grows when the map is laid out anew; else no image ever moves")
    image_ids: list[str]
    categories: list[str | None] = Field(description="distinct ids; null is Unsorted")
    category_of: str = Field(description="base64 of little-endian 32-bit integers: places in ``categories``")
    flat: str
    space: str
    next: int | None = Field(description="send it as ``after`` for the next page; null at the end")


class MemberColumns(BaseModel):
    """A page of a category as columns that belong together. ``next``: what to pass as ``offset``; null at the end."""

    total: int = Field(description="images in the category")
    image_ids: list[str]
    scores: list[float] = Field(description="cosine to the mean of the category")
    doubtful: list[bool] = Field(description="it is nearer to the mean of another category: perhaps misfiled")
    tentative: list[bool] = Field(description="the category is the best guess at arrival; the next run decides anew")
    next: int | None


class MosaicList(BaseModel):
    """Pictures of categories."""

    mosaics: dict[str, str] = Field(
        description="id of a category, as it was asked for → JPEG in base64",
        examples=[{"k3v9qm2x-4": "/9j/4AAQSkZJRg=="}],
    )
