"""Find images, count them, and see what is alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from categoriser.api.models.base import ErrorBody
from categoriser.api.models.search import (
    EXAMPLES,
    DuplicateAnswer,
    FacetAnswer,
    FacetRequest,
    FoundGroupInfo,
    FoundInfo,
    SearchAnswer,
    SearchRequest,
    SimilarCategoryInfo,
    SimilarCategoryList,
)
from categoriser.api.needs import ExistingCollection, PageLength, TheLibrary
from categoriser.api.paths import CategoryId
from categoriser.api.request_body import inlined_schema
from categoriser.api.search_body import filter_of, search_query
from categoriser.domain import LARGEST_NUMBER, Found
from categoriser.library import Collection, SearchQuery

router = APIRouter(tags=["search"])

_PICTURES: Final = {"type": "array", "items": {"type": "string", "format": "binary"}}
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {"schema": inlined_schema(SearchRequest), "examples": EXAMPLES},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "a picture to search for"},
                    "positive": {**_PICTURES, "description": "more pictures to search for"},
                    "negative": {**_PICTURES, "description": "pictures to search against"},
                    "query": {"type": "string", "description": "everything else as JSON, in place of the fields below"},
                    "limit": {"type": "integer", "default": 10},
                    "offset": {"type": "integer", "default": 0},
                    "cursor": {"type": "string"},
                    "min_score": {"type": "number"},
                    "min_relevance": {"type": "number"},
                    "diversity": {"type": "number"},
                    "category": {"type": "string"},
                    "added_from": {"type": "number"},
                    "added_before": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            }
        },
    },
}
_NO_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorBody, "description": "The encoder does not read text, or the search makes no sense"}
}


@router.post(
    "/{collection}/search",
    summary="Find images by words, pictures, images, vectors or categories",
    openapi_extra={"requestBody": _BODY},
    responses=_NO_TEXT,
)
async def search_images(request: Request, library: TheLibrary, collection: ExistingCollection) -> SearchAnswer:
    """Best first; only what is likely meant, which may be nothing."""
    query = await search_query(request, library.settings.max_bytes)
    return await run_in_threadpool(_search, collection, query)


@router.post("/{collection}/facets", summary="Count images by category, group, month or tag", responses=_NO_TEXT)
def count_images(collection: ExistingCollection, wanted: FacetRequest) -> FacetAnswer:
    """Exact, for the whole collection or for what a filter leaves."""
    found = collection.facets(wanted.by, filter=filter_of(wanted.filter), limit=wanted.limit)
    return FacetAnswer.model_validate({"facets": [asdict(one) for one in found]})


@router.get("/{collection}/duplicates", summary="List groups of images that are nearly the same", responses=_NO_TEXT)
def list_duplicates(
    collection: ExistingCollection,
    min_score: Annotated[
        float | None, Query(gt=0, le=1, description="also group images whose vectors are that like the first's")
    ] = None,
    after: Annotated[int | None, Query(ge=-1, le=LARGEST_NUMBER, description="next of the page before")] = None,
    limit: PageLength = 100,
) -> DuplicateAnswer:
    """By the arrival of the first image of each."""
    page = collection.duplicates(min_score=min_score, after=after, limit=limit)
    return DuplicateAnswer.model_validate(asdict(page))


@router.get("/{collection}/categories/{category}/similar", summary="List the categories nearest to one")
def similar_categories(
    collection: ExistingCollection,
    category: CategoryId,
    min_score: Annotated[float | None, Query(ge=-1, le=1, description="least cosine of the middles")] = None,
    limit: PageLength = 10,
) -> SimilarCategoryList:
    """Nearest first."""
    found = collection.similar_categories(category, limit=limit, min_score=min_score)
    return SimilarCategoryList(categories=[SimilarCategoryInfo(**asdict(one)) for one in found])


def _search(collection: Collection, query: SearchQuery) -> SearchAnswer:
    page = collection.search_page(query)
    groups = None
    if page.groups is not None:
        groups = [
            FoundGroupInfo(category=one.category, label=one.label, results=[_found(image) for image in one.results])
            for one in page.groups
        ]
    results = [_found(one) for one in page.results]
    return SearchAnswer(results=results, next=page.next, groups=groups, min_relevance=page.min_relevance)


def _found(one: Found) -> FoundInfo:
    return FoundInfo(
        image_id=one.image_id,
        score=one.score,
        category=one.category,
        label=one.label,
        name=one.name,
        relevance=one.relevance,
        nearest=one.nearest,
    )
