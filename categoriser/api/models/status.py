"""Health."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"] = "ok"
    version: str
