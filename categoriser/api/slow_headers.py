"""Ends connections whose headers do not come to their end: uvicorn has a limit for pauses between requests only."""

from __future__ import annotations

import json
from asyncio import TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from categoriser.settings_uploads import UploadSettings

_LATE: Final = (
    b"408 Request Timeout",
    "slow_headers",
    "The headers of the request came too slowly; send them at once.",
)
_LARGE: Final = (
    b"431 Request Header Fields Too Large",
    "large_headers",
    "The headers of the request are too large; send fewer or shorter ones.",
)


class PatientProtocol(HttpToolsProtocol):
    """HTTP whose headers must all have come within ``uploads.header_seconds`` and ``header_bytes``.

    The time counts from the connection, then from the first byte of each further request. A connection that never says
    anything is closed without an answer.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        settings: UploadSettings = self.config.app.state.library.settings.uploads  # type: ignore[union-attr]
        self._seconds = settings.header_seconds
        self._most = settings.header_bytes
        self._timer: TimerHandle | None = None
        self._came = 0  # bytes of headers that are not complete, at least

    def connection_made(self, transport: Any) -> None:
        """Of asyncio."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Of asyncio."""
        if self.cycle is None or self.cycle.response_complete:
            if self._timer is None:
                self._begin()
            self._came += len(data)
        super().data_received(data)
        if self._timer is not None and self._came > self._most:
            self._refuse(_LARGE)

    def on_headers_complete(self) -> None:
        """Of the parser."""
        self._end()
        super().on_headers_complete()

    def _begin(self) -> None:
        self._came = 0
        self._timer = self.loop.call_later(self._seconds, self._late)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if self._came:
            self._refuse(_LATE)
        else:
            self._end()
            self.transport.close()

    def _refuse(self, why: tuple[bytes, str, str]) -> None:
        self._end()
        status, code, sentence = why
        if self.transport.is_closing():
            return
        body = json.dumps({"error": {"code": code, "message": sentence}}).encode()
        self.transport.write(
            b"HTTP/1.1 " + status + b"\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(body) + body
        )
        self.transport.close()
