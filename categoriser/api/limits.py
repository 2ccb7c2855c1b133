"""How much a request may send, how long it may take to send it, and how much of it all may be in memory at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.api.errors import SlowBodyError, TooLargeError, answer
from categoriser.errors import BusyError, CategoriserError


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What one body may cost. Sizes are in bytes, times in seconds."""

    multipart: int
    other: int
    seconds: float = 300.0  # for all of it
    silence: float = 20.0  # between two parts of it
    at_once: int = 256  # requests with a body under way, from its first byte to the end of the answer


class BodyLimit:
    """Ends a request whose body grows too large or comes too slowly, while it is being read. For one event loop."""

    def __init__(self, app: ASGIApp, *, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        if self._open >= self._limits.at_once:
            busy = BusyError("More requests are under way than may be; send this one again in a moment.")
            await _closing(answer(busy))(scope, receive, send)
            return
        body = _Body(headers, receive, send, self._limits)
        self._open += 1
        try:
            await self._app(scope, body.receive, body.send)
            if body.failure is not None and not body.answered:
                await body.refuse(scope)
        except CategoriserError:
            if body.failure is None or body.answered:
                raise
            await body.refuse(scope)
        finally:
            self._open -= 1


class _Body:
    """One body: what the application receives of it, and what is answered when it went wrong."""

    def __init__(self, headers: Headers, receive: Receive, send: Send, limits: BodyLimits) -> None:
        self._receive = receive
        self._send = send
        self._limits = limits
        multipart = headers.get("content-type", "").startswith("multipart/")
        self._limit = limits.multipart if multipart else limits.other
        announced = headers.get("content-length", "")
        self._received = int(announced) if announced.isdecimal() and int(announced) > self._limit else 0
        self._until = asyncio.get_running_loop().time() + limits.seconds
        self._complete = False
        self.failure: CategoriserError | None = None
        self.answered = False

    async def receive(self) -> Message:
        """ASGI; raises once and for all when the body is too large or too slow."""
        if self.failure is not None:
            raise self.failure
        if self._received > self._limit:  # as announced: nothing needs to be read
            raise self._failed(self._too_large())
        if self._complete:
            return await self._receive()
        left = self._until - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(left, self._limits.silence)):
                message = await self._receive()
        except TimeoutError:
            raise self._failed(
                SlowBodyError(
                    f"The request body did not arrive within {self._limits.seconds:g} seconds, or nothing of it came "
                    f"for {self._limits.silence:g} seconds; send it again, or in smaller parts."
                )
            ) from None
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise self._failed(self._too_large())
        self._complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """ASGI; what the application says about a failed body is replaced by what is true."""
        if self.failure is not None and not self.answered:
            return
        self.answered = True
        await self._send(message)

    async def refuse(self, scope: Scope) -> None:
        """Answer why."""
        if self.failure is not None:
            await _closing(answer(self.failure))(scope, self._receive, self._send)

    def _failed(self, error: CategoriserError) -> CategoriserError:
        self.failure = error
        return error

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"The request body is larger than {self._limit:,} bytes; send fewer or smaller pictures.")


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


def _closing(response: JSONResponse) -> JSONResponse:
    """An answer after which nothing more is read: the rest of the body would be taken for the next request."""
    response.headers["Connection"] = "close"
    return response
