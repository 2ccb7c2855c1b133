"""For looking through a collection: a category by typicality, and one picture of it."""

from __future__ import annotations

import base64
from contextlib import suppress
from enum import IntEnum
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Query, Response

from categoriser.api.models.browse import DialPreview, DriftInfo, MapColumns, MemberColumns, MosaicList
from categoriser.api.needs import ExistingCollection, TheLibrary, ViewName, existing
from categoriser.api.paths import CategoryId, CollectionName
from categoriser.domain import LARGEST_NUMBER
from categoriser.errors import NotFoundError
from categoriser.library.browsing import DRIFTING

_A_DAY: Final = "private, max-age=86400"
router = APIRouter(prefix="/{collection}", tags=["categories"])


class Picture(Response):
    """Told as what it is in the description of the interface."""

    media_type = "image/jpeg"


class MosaicWidth(IntEnum):
    """Few, so that each is made once."""

    PLAIN = 336
    FINE = 512


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
        tentative=list(page.tentative),
        next=end if end < page.total else None,
    )


@router.get("/map", summary="Fetch a place on the map for every image")
def get_map(
    collection: ExistingCollection,
    after: Annotated[int, Query(ge=-1, le=LARGEST_NUMBER, description="what the page before said")] = -1,
    limit: Annotated[int, Query(ge=1, le=100_000, description="length of the page")] = 50_000,
) -> MapColumns:
    """What is alike lies together, flat and in space. New images take their places and move nobody."""
    page = collection.map(after=after, limit=limit)
    distinct = list(dict.fromkeys(page.categories))
    number = {category: place for place, category in enumerate(distinct)}
    return MapColumns(
        ready=page.ready,
        edition=page.edition,
        image_ids=list(page.image_ids),
        categories=distinct,
        category_of=_base64(np.asarray([number[one] for one in page.categories], "<i4")),
        flat=_base64(page.flat.astype("<f4")),
        space=_base64(page.space.astype("<f4")),
        next=page.following,
    )


@router.get("/drift", summary="Tell how far categories have moved since they got their names")
def get_drift(collection: ExistingCollection) -> DriftInfo:
    """Categories that never had a name are left out. The name of one that drifts is looked at again by the next run."""
    return DriftInfo(drifting_from=DRIFTING, categories=dict(collection.drift()))


@router.get("/dial", summary="Preview how many categories each setting of the dial would give")
def get_dial(collection: ExistingCollection) -> DialPreview:
    """Nothing is changed; it takes as long as three previews of a run."""
    found = {str(setting): count for setting, count in collection.preview_dial().items()}
    return DialPreview(now=collection.row.granularity, categories=found)


def _base64(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


@router.get("/categories/{category}/mosaic", summary="Fetch a picture of a category", response_class=Picture)
def get_mosaic(
    library: TheLibrary,
    collection: CollectionName,
    category: CategoryId,
    width: Annotated[MosaicWidth, Query(description="pixels; the finer one is for finer screens")] = MosaicWidth.FINE,
    view: ViewName = None,
) -> Picture:
    """A JPEG of up to five of its images: the most typical one half as wide, the others half as large beside it."""
    found = existing(library, collection, view).mosaic(category, width=width)
    return Picture(found, headers={"Cache-Control": _A_DAY})


@router.get("/mosaics", summary="Fetch pictures of several categories at once")
def list_mosaics(
    library: TheLibrary,
    collection: CollectionName,
    category: Annotated[
        list[str], Query(min_length=1, max_length=32, description="ids; what has no picture is left out")
    ],
    response: Response,
    width: Annotated[MosaicWidth, Query(description="pixels; the finer one is for finer screens")] = MosaicWidth.FINE,
    view: ViewName = None,
) -> MosaicList:
    """The same JPEGs as one by one, in base64, for whoever shows dozens of them at once."""
    found = existing(library, collection, view)
    pictures = {}
    for one in category:
        with suppress(NotFoundError):
            pictures[one] = base64.b64encode(found.mosaic(one, width=width)).decode("ascii")
    response.headers["Cache-Control"] = _A_DAY
    return MosaicList(mosaics=pictures)
