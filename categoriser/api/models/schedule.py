"""When the job runs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model
from categoriser.domain import Outcome


class OwnSchedule(Model):
    """When the service runs the job on a collection."""

    schedule: str | None = Field(
        max_length=255,
        description='"every 6h", a cron expression, "" for never, or null for the deployment\'s',
        examples=["0 3 * * *"],
    )


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
