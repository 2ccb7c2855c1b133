"""For looking through a collection: a category by typicality, and one picture of it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from categoriser.api.models.browse import MemberColumns
from categoriser.api.needs import ExistingCollection
from categoriser.api.paths import CategoryId

router = APIRouter(prefix="/{collection}", tags=["categories"])


class Picture(Response):
    """Told as what it is in the description of the interface."""

    media_type = "image/jpeg"


@router.get("/members", summary="List ids of a category's images, the most typical first")
def list_members(
    collection: ExistingCollection,
    category: Annotated[str, Query(description='a category id, or "unsorted"')],
    order: Annotated[
        Literal["typical", "newest"], Query(description="of Unsorted always the newest first")
    ] = "typical",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=20_000, description="length of the page")] = 1000,
) -> MemberColumns:
    """Short, so that a grid of ten thousand pictures knows at once how long it is."""
    page = collection.members(category, order=order, offset=offset, limit=limit)
    end = offset + len(page.image_ids)
    return MemberColumns(
        total=page.total,
        image_ids=list(page.image_ids),
        scores=list(page.scores),
        doubtful=list(page.doubtful),
        next=end if end < page.total else None,
    )


@router.get("/categories/{category}/mosaic", summary="Fetch a picture of a category", response_class=Picture)
def get_mosaic(collection: ExistingCollection, category: CategoryId) -> Picture:
    """A JPEG of up to five of its images: the most typical one 256 pixels large, the others half as large beside it."""
    return Picture(collection.mosaic(category), headers={"Cache-Control": "private, max-age=86400"})
