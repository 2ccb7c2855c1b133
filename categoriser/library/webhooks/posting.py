"""One delivery to an address that a stranger gave: the same rules as for downloads, and no redirects."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import httpx

from categoriser.errors import FetchError, RejectedError
from categoriser.intake.addresses import resolve
from categoriser.intake.fetch import retry_after, safe_url
from categoriser.intake.transport import deadline, guarded_transport

GONE: Final = 410
_LONGEST_URL: Final = 2000
_READ: Final = 64 * 1024  # bytes of an answer that are read so that its connection can be used again


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. ``problem``: None when it was received; ``retry_after``: seconds it asks to wait."""

    status: int | None
    seconds: float
    problem: str | None = None
    retry_after: float | None = None


class Poster:
    """Sends over one connection pool; may be used from several threads."""

    def __init__(self, *, allow_private: bool, seconds: float, connections: int = 8) -> None:
        self._seconds = seconds
        self._transport = guarded_transport(allow_private=allow_private, connections=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body; every failure is an answer."""
        begun = time.perf_counter()
        try:
            with deadline(time.monotonic() + self._seconds):
                status, wait = self._exchange(url, body, headers)
        except httpx.TimeoutException:
            return Answer(None, time.perf_counter() - begun, f"there was no answer within {self._seconds:g} seconds")
        except (httpx.TransportError, httpx.InvalidURL, FetchError, OSError) as error:
            return Answer(None, time.perf_counter() - begun, " ".join(str(error).split())[:300].rstrip("."))
        seconds = time.perf_counter() - begun
        if 200 <= status < 300:
            return Answer(status, seconds)
        moved = " (redirects are not followed)" if 300 <= status < 400 else ""
        return Answer(status, seconds, f"it answered {status}{moved}", wait)

    def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, float | None]:
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        request = httpx.Request("POST", url, content=body, headers=dict(headers), extensions={"timeout": timeout})
        # the transport and not a client: a client logs whole URLs and keeps cookies
        response = self._transport.handle_request(request)
        try:
            read = 0
            for chunk in response.iter_raw():
                read += len(chunk)
                if read > _READ:
                    break
            return response.status_code, retry_after(response.headers.get("retry-after", ""))
        finally:
            response.close()


def check_address(url: str, *, allow_private: bool) -> str:
    """The address as it is kept, if deliveries may go there.

    Raises:
        RejectedError: it is no https address, or leads into a private network; with ``allow_private`` it may be both.
    """
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError, TypeError):
        raise RejectedError("The address of a webhook is not a valid URL; correct it.") from None
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise RejectedError("The address of a webhook is not a valid URL; its port must be from 1 to 65535.")
    if parsed.scheme not in ({"http", "https"} if allow_private else {"https"}) or not parsed.host:
        raise RejectedError(
            f"{safe_url(parsed)} is no https address, and deliveries tell what is in a collection; give one, or set "
            "webhooks.allow_private_addresses to send inside your own network."
        )
    if parsed.userinfo or parsed.fragment or len(str(parsed)) > _LONGEST_URL:
        raise RejectedError(
            f"The address of a webhook must have no user, password or fragment and at most {_LONGEST_URL:,} "
            "characters; deliveries are known by their signature."
        )
    try:
        resolve(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80), allow_private=allow_private)
    except FetchError as error:
        raise RejectedError(str(error).replace("allow_private", "webhooks.allow_private")) from None
    except socket.gaierror:
        raise RejectedError(
            f"The host {parsed.host} of a webhook could not be resolved; check its name and the network."
        ) from None
    return str(parsed)
