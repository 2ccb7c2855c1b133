"""Where a request carries a key or token: ``Authorization: Bearer``, or the cookie of a browser session."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers

from categoriser.api.errors import InvalidRequestError
from categoriser.errors import ForbiddenError, UnauthenticatedError

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST: Final = 4096
_IN_ADDRESS: Final = frozenset({"api_key", "apikey", "access_token", "authorization"})
_KEY: Final = re.compile(r"cat_[a-z0-9]{12}_[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Shown:
    """A key or token as it came."""

    text: str = field(repr=False)
    by_cookie: bool = False


def cookie_name(*, secure: bool) -> str:
    """Name of the session's cookie; over https one that no other host and no unsafe page can set (RFC 6265bis)."""
    return "__Host-categoriser" if secure else "categoriser_session"


def shown_by(headers: Headers, *, secure: bool) -> Shown | None:
    """The key or token of a request; the header comes before the cookie.

    Raises:
        UnauthenticatedError: the header is there, and is none.
    """
    given = headers.getlist("authorization")
    if len(given) > 1:
        raise UnauthenticatedError("There is more than one Authorization header; send one.")
    if given:
        scheme, _, text = given[0].strip().partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text or not text.isascii() or len(text) > _LONGEST:
            raise UnauthenticatedError("The Authorization header must be: Bearer, and a key or token.", guessed=True)
        return Shown(text)
    return _cookie(headers, cookie_name(secure=secure))


def refuse_in_address(query: bytes) -> None:
    """Addresses end up in logs, histories and other people's messages.

    Raises:
        InvalidRequestError: there is a key or token in the query.
    """
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name.lower() in _IN_ADDRESS or _KEY.search(value) or _KEY.search(name):
            raise InvalidRequestError(
                "A key must not stand in the address: send it as the header Authorization: Bearer, and revoke this one."
            )


def check_same_origin(headers: Headers) -> None:
    """Whether a change that a browser asks for with its cookie comes from this service's own page.

    Raises:
        ForbiddenError: it comes from another page, or does not say where from.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    try:
        own = origin is not None and urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:
        own = False
    if (site is not None and site != "same-origin") or (origin is not None and not own) or (site is None and not own):
        raise ForbiddenError(
            "With a browser's session, changes are taken from this service's own page only; send a key instead."
        )


def _cookie(headers: Headers, name: str) -> Shown | None:
    for line in headers.getlist("cookie"):
        try:
            found = SimpleCookie(line[: 4 * _LONGEST]).get(name)
        except CookieError:
            continue
        if found is not None and found.value and found.value.isascii() and len(found.value) <= _LONGEST:
            return Shown(found.value, by_cookie=True)
    return None
