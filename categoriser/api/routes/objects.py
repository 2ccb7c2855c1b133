"""Events of object stores: S3 and whatever writes the same JSON, such as MinIO."""

from __future__ import annotations

import hmac
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from categoriser.api.errors import CallerError, InvalidRequestError, TooLargeError
from categoriser.api.models.base import ErrorBody
from categoriser.api.models.objects import ObjectsTaken
from categoriser.api.needs import TheLibrary, TheReceiver
from categoriser.api.paths import CollectionName
from categoriser.api.request_body import json_of
from categoriser.library.objects import ObjectEvent

router = APIRouter(tags=["images"])

_MOST_BYTES: Final = 2 * 1024 * 1024
_MOST_RECORDS: Final = 1000
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {
                "Records": [
                    {
                        "eventName": "ObjectCreated:Put",
                        "s3": {"bucket": {"name": "photos"}, "object": {"key": "2024/my+cat.jpg", "eTag": "9f62…"}},
                    }
                ]
            },
        }
    },
}


@router.post(
    "/{collection}/object-events",
    summary="Take notifications of an object store",
    openapi_extra={"requestBody": _BODY},
    responses={
        400: {"model": ErrorBody, "description": "No setting says where objects are fetched"},
        401: {"model": ErrorBody, "description": "The Authorization header is not the one that was agreed on"},
        429: {"model": ErrorBody, "description": "Too many pictures of this collection wait; see Retry-After"},
    },
)
async def take_object_events(
    request: Request, library: TheLibrary, receiver: TheReceiver, collection: CollectionName
) -> ObjectsTaken:
    """Answered once nothing can be lost; new objects are fetched then, and the images of removed ones deleted."""
    _check_token(request, library.settings.uploads.object_token.get_secret_value())
    events = _events(json_of(await _body(request)))
    if not events:
        return ObjectsTaken(taken=0, removed=0, ignored=0)
    target = await receiver.target(collection)
    report = await run_in_threadpool(library.objects.take, target.row, events)
    return ObjectsTaken(taken=report.taken, removed=report.removed, ignored=report.ignored)


def _check_token(request: Request, token: str) -> None:
    """MinIO sends what it was given: as it is where it has a scheme, else after ``Bearer``."""
    if not token:
        return
    told = request.headers.get("authorization", "").encode("latin-1")
    plain, bearer = token.encode(), b"Bearer " + token.encode()
    if not hmac.compare_digest(told, plain) | hmac.compare_digest(told, bearer):
        raise CallerError("The Authorization header is not the token of object events; give both sides the same.")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLargeError(f"A notification has at most {_MOST_BYTES:,} bytes; send fewer records at a time.")
    return bytes(body)


def _events(told: Any) -> list[ObjectEvent]:
    if isinstance(told, dict) and isinstance(told.get("Message"), str):  # handed on by a notification service
        told = json_of(told["Message"].encode("utf-8", "replace"))
    if isinstance(told, dict) and "Records" not in told and told.get("Event") == "s3:TestEvent":
        return []
    records = told.get("Records") if isinstance(told, dict) else None
    if not isinstance(records, list) or len(records) > _MOST_RECORDS:
        raise InvalidRequestError(f"The body is no notification: it needs Records, a list of at most {_MOST_RECORDS}.")
    return [ObjectEvent.of(one) for one in records]
