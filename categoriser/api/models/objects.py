"""Notifications of object stores."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ObjectsTaken(BaseModel):
    """What became of the records of a notification."""

    taken: int = Field(description="will be fetched and filed, or listed as failed")
    removed: int = Field(description="their images will be deleted")
    ignored: int = Field(description="known already, older than what is known, or none of ours")
