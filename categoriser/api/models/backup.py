"""Backups."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class WantedBackup(BaseModel):
    """Where a backup is to go."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1,
        max_length=100,
        description="folder below the setting operations.backup_folder; an earlier backup there is brought up to date",
        examples=["nightly"],
    )


class BackupFacts(BaseModel):
    """What a finished backup holds."""

    folder: str = Field(description="on the service's machine")
    moment: float = Field(description="Unix seconds: the backup is what there was then")
    collections: int
    images: int
    vectors: int
    originals: int
    waiting: int = Field(description="accepted pictures that a restored library files")
    outside: int = Field(description="images whose files are the caller's own and are not in the backup")
    gone: int = Field(description="images that were deleted while it was made")
    files_copied: int
    files_kept: int = Field(description="there from an earlier backup")
    bytes_copied: int
    seconds: float
    problems: list[str]


class BackupInfo(BaseModel):
    """The last backup that was asked for since the service started."""

    status: Literal["none", "running", "done", "failed"]
    name: str | None
    started_at: float | None = Field(description="Unix seconds")
    collections_done: int
    collections: int | None
    report: BackupFacts | None
    problem: str | None
