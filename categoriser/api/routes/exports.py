"""Everything out again: streams that are made as they are sent and can go on where they broke."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from categoriser.api.models.base import ErrorBody
from categoriser.api.needs import ExistingCollection
from categoriser.api.resuming import attachment, resumable
from categoriser.library.exports import STYLES, Selection, StreamStyle

router = APIRouter(prefix="/{collection}/export", tags=["exports"])

IfRange = Annotated[str | None, Header(alias="If-Range", description="the ETag of the download that broke")]
Moment = Annotated[float | None, Query(allow_inf_nan=False, description="seconds since the epoch")]

_BYTES: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_CONTENT: Final = {form.media_type: _BYTES for form in STYLES.values()}


@router.get(
    "",
    summary="Download images with their categories",
    response_class=Response,
    responses={
        200: {"description": "The whole export", "content": _CONTENT},
        206: {"description": "The rest of one that broke", "content": _CONTENT},
        416: {"model": ErrorBody, "description": "There are fewer bytes"},
    },
)
def export_images(
    collection: ExistingCollection,
    style: Annotated[StreamStyle, Query(description="zip: a folder per category; parquet: with vectors")] = "jsonl",
    category: Annotated[str | None, Query(max_length=64, description='only of this id, or "unsorted"')] = None,
    added_from: Moment = None,
    added_before: Moment = None,
    tags: Annotated[bool, Query(description="with the words that fit each image")] = False,
    nested: Annotated[bool, Query(description="in zip: folders of categories within folders of their groups")] = False,
    wanted: Annotated[str | None, Header(alias="Range", description="bytes=N- goes on behind N bytes")] = None,
    if_range: IfRange = None,
) -> Response:
    """Complete as of now; nothing is left out. A download that broke goes on with ``Range`` and ``If-Range``."""
    selection = Selection(category, added_from, added_before)
    exporter = collection.exporter(tags=tags, nested=nested, selection=selection)
    return resumable(
        lambda: exporter.chunks(style),
        mark=exporter.mark(style),
        media_type=STYLES[style].media_type,
        file_name=f"{collection.name}-{STYLES[style].file_name}",
        wanted=wanted,
        if_range=if_range,
    )


@router.get(
    "/everything",
    summary="Download all that is known about a collection",
    response_class=Response,
    responses={200: {"description": "A ZIP archive", "content": {"application/zip": _BYTES}}},
)
def export_everything(collection: ExistingCollection) -> Response:
    """Pictures, vectors, categories, history, corrections, names and views, with a manifest of counts and SHA-256."""
    headers = {
        "Content-Disposition": attachment(f"{collection.name}-everything.zip"),
        "Cache-Control": "private, no-cache",
    }
    return StreamingResponse(collection.everything(), media_type="application/zip", headers=headers)
