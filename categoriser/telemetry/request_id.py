"""The id of the request that is under way, for every log line of it."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Request-Id"
_SANE: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
current: ContextVar[str] = ContextVar("request_id", default="")


def taken_or_made(offered: str | None) -> str:
    """The id that a caller sent if it is one that can stand in a log and a header, else a new one."""
    return offered if offered is not None and _SANE.fullmatch(offered) else secrets.token_hex(8)
