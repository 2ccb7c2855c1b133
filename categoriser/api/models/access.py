"""Keys, tokens, browser sessions and the trail."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from categoriser.api.models.base import Model
from categoriser.domain import LARGEST_NUMBER

ScopeText = Annotated[str, Field(min_length=1, max_length=300, examples=["read:anna", "write:user-*", "admin"])]


class KeyRequest(Model):
    """A key to make."""

    scopes: list[ScopeText] = Field(
        min_length=1, max_length=100, description="admin, read:NAME or write:NAME; a star at the end: all that begin so"
    )
    label: str = Field(default="", max_length=200, description="for people")
    seconds: float | None = Field(default=None, gt=0, lt=1e10, description="until it expires; null: never")
    per_second: float | None = Field(
        default=None, ge=0, lt=1e9, description="requests; null: as the settings say, 0: no limit"
    )


class RotationRequest(Model):
    """How long what was valid before stays valid."""

    grace_seconds: float = Field(default=0, ge=0, le=90 * 86400)


class RenewalRequest(Model):
    """How long tokens made before stay valid."""

    grace_seconds: float = Field(default=86400, ge=0, le=86400)


class KeyView(BaseModel):
    """What may be shown of a key; times in seconds since the epoch."""

    id: str = Field(description="its public part", examples=["k3v9qm2xab7d"])
    label: str
    scopes: list[str]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    previous_until: float | None = Field(description="until then the key before the last rotation counts too")
    last_used_at: float | None = Field(description="to within ten minutes")
    per_second: float | None = Field(description="requests; null: as the settings say, 0: no limit")


class NewKeyView(KeyView):
    """A key just made or rotated."""

    key: str = Field(description="shown this one time", examples=["cat_k3v9qm2xab7d_0f…"])


class KeyPage(BaseModel):
    """Keys in the order they were made. ``next``: what to pass as ``after`` for the following page; null at the end."""

    keys: list[KeyView]
    next: int | None


class TokenRequest(Model):
    """A token to hand to somebody."""

    collection: str = Field(min_length=1, max_length=255, examples=["anna"])
    scope: Literal["read", "write"] = "read"
    seconds: float = Field(default=3600, ge=1, le=86400, description="until it ends; never later than its key")


class TokenView(BaseModel):
    """A token just made; it ends with its key."""

    token: str = Field(description="send it as Authorization: Bearer")
    scopes: list[str]
    expires_at: float


class SessionView(BaseModel):
    """Who one is and what one may do."""

    access: Literal["open", "keys"] = Field(description="open: programs of this machine need no key")
    setting: Literal["auto", "required", "off"] = Field(
        description="auto: the first key that is made closes the service"
    )
    signed_in: bool
    kind: Literal["local", "key", "token", "session"] | None
    key: str | None = Field(description="public part of the key")
    label: str
    scopes: list[str] = Field(description="admin, read:NAME or write:NAME; a star at the end: all that begin so")
    expires_at: float | None


class AuditEntry(BaseModel):
    """Something that was changed, or refused."""

    cursor: int
    at: float
    who: str | None = Field(description="public part of the key; null: nobody showed a valid one")
    kind: str = Field(description="key, token, session, local or nobody")
    route: str = Field(examples=["POST /v1/collections/{collection}/images"])
    collection: str | None = Field(description="of one that was deleted: its random key")
    status: int
    denied: bool
    code: str | None = Field(description="why, of what was denied")


class AuditPage(BaseModel):
    """Entries, the newest first. ``next``: what to pass as ``before`` for the following page; null at the end."""

    entries: list[AuditEntry]
    next: int | None = Field(le=LARGEST_NUMBER)


class ErasureRequest(Model):
    """Whose everything is to be deleted; ``confirm`` is the name of the collection again, unless it is a preview."""

    preview: bool = Field(default=False, description="only count")
    confirm: str | None = Field(default=None, max_length=255, examples=["anna"])


class ErasureView(BaseModel):
    """What there was of a collection and what is left: numbers of rows by table, of files by kind, and of vectors."""

    collection: str
    key: str = Field(description="random, names the collection in the trail from now on; keep it as proof")
    preview: bool
    at: float
    before: dict[str, int]
    after: dict[str, int] | None = Field(description="null: a preview")
    complete: bool = Field(description="nothing is left")
