"""The trail: who changed what and who was refused."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query

from categoriser.api.models.access import AuditEntry, AuditPage
from categoriser.api.needs import PageLength, TheLibrary
from categoriser.domain import LARGEST_NUMBER

router = APIRouter(tags=["access"])


@router.get("/audit", summary="Read who changed what and who was refused")
def list_audit(
    library: TheLibrary,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="cursor before which it begins")] = None,
    who: Annotated[str | None, Query(max_length=40, description="public part of a key")] = None,
    collection: Annotated[str | None, Query(max_length=255, description="name of a collection")] = None,
    denied: Annotated[bool | None, Query(description="only what was refused, or only what was not")] = None,
    limit: PageLength = 100,
) -> AuditPage:
    """The newest first. No bodies, no secrets."""
    page = library.access.trail.page(before=before, who=who, collection=collection, denied=denied, limit=limit)
    return AuditPage(
        entries=[AuditEntry(**dataclasses.asdict(one)) for one in page],
        next=page[-1].cursor if len(page) == limit else None,
    )
