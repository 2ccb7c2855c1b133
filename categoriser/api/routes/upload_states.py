"""What became of uploads that were answered before they were filed."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Path, Query

from categoriser.api.models.base import ErrorDetail
from categoriser.api.models.uploads import UploadedPictureInfo, UploadInfo, UploadPage
from categoriser.api.needs import ExistingCollection, PageLength, TheLibrary
from categoriser.library.uploads import Upload, UploadedPicture

router = APIRouter(prefix="/{collection}/uploads", tags=["images"])


@router.get("", summary="List uploads that were answered with 202")
def list_uploads(
    library: TheLibrary,
    collection: ExistingCollection,
    after: Annotated[str | None, Query(max_length=64, description="id of the upload before the page")] = None,
    limit: PageLength = 100,
) -> UploadPage:
    """Newest first, as long as they are remembered."""
    page = library.uploads.page(collection.row, after=after, limit=limit)
    return UploadPage(uploads=[_described(one) for one in page], next=page[-1].id if len(page) == limit else None)


@router.get("/{upload_id}", summary="Ask what became of an upload")
def get_upload(
    library: TheLibrary, collection: ExistingCollection, upload_id: Annotated[str, Path(max_length=64)]
) -> UploadInfo:
    """Each picture waits, was filed, refused or deleted since; with categories as of now."""
    return _described(library.uploads.get(collection.row, upload_id))


def _described(upload: Upload) -> UploadInfo:
    count = Counter(one.state for one in upload.pictures)
    return UploadInfo(
        upload_id=upload.id,
        status="waiting" if count["waiting"] else "done",
        accepted_at=upload.accepted_at,
        expires_at=upload.expires_at,
        waiting=count["waiting"],
        filed=count["filed"],
        refused=count["refused"],
        deleted=count["deleted"],
        results=[_picture(one) for one in upload.pictures],
    )


def _picture(one: UploadedPicture) -> UploadedPictureInfo:
    code = one.code or "unreachable"
    return UploadedPictureInfo(
        name=one.name,
        status=one.state,
        image_id=one.image_id,
        category=one.category,
        label=one.label,
        stacked_on=one.stacked_on,
        tentative=one.tentative,
        error=None if one.reason is None else ErrorDetail(code=code, message=one.reason),
        attempts=one.attempts,
        retry_at=one.retry_at,
    )
