"""Settings of ``add --engine ray``; as environment variables ``CATEGORISER_BULK__<NAME>``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BulkSettings(BaseModel):
    """Where and how many pictures are encoded by Ray."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(description="of a Ray cluster, such as ray://head:10001 or auto; empty: this machine")
    workers: int = Field(ge=0, le=10_000, description="processes that decode and encode; 0: one per processor")
    gpus: float = Field(ge=0, le=64, description="of each worker; a part of one may be shared")
    batch: int = Field(ge=1, le=4096, description="pictures that a worker takes at a time")
