"""``Idempotency-Key``: the same request again gets the same answer (draft-ietf-httpapi-idempotency-key-header-07)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from categoriser.api.errors import InvalidRequestError, answer
from categoriser.catalog.collections import CollectionRow
from categoriser.errors import CategoriserError
from categoriser.library import Library
from categoriser.library.uploads import Replay

_LONGEST: Final = 255
_KEPT_HEADERS: Final = ("content-type", "location", "preference-applied")
_FINAL: Final = frozenset(  # refusals that sending the same again cannot change
    (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )
)
_MOST_KEPT: Final = 1024 * 1024  # bytes of an answer


def idempotency_key(request: Request) -> str | None:
    """The key of a request; quoted, as the draft writes it, or plain.

    Raises:
        InvalidRequestError: it is empty, too long or no printable ASCII.
    """
    told = request.headers.get("idempotency-key")
    if told is None:
        return None
    key = told.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > _LONGEST or not key.isascii() or not key.isprintable():
        raise InvalidRequestError(f"Idempotency-Key: use 1 to {_LONGEST} printable ASCII characters, such as a UUID.")
    return key


def caller_of(request: Request) -> str:
    """Who asks, so that two callers may use the same key; whoever checks keys sets ``request.state.caller``."""
    return str(getattr(request.state, "caller", ""))[:_LONGEST]


async def once(
    library: Library,
    row: CollectionRow,
    request: Request,
    fingerprint: Callable[[], Awaitable[str]],
    respond: Callable[[], Awaitable[Response]],
) -> Response:
    """Answer a request; one that has a key only once.

    Args:
        library: remembers keys.
        row: of the collection.
        request: its key and caller.
        fingerprint: of what is asked, computed only if there is a key.
        respond: does it.

    Raises:
        InProgressError: a request with the same key is being answered.
        ReusedKeyError: the key came with another request.
    """
    key = idempotency_key(request)
    if key is None:
        return await respond()
    uploads = library.uploads
    attempt = await run_in_threadpool(uploads.begin, row, caller_of(request), key, await fingerprint())
    if isinstance(attempt, Replay):
        return Response(attempt.body, attempt.status, {**attempt.headers, "Idempotency-Replayed": "true"})
    try:
        try:
            response = await respond()
        except CategoriserError as error:
            response = answer(error)
    except BaseException:
        await run_in_threadpool(uploads.release, attempt)
        raise
    body = bytes(response.body)
    final = response.status_code < HTTPStatus.BAD_REQUEST or response.status_code in _FINAL
    if final and len(body) <= _MOST_KEPT:
        kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        await run_in_threadpool(uploads.finish, attempt, response.status_code, kept, body)
    else:
        await run_in_threadpool(uploads.release, attempt)
    return response
