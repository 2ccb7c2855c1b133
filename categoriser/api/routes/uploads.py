"""The upload hook: pictures in, categories out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from categoriser.api.models.base import ErrorBody, ErrorDetail
from categoriser.api.models.uploads import Address, Addresses, Uploaded, UploadReport, UploadResult
from categoriser.api.needs import TheLibrary, TheReceiver
from categoriser.api.paths import CollectionName
from categoriser.api.receiving import Outcome
from categoriser.api.request_body import inlined_schema, uploaded_pictures
from categoriser.domain import Filed
from categoriser.errors import CategoriserError, code_of
from categoriser.library import Collection

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
        "application/json": {
            "schema": {"oneOf": [inlined_schema(Address), inlined_schema(Addresses)]},
            "examples": {
                "one": {"value": {"url": "https://example.org/cat.jpg", "metadata": {"album": 7}}},
                "several": {"value": {"images": [{"url": "https://example.org/cat.jpg", "id": "a/cat.jpg"}]}},
            },
        },
    },
}


@router.post(
    "/{collection}/images",
    summary="Upload pictures and wait for their categories",
    status_code=201,
    response_model=Uploaded | UploadReport,
    openapi_extra={"requestBody": _BODY},
    responses={
        200: {"model": Uploaded | UploadReport, "description": "Known already, or a report on several pictures"},
        409: {"model": ErrorBody, "description": "The id belongs to another picture"},
        413: {"model": ErrorBody, "description": "Too large"},
        503: {"model": ErrorBody, "description": "Too much under way; try again after Retry-After seconds"},
    },
)
async def upload_images(
    request: Request, response: Response, library: TheLibrary, receiver: TheReceiver, collection: CollectionName
) -> Uploaded | UploadReport:
    """The collection is made if need be. One picture is answered on its own, several by a report on each."""
    async with uploaded_pictures(request, receiver.budget, library.settings.max_bytes) as pictures:
        target = await run_in_threadpool(library.collection_for_pictures, collection)
        outcomes = await receiver.file(target, pictures.sent)
    if pictures.single:
        outcome = outcomes[0][1]
        if isinstance(outcome, CategoriserError):
            raise outcome
        response.status_code = 200 if outcome.known else 201
        return (await run_in_threadpool(_uploaded, target, [outcome]))[0]
    response.status_code = 200
    return await run_in_threadpool(_report, target, outcomes)


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


def _uploaded(collection: Collection, filed: Sequence[Filed]) -> list[Uploaded]:
    """With the categories as of now: a run may have moved images since they were filed, or somebody deleted them."""
    images = collection.images_by_id([one.image_id for one in filed])
    answers = []
    for one in filed:
        image = images.get(one.image_id)
        answers.append(
            Uploaded(
                image_id=one.image_id,
                category=one.category if image is None else image.category,
                label=None if image is None else image.label,
                known=one.known,
                stacked_on=one.stacked_on,
            )
        )
    return answers
