"""Several images deleted at once."""

from __future__ import annotations

from fastapi import APIRouter

from categoriser.api.models.images import Deleted, Deletion
from categoriser.api.needs import ExistingCollection

router = APIRouter(prefix="/{collection}/deletions", tags=["images"])


@router.post("", summary="Delete several images")
def delete_images(collection: ExistingCollection, wanted: Deletion) -> Deleted:
    """With their vectors, thumbnails, stored originals and events, for good. Ids that are not there do not count."""
    return Deleted(deleted=collection.delete(wanted.image_ids))
