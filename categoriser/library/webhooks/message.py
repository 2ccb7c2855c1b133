"""What is sent and how it is signed: Standard Webhooks, symmetric signatures (v1: HMAC-SHA256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from categoriser.domain import Event

PING: Final = "ping"
_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32  # the specification wants 24 to 64


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. ``id`` is the same at every attempt, so that a receiver can leave out what it has."""

    id: str
    kind: str
    body: bytes
    cursor: int | None = None

    @classmethod
    def of_event(cls, event: Event, *, collection: str, key: str) -> Message:
        """An event of the collection of that name; ``key`` is unique to it."""
        data = {"collection": collection, "cursor": event.cursor, **event.detail}
        return cls(f"evt_{key}_{event.cursor}", event.kind, _body(event.kind, event.at, data), event.cursor)

    @classmethod
    def ping(cls, now: float) -> Message:
        """Something to try an address with."""
        return cls(f"ping_{secrets.token_hex(12)}", PING, _body(PING, now, {}))


def new_secret() -> str:
    """A secret to sign with, to be shown once."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers(message: Message, secrets_: Sequence[str], now: float) -> dict[str, str]:
    """What goes with a message; signed with each secret, so that a receiver may know either while they change."""
    at = str(int(now))
    signed = b".".join((message.id.encode(), at.encode(), message.body))
    return {
        "webhook-id": message.id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets_),
        "content-type": "application/json",
        "user-agent": "categoriser",
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _body(kind: str, at: float, data: Mapping[str, Any]) -> bytes:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": moment, "data": data}).encode()
