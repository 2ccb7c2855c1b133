"""Find images."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from categoriser.api.models.base import ErrorBody
from categoriser.api.models.search import FoundInfo, SearchAnswer, SearchRequest
from categoriser.api.needs import ExistingCollection, TheLibrary
from categoriser.api.request_body import inlined_schema, search_request
from categoriser.library import Collection, Filter

router = APIRouter(tags=["search"])

_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": inlined_schema(SearchRequest),
            "examples": {
                "words": {"value": {"text": "a red bicycle", "limit": 20}},
                "tags": {"value": {"filter": {"tags": ["dog"]}}},
                "alike": {"value": {"image_id": "a/cat.jpg", "filter": {"category": "unsorted"}}},
            },
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "limit": {"type": "integer", "default": 10},
                    "offset": {"type": "integer", "default": 0},
                    "min_score": {"type": "number"},
                    "category": {"type": "string"},
                    "added_from": {"type": "number"},
                    "added_before": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            }
        },
    },
}


@router.post(
    "/{collection}/search",
    summary="Find images by words, picture, image or vector",
    openapi_extra={"requestBody": _BODY},
    responses={400: {"model": ErrorBody, "description": "The encoder does not read text"}},
)
async def search_images(request: Request, library: TheLibrary, collection: ExistingCollection) -> SearchAnswer:
    """Best first."""
    wanted, picture = await search_request(request, library.settings.max_bytes)
    return await run_in_threadpool(_search, collection, wanted, picture)


def _search(collection: Collection, wanted: SearchRequest, picture: bytes | None) -> SearchAnswer:
    found = collection.search(
        text=wanted.text,
        image=picture,
        image_id=wanted.image_id,
        vector=wanted.vector,
        filter=Filter(**wanted.filter.model_dump()),
        limit=wanted.limit,
        offset=wanted.offset,
        min_score=wanted.min_score,
    )
    return SearchAnswer(
        results=[
            FoundInfo(image_id=one.image_id, score=one.score, category=one.category, label=one.label, name=one.name)
            for one in found
        ]
    )
