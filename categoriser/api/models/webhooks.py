"""Webhooks and what came of their deliveries."""

from __future__ import annotations

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model

_TYPES: list[str] = Field(default_factory=list, max_length=100, description="kinds of events; none: all")
_URL: str = Field(min_length=1, max_length=2000, description="an https address", examples=["https://example.org/hook"])


class WebhookRequest(Model):
    """Whom to tell, and of what."""

    url: str = _URL
    types: list[str] = _TYPES


class PrefixWebhookRequest(WebhookRequest):
    """Whom to tell of the events of many collections."""

    prefix: str = Field(max_length=255, description="how their names begin; empty: all collections")


class WebhookEdit(Model):
    """What to change of a webhook; what is left out stays."""

    url: str | None = Field(default=None, min_length=1, max_length=2000)
    types: list[str] | None = Field(default=None, max_length=100)
    enabled: bool | None = Field(default=None, description="true: tell it everything since it was told last")


class Rotation(Model):
    """How a secret is to be replaced."""

    overlap_hours: float = Field(default=24.0, ge=0, le=720, description="for which the old one signs as well")


class Replay(Model):
    """What to deliver again."""

    after: int = Field(ge=0, le=2**63 - 1, description="cursor of the event before the first one")


class WebhookInfo(BaseModel):
    """Who is told of what."""

    id: str
    url: str
    types: list[str] = Field(description="kinds of events; none: all")
    created_at: float
    enabled: bool = Field(description="false: it answered 410, failed for long, or was switched off")
    waiting: int = Field(description="events behind what it was told")
    failures: int = Field(description="attempts since the last success")
    secrets: int = Field(description="that deliveries are signed with at the moment")
    prefix: str | None = Field(description="of names of collections; null: it belongs to one")
    failing_since: float | None
    next_at: float | None = Field(description="when it is tried again")
    problem: str | None = Field(description="why it is disabled, or what went wrong last")


class NewWebhookInfo(WebhookInfo):
    """With the secret that its deliveries are signed with, which is shown this once."""

    secret: str = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])


class WebhookPage(BaseModel):
    """Webhooks by id. ``next``: what to pass as ``after``; null at the end."""

    webhooks: list[WebhookInfo]
    next: str | None


class DeliveryInfo(BaseModel):
    """One attempt."""

    id: int
    message: str = Field(description="the webhook-id of it, the same at every attempt")
    kind: str
    at: float
    attempt: int
    seconds: float
    collection: str | None
    cursor: int | None = Field(description="of the event; null: a ping")
    status: int | None = Field(description="of HTTP; null: there was no answer")
    problem: str | None = Field(description="null: it was received")


class DeliveryPage(BaseModel):
    """The newest first. ``next``: what to pass as ``before``; null at the end."""

    deliveries: list[DeliveryInfo]
    next: int | None


class Removed(BaseModel):
    """What is gone."""

    removed: str
