"""Answers that are no success, as the errors that the same call raises in Python."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx

from categoriser import errors
from categoriser.errors import CategoriserError


class ServiceError(CategoriserError):
    """The service answered something that a caller can only pass on, or did not answer at all.

    ``status``: of HTTP, None without an answer. ``code``: the word for programs, where there was one.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def _word(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Error")).lower()


_KINDS: Final[dict[str, type[CategoriserError]]] = {
    _word(name): kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, CategoriserError)
} | {
    "too_large": errors.RejectedError,
    "invalid_request": errors.ConfigurationError,
    "unsupported_media": errors.RejectedError,
}


def checked(answer: httpx.Response, also: frozenset[int] = frozenset()) -> httpx.Response:
    """The answer, if it is a success or of a status in ``also``; its body must have been read.

    Raises:
        CategoriserError: of the class that the service raised.
    """
    if answer.is_success or answer.status_code in also:
        return answer
    code, message = _told(answer)
    kind = _KINDS.get(code or "")
    if kind is None:
        raise ServiceError(
            f"The service answered {answer.status_code}: {message}", status=answer.status_code, code=code
        )
    raise kind(message)


def unreachable(error: httpx.TransportError, url: httpx.URL) -> ServiceError:
    """That there was no answer."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return ServiceError(
        f"The service at {url} did not answer ({reason.rstrip('.')}); check its address, and that it runs."
    )


def _told(answer: httpx.Response) -> tuple[str | None, str]:
    try:
        told: Any = answer.json()["error"]
        return str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError):  # something in between answered
        return None, answer.text[:200].strip() or answer.reason_phrase
