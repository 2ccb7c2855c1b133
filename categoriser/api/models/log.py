"""Runs, events and failures."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model
from categoriser.domain import LARGEST_NUMBER


class RunRequest(Model):
    """Which steps of a plan to apply; without a body a run does what it does by itself."""

    version: int = Field(ge=0, le=LARGEST_NUMBER, description="of the plan")
    steps: list[str] | None = Field(default=None, description="ids of steps; null for the automatic ones")


class RunInfo(BaseModel):
    """What one run of the job did."""

    spawned: int
    split: int
    merged: int
    moved: int = Field(description="images that left the category they were settled in")
    unsorted: int
    categories: int
    seconds: float
    version: int = Field(description="of the taxonomy; undo the run by it")
    suggestions: int = Field(description="steps that a person has to decide about")
    groups: int = Field(description="over the categories")
    absorbed: int = Field(description="images that were in Unsorted and are in a category now")
    reconsidered: int = Field(description="images whose tentative category turned out to be another one, or none")


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
