"""A download that goes on where it broke, without any reading or writing: that is up to the two kinds of client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx

_PARTIAL: Final = 206


@dataclass(slots=True)
class Download:
    """How far a download is. ``at``: bytes that are written."""

    at: int = 0
    tag: str | None = None

    def headers(self) -> dict[str, str]:
        """What to ask with: for all, or for the rest of what began."""
        return {"Range": f"bytes={self.at}-", "If-Range": self.tag} if self.at and self.tag else {}

    def begins(self, answer: httpx.Response) -> int:
        """Where the bytes of an answer belong: behind what is written, or at the beginning, if it is another export."""
        if answer.status_code != _PARTIAL:
            self.at = 0
        self.tag = answer.headers.get("etag")
        return self.at
