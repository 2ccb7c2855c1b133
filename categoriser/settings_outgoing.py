"""Settings of what leaves the service by itself: open event streams and webhooks."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LiveSettings(BaseModel):
    """Server-sent events; as environment variables ``CATEGORISER_LIVE__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    streams: int = Field(ge=0, description="open streams at most; more are asked to come back later")
    poll_seconds: float = Field(gt=0, description="between looks for events that other processes wrote")
    recheck_seconds: float = Field(gt=0, description="between looks whether the key of a stream still counts")


class WebhookSettings(BaseModel):
    """Deliveries; as environment variables ``CATEGORISER_WEBHOOKS__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(gt=0, le=60, description="time limit of one delivery")
    first_wait: float = Field(gt=0, description="seconds before the second attempt; doubles, with jitter")
    longest_wait: float = Field(gt=0, description="seconds between two attempts at most")
    give_up_hours: float = Field(gt=0, description="of failures alone, until a webhook is disabled")
    poll_seconds: float = Field(gt=0, description="between looks for events that other processes wrote")
    workers: int = Field(ge=1, le=64, description="webhooks that are delivered to side by side")
    per_collection: int = Field(ge=1, description="webhooks of a collection at most")
    allow_private_addresses: bool = Field(description="deliver inside the own network, and without TLS")
