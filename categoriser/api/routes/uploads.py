"""The upload hook: pictures in, categories out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from categoriser.api.idempotency import once
from categoriser.api.models.base import ErrorBody, ErrorDetail
from categoriser.api.models.uploads import (
    Address,
    Addresses,
    PromisedPicture,
    UploadAccepted,
    Uploaded,
    UploadReport,
    UploadResult,
)
from categoriser.api.needs import hot_path
from categoriser.api.paths import CollectionName
from categoriser.api.receiving import Outcome, Receiver, Target
from categoriser.api.request_body import inlined_schema
from categoriser.api.upload_body import Upload, uploaded
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed
from categoriser.errors import CategoriserError, code_of
from categoriser.library import Collection
from categoriser.library.searching import label_of
from categoriser.pipeline import Promised

router = APIRouter(tags=["images"])

_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "description": "one picture or several; as files instead of file the answer is always a report",
                    },
                    "id": {**_TEXTS, "description": "none, or one per picture; without it the content decides"},
                    "metadata": {**_TEXTS, "description": "JSON objects: none, one for all, or one per picture"},
                },
            }
        },
        "image/jpeg": {
            "schema": {
                "type": "string",
                "format": "binary",
                "description": "one picture as it is, of any image type; id, name and metadata in the query",
            }
        },
        "application/json": {
            "schema": {"oneOf": [inlined_schema(Address), inlined_schema(Addresses)]},
            "examples": {
                "one": {"value": {"url": "https://example.org/cat.jpg", "metadata": {"album": 7}}},
                "several": {"value": {"images": [{"url": "https://example.org/cat.jpg", "id": "a/cat.jpg"}]}},
            },
        },
    },
}


_HEADERS: Final = [
    {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string"},
        "description": "respond-async: answer 202 once the pictures are durable, before they are filed",
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "maxLength": 257},
        "description": "the same request with the same key again gets the same answer",
    },
    *(
        {
            "name": name,
            "in": "query",
            "schema": {"type": "string"},
            "description": f"of a picture sent as it is: {what}",
        }
        for name, what in (("id", "yours"), ("name", "for people"), ("metadata", "a JSON object"))
    ),
]


@router.post(
    "/{collection}/images",
    summary="Upload pictures, and wait for their categories or not",
    status_code=201,
    response_model=Uploaded | UploadReport,
    openapi_extra={"requestBody": _BODY, "parameters": _HEADERS},
    responses={
        200: {"model": Uploaded | UploadReport, "description": "Known already, or a report on several pictures"},
        202: {"model": UploadAccepted, "description": "Durable; Location says where to ask what became of it"},
        408: {"model": ErrorBody, "description": "The body came too slowly"},
        409: {
            "model": ErrorBody,
            "description": "The id belongs to another picture, or the key to a request under way",
        },
        413: {"model": ErrorBody, "description": "Too large"},
        415: {"model": ErrorBody, "description": "Neither multipart, nor a picture, nor JSON"},
        429: {"model": ErrorBody, "description": "Too many pictures of this collection wait; see Retry-After"},
        503: {"model": ErrorBody, "description": "Too much under way; try again after Retry-After seconds"},
    },
)
async def upload_images(request: Request, collection: CollectionName) -> Response:
    """The collection is made if need be. One picture is answered on its own, several by a report on each.

    With ``Prefer: respond-async`` the answer is 202 with an upload id, as soon as nothing can be lost any more.
    """
    library, receiver = hot_path(request)
    async with uploaded(request, library.settings.max_bytes) as upload:
        target = await receiver.target(collection)

        async def respond() -> Response:
            if _prefers_async(request):
                return await _promise(receiver, target, upload)
            return await _file(receiver, target, upload)

        return await once(library, target.row, request, upload.fingerprint, respond)


async def _file(receiver: Receiver, target: Target, upload: Upload) -> Response:
    outcomes = await receiver.file(target.row, upload.parts)
    if not upload.single:
        report = await run_in_threadpool(_report, target.collection, outcomes)
        return _json(report, 200)
    outcome = outcomes[0][1]
    if isinstance(outcome, CategoriserError):
        raise outcome
    return _json(_just_filed(target.row, outcome), 200 if outcome.known else 201)


async def _promise(receiver: Receiver, target: Target, upload: Upload) -> Response:
    if upload.single and upload.parts[0].refused is not None:
        raise upload.parts[0].refused
    token, promised = await receiver.promise(target.row, upload.parts)
    refused = [one.refused for one in promised if one.refused is not None]
    if upload.single and refused:
        raise refused[0]
    body = UploadAccepted(
        upload_id=token,
        waiting=len(promised) - len(refused),
        refused=len(refused),
        results=[_promised(one) for one in promised],
    )
    where = f"/v1/collections/{quote(target.row.name, safe='')}/uploads/{token}"
    return _json(body, 202, {"Location": where, "Preference-Applied": "respond-async"})


def _promised(one: Promised) -> PromisedPicture:
    if one.refused is not None:
        error = ErrorDetail(code=code_of(one.refused), message=str(one.refused))
        return PromisedPicture(name=one.name, status="refused", error=error)
    return PromisedPicture(name=one.name, status="waiting", image_id=one.entry["image_id"])


def _prefers_async(request: Request) -> bool:
    wanted = (one.partition(";")[0].strip().lower() for one in ",".join(request.headers.getlist("prefer")).split(","))
    return "respond-async" in wanted


def _json(body: BaseModel, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status, headers, media_type="application/json")


def _report(collection: Collection, outcomes: Sequence[tuple[str, Outcome]]) -> UploadReport:
    filed = iter(_uploaded(collection, [outcome for _, outcome in outcomes if isinstance(outcome, Filed)]))
    results = [
        _refused(name, outcome) if isinstance(outcome, CategoriserError) else _result(name, next(filed))
        for name, outcome in outcomes
    ]
    count = [result.status for result in results].count
    return UploadReport(filed=count("filed"), known=count("known"), refused=count("refused"), results=results)


def _result(name: str, image: Uploaded) -> UploadResult:
    return UploadResult(name=name, status="known" if image.known else "filed", image=image)


def _refused(name: str, error: CategoriserError) -> UploadResult:
    return UploadResult(name=name, status="refused", error=ErrorDetail(code=code_of(error), message=str(error)))


def _just_filed(row: CollectionRow, filed: Filed) -> Uploaded:
    number = None if filed.category is None else row.category_number(filed.category)
    return _as_answer(filed, filed.category, label_of(number, filed.label), filed.tentative)


def _uploaded(collection: Collection, filed: Sequence[Filed]) -> list[Uploaded]:
    """With the categories as of now: a run may have moved images since they were filed, or somebody deleted them."""
    images = collection.images_by_id([one.image_id for one in filed])
    answers = []
    for one in filed:
        image = images.get(one.image_id)
        if image is None:
            answers.append(_as_answer(one, one.category, None, one.tentative))
        else:
            answers.append(_as_answer(one, image.category, image.label, image.tentative))
    return answers


def _as_answer(filed: Filed, category: str | None, label: str | None, tentative: bool) -> Uploaded:
    return Uploaded(
        image_id=filed.image_id,
        category=category,
        label=label,
        known=filed.known,
        stacked_on=filed.stacked_on,
        tentative=tentative,
    )
