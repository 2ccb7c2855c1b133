"""What could not be filed: list it, try it again, discard it."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from categoriser.api.models.failures import Chosen, Discarded, FailedInfo, FailedList, Retried
from categoriser.api.needs import Cursor, ExistingCollection, PageLength

router = APIRouter(prefix="/{collection}/failed", tags=["log"])


@router.get("", summary="List pictures that were accepted and cannot be filed")
def list_failed(collection: ExistingCollection, after: Cursor = 0, limit: PageLength = 100) -> FailedList:
    """With the reasons, oldest first."""
    page = collection.failed(after=after, limit=limit)
    return FailedList(
        failed=[FailedInfo(**dataclasses.asdict(one)) for one in page],
        next=page[-1].cursor if page else after,
    )


@router.post("/retry", summary="Try failed pictures again")
def retry_failed(collection: ExistingCollection, chosen: Chosen) -> Retried:
    """One, several or all; those whose bytes were not kept stay listed."""
    failures = collection.failures()
    count = failures.count(chosen.cursors)[1] if chosen.preview else failures.retry(chosen.cursors)
    return Retried(retried=count, preview=chosen.preview)


@router.post("/discard", summary="Forget failed pictures")
def discard_failed(collection: ExistingCollection, chosen: Chosen) -> Discarded:
    """One, several or all, with what was kept of them; it cannot be undone, so look with ``preview`` first."""
    failures = collection.failures()
    count = failures.count(chosen.cursors)[0] if chosen.preview else failures.discard(chosen.cursors)
    return Discarded(discarded=count, preview=chosen.preview)
