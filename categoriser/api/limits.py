"""How much a request may send, and how much of it may be in memory at a time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.api.errors import TooLargeError


class BodyLimit:
    """Ends a request whose body grows too large while it is being read."""

    def __init__(self, app: ASGIApp, *, multipart: int, other: int) -> None:
        self._app = app
        self._multipart = multipart
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._multipart if headers.get("content-type", "").startswith("multipart/") else self._other
        announced = headers.get("content-length", "")
        too_large = TooLargeError(f"The request body is larger than {limit:,} bytes; send fewer or smaller pictures.")
        received = int(announced) if announced.isdecimal() and int(announced) > limit else 0

        async def receive_counted() -> Message:
            nonlocal received
            if received > limit:  # as announced: nothing needs to be read
                raise too_large
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise too_large
            return message

        await self._app(scope, receive_counted, send)


class ByteBudget:
    """Bytes of uploads that may be in memory at a time; who wants more waits. For one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._changed = asyncio.Event()

    async def take(self, amount: int) -> None:
        """Wait for room; one that is larger than the whole budget goes alone."""
        while self._taken and self._taken + amount > self._size:
            self._changed.clear()
            await self._changed.wait()
        self._taken += amount

    def give(self, amount: int) -> None:
        """Return what was taken."""
        self._taken -= amount
        self._changed.set()
