"""A user's complete deletion, with proof."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from categoriser.api.access import TheVisit
from categoriser.api.models.access import ErasureRequest, ErasureView
from categoriser.api.models.base import ErrorBody
from categoriser.api.needs import TheLibrary
from categoriser.api.paths import CollectionName
from categoriser.errors import ConfigurationError
from categoriser.library.erasing import erase, preview_erasure

router = APIRouter(prefix="/{collection}/erasure", tags=["collections"])


@router.post(
    "",
    summary="Delete all that there is about a user, and prove it",
    responses={400: {"model": ErrorBody, "description": "It was not confirmed"}},
)
def erase_collection(
    library: TheLibrary, visit: TheVisit, collection: CollectionName, wanted: ErasureRequest
) -> ErasureView:
    """Counts before and after of every table, of the vector store and of files. Rights to the name end with it."""
    if wanted.preview:
        return ErasureView(**dataclasses.asdict(preview_erasure(library, collection)))
    if wanted.confirm != collection:
        raise ConfigurationError(
            f"This deletes all there is about {collection!r}; send its name as confirm, or preview."
        )
    report = erase(library, collection)
    visit.collection = report.key  # the trail keeps no name of what is gone
    return ErasureView(**dataclasses.asdict(report))
