"""Health."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"] = "ok"
    version: str


class ReadinessCheck(BaseModel):
    """One thing that has to work."""

    name: str = Field(examples=["database"])
    ok: bool
    problem: str | None = Field(description="what is wrong and what to do")


class Ready(BaseModel):
    """Whether the service may be sent work, and why not."""

    ready: bool
    checks: list[ReadinessCheck]
