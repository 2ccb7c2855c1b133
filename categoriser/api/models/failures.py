"""Pictures that were accepted and cannot be filed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model
from categoriser.domain import LARGEST_NUMBER


class FailedInfo(BaseModel):
    """A picture that was accepted and cannot be filed."""

    item: str
    reason: str
    cursor: int = Field(description="names it")
    at: float = Field(description="when it came")
    attempts: int = Field(description="that ended in a passing failure")
    repeatable: bool = Field(description="its bytes are to be had: it can be tried again")


class FailedList(BaseModel):
    """Failed pictures in order of arrival."""

    failed: list[FailedInfo]
    next: int = Field(description="cursor of the next page")


class Chosen(Model):
    """Which of them."""

    cursors: list[Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]] | None = Field(
        default=None, max_length=1000, description="null for all", examples=[[17, 23]]
    )
    preview: bool = Field(default=False, description="only say how many")


class Retried(BaseModel):
    """How many failed pictures wait to be filed again, or would."""

    retried: int
    preview: bool


class Discarded(BaseModel):
    """How many failed pictures are forgotten, or would be."""

    discarded: int
    preview: bool
