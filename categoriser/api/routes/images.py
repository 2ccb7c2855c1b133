"""Stored images: list, look, fetch, delete."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from categoriser.api.models.base import ErrorBody
from categoriser.api.models.images import Deleted, ImageDetails, ImageInfo, ImagePage, MembershipInfo, TagInfo, TagList
from categoriser.api.needs import ExistingCollection, PageLength
from categoriser.api.paths import ImageId
from categoriser.domain import Image, Tag
from categoriser.errors import NotFoundError
from categoriser.intake.formats import picture_format

router = APIRouter(prefix="/{collection}/images", tags=["images"])

_MEDIA_TYPES: Final = {"heif": "image/heic"}  # the others are named like their format
_HEAD: Final = 512  # bytes that tell the format
_FILE_HEADERS: Final = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@router.get("", summary="List images in order of arrival")
def list_images(
    collection: ExistingCollection,
    category: Annotated[str | None, Query(description='a category id, or "unsorted"')] = None,
    after: Annotated[str | None, Query(description="id of the image before the page")] = None,
    limit: PageLength = 100,
) -> ImagePage:
    """Of one category, of Unsorted, or all."""
    page = collection.images(category=category, after=after, limit=limit)
    return ImagePage(images=[_described(image) for image in page], next=page[-1].id if len(page) == limit else None)


@router.get("/{image_id:path}/thumbnail", summary="Fetch an image's thumbnail", response_class=FileResponse)
def get_thumbnail(collection: ExistingCollection, image_id: ImageId) -> FileResponse:
    """A JPEG."""
    return FileResponse(collection.thumbnail(image_id), media_type="image/jpeg", headers=_FILE_HEADERS)


@router.get("/{image_id:path}/original", summary="Fetch an image's original file", response_class=FileResponse)
def get_original(collection: ExistingCollection, image_id: ImageId) -> FileResponse:
    """As it came, to be saved rather than shown."""
    path = collection.original(image_id)
    with path.open("rb") as file:
        kind = picture_format(file.read(_HEAD))
    return FileResponse(
        path,
        media_type=_MEDIA_TYPES.get(kind, f"image/{kind}") if kind else "application/octet-stream",
        filename=_file_name(collection.image(image_id)),
        headers=_FILE_HEADERS,
    )


@router.get(
    "/{image_id:path}/tags",
    summary="Fetch the words that fit an image",
    responses={400: {"model": ErrorBody, "description": "Its collection has no vocabulary"}},
)
def get_tags(collection: ExistingCollection, image_id: ImageId) -> TagList:
    """Best first. The first time for an encoder it reads the whole vocabulary, which may take minutes."""
    return TagList(tags=_tags(collection.tags(image_id)))


@router.get("/{image_id:path}", summary="Look at an image")
def get_image(collection: ExistingCollection, image_id: ImageId) -> ImageDetails:
    """Its category, up to two others that it is near to, and what is known about it."""
    image = collection.image(image_id, tags=True)
    near = [MembershipInfo(**dataclasses.asdict(one)) for one in collection.memberships(image_id)]
    tags = None if image.tags is None else _tags(image.tags)
    return ImageDetails(**_described(image).model_dump(), memberships=near, tags=tags)


@router.delete("/{image_id:path}", summary="Delete an image")
def delete_image(collection: ExistingCollection, image_id: ImageId) -> Deleted:
    """With its vector, thumbnail, stored original and events."""
    count = collection.delete(image_id)
    if not count:
        raise NotFoundError(f"Collection {collection.name!r} has no image {image_id!r}.")
    return Deleted(deleted=count)


def _described(image: Image) -> ImageInfo:
    return ImageInfo(
        id=image.id,
        category=image.category,
        label=image.label,
        name=image.name,
        url=image.source if image.source and "://" in image.source else None,  # paths of this machine stay here
        added_at=image.added_at,
        width=image.width,
        height=image.height,
        sha256=image.sha256,
        stacked_on=image.stacked_on,
        tentative=image.tentative,
        metadata=dict(image.metadata),
    )


def _tags(tags: Sequence[Tag]) -> list[TagInfo]:
    return [TagInfo(word=one.word, score=one.score) for one in tags]


def _file_name(image: Image) -> str:
    name = (image.name or image.id).replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name.encode(errors="replace").decode() or "image"
