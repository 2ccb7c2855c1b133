"""What somebody who looks through a collection gets."""

from __future__ import annotations

from pydantic import BaseModel, Field


class MemberColumns(BaseModel):
    """A page of a category as columns that belong together. ``next``: what to pass as ``offset``; null at the end."""

    total: int = Field(description="images in the category")
    image_ids: list[str]
    scores: list[float] = Field(description="cosine to the mean of the category")
    doubtful: list[bool] = Field(description="it is nearer to the mean of another category: perhaps misfiled")
    next: int | None
