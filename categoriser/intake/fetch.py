"""Pictures from URLs that strangers wrote: bounded in time and size, patient with busy servers, public hosts only."""

from __future__ import annotations

import base64
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Self
from urllib.parse import unquote

import httpx
import tenacity

from categoriser.errors import FetchError, UnreachableError
from categoriser.intake.transport import deadline, guarded_transport

_TRY_AGAIN: Final = frozenset((403, 408, 429, 500, 502, 503, 504))
_FORBIDDEN: Final = 403  # some image hosts answer so when asked too fast; once more is polite, more is not
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one download may cost. Times are in seconds."""

    seconds: float = 60.0  # everything together: redirects, repetitions and the waits between them
    silence: float = 20.0  # longest wait for a connection or for the next bytes
    max_bytes: int = 100_000_000
    redirects: int = 5
    attempts: int = 4
    first_wait: float = 0.5  # doubles each time, with jitter
    longest_wait: float = 30.0  # also the most that a Retry-After is obeyed


class Fetcher:
    """Downloads over one connection pool; use one for all threads, and close it.

    ``allow_private`` lets URLs lead into private networks, for intranets and tests. Proxies of the environment are not
    used, since they would connect to addresses that nobody has checked.
    """

    def __init__(
        self, limits: FetchLimits | None = None, *, allow_private: bool = False, connections: int = 64
    ) -> None:
        self.limits = limits or FetchLimits()
        self._transport = guarded_transport(allow_private=allow_private, connections=connections)
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release all connections; waits between repetitions end at once."""
        self._closing.set()
        self._transport.close()

    def fetch(self, url: str) -> bytes:
        """The body behind an http or https URL. User and password in the URL are sent, and never shown.

        Raises:
            UnreachableError: it cannot be fetched for now, after several tries.
            FetchError: it must not or cannot be fetched at all; the sentence says which and why.
        """
        start = _parsed(url)
        until = time.monotonic() + self.limits.seconds
        retrying = tenacity.Retrying(
            retry=_worth_another_try,
            stop=tenacity.stop_after_attempt(self.limits.attempts)
            | tenacity.stop_before_delay(self.limits.seconds)
            | tenacity.stop_when_event_set(self._closing),
            wait=self._wait,
            sleep=tenacity.sleep_using_event(self._closing),
            reraise=True,
        )
        try:
            with deadline(until):
                return retrying(self._once, start, until)
        except _BusyError as error:
            tries = int(retrying.statistics.get("attempt_number", 1))
            told = f"{error} ({tries} {'try' if tries == 1 else 'tries'})"
            if error.status == _FORBIDDEN:
                raise FetchError(f"{told}; check that everybody may see the picture.") from error
            raise UnreachableError(f"{told}; try again later.") from error

    def _once(self, url: httpx.URL, until: float) -> bytes:
        for _ in range(self.limits.redirects + 1):
            answer = self._answer(url, until)
            if isinstance(answer, bytes):
                return answer
            url = answer
        raise FetchError(
            f"{safe_url(url)} lies behind more than {self.limits.redirects} redirects; give the final URL."
        )

    def _answer(self, url: httpx.URL, until: float) -> bytes | httpx.URL:
        """The body, or where the server sends us instead."""
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self.limits.silence)
        request = httpx.Request("GET", url, headers=_headers(url), extensions={"timeout": timeout})
        try:
            # the transport and not a client: a client logs whole URLs, follows redirects by itself and keeps cookies
            response = self._transport.handle_request(request)
            try:
                _check_status(response, url)
                if response.status_code in _REDIRECTS:
                    return _target(response, url)
                return self._body(response, url, until)
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise _BusyError(f"{safe_url(url)} did not answer in time") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):  # waiting will not help
                raise FetchError(f"{safe_url(url)} has no valid certificate; correct the URL or the server.") from error
            raise _BusyError(f"{safe_url(url)} could not be read: {_brief(error)}") from error
        except httpx.InvalidURL as error:
            raise FetchError(f"{safe_url(url)} is not a valid URL; correct it.") from error

    def _body(self, response: httpx.Response, url: httpx.URL, until: float) -> bytes:
        limit = self.limits.max_bytes
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and len(declared) < 20 and int(declared) > limit:
            raise _too_large(url, limit)
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > limit:
                raise _too_large(url, limit)
            if time.monotonic() > until:
                raise _BusyError(f"{safe_url(url)} did not finish within {self.limits.seconds:g} seconds")
        return bytes(body)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _BusyError) and error.retry_after is not None:
            return min(error.retry_after, self.limits.longest_wait)
        ceiling: float = min(self.limits.longest_wait, self.limits.first_wait * 2 ** (state.attempt_number - 1))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


class _BusyError(FetchError):
    """A failure that may be over in a moment."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after  # seconds


def safe_url(url: httpx.URL | str) -> str:
    """A URL fit for logs and messages: without user, password, query and fragment, which may hold secrets."""
    try:
        parsed = httpx.URL(url)
        return str(parsed.copy_with(username=None, password=None, query=None, fragment=None))[:300]
    except (httpx.InvalidURL, TypeError, ValueError):
        return "the URL"


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError("A URL is not valid; correct it.") from error
    return _web_address(parsed)


def _web_address(url: httpx.URL) -> httpx.URL:
    if url.scheme not in ("http", "https"):
        raise FetchError(f"{safe_url(url)} is not an http or https address, and only those are fetched.")
    if not url.host:
        raise FetchError(f"{safe_url(url)} names no host; correct the URL.")
    return url


def _headers(url: httpx.URL) -> dict[str, str]:
    headers = {"User-Agent": "categoriser", "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
    if url.username or url.password:
        secret = f"{unquote(url.username)}:{unquote(url.password)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
    return headers


def _target(response: httpx.Response, url: httpx.URL) -> httpx.URL:
    try:
        return _web_address(url.join(response.headers["location"]))
    except (KeyError, httpx.InvalidURL, ValueError) as error:
        raise FetchError(f"{safe_url(url)} redirects to nowhere; give the final URL.") from error


def _check_status(response: httpx.Response, url: httpx.URL) -> None:
    status = response.status_code
    if status in _TRY_AGAIN:
        wait = retry_after(response.headers.get("retry-after", ""))
        raise _BusyError(f"{safe_url(url)} answered {status}", status=status, retry_after=wait)
    if not (200 <= status < 300 or status in _REDIRECTS):
        raise FetchError(f"{safe_url(url)} answered {status}; check that the picture is still there.")


def retry_after(value: str) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or a date; None when it holds neither."""
    value = value.strip()
    if value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _worth_another_try(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, _BusyError) and not (error.status == _FORBIDDEN and state.attempt_number > 1)


def _too_large(url: httpx.URL, limit: int) -> FetchError:
    return FetchError(f"{safe_url(url)} has more than the allowed {limit:,} bytes; give a smaller version.")


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
