"""What runs suggest and leave to people."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query, Response

from categoriser.api.models.curation import EditDone
from categoriser.api.models.suggestions import Dismissed, SuggestionInfo, SuggestionPage
from categoriser.api.needs import ExistingCollection, PageLength
from categoriser.api.paths import SuggestionId
from categoriser.api.routes.curation import IfMatch, answer_edit, expected_version
from categoriser.domain import LARGEST_NUMBER

router = APIRouter(prefix="/{collection}/suggestions", tags=["curation"])


@router.get("", summary="List what runs would change and leave to people")
def list_suggestions(
    collection: ExistingCollection,
    after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="id of the suggestion before the page")] = 0,
    limit: PageLength = 100,
) -> SuggestionPage:
    """They touch categories that a person locked or named, or would move more images than a run may."""
    page = collection.suggestions(after=after, limit=limit)
    return SuggestionPage(
        suggestions=[SuggestionInfo(**dataclasses.asdict(one)) for one in page],
        next=page[-1].id if len(page) == limit else None,
    )


@router.post("/{suggestion}/accept", summary="Do what a suggestion says")
def accept(
    collection: ExistingCollection, suggestion: SuggestionId, answer: Response, if_match: IfMatch = None
) -> EditDone:
    """409 when it does not hold any more."""
    return answer_edit(collection.accept(suggestion, expected=expected_version(if_match)), answer)


@router.post("/{suggestion}/dismiss", summary="Do not propose this any more")
def dismiss(collection: ExistingCollection, suggestion: SuggestionId) -> Dismissed:
    """Until what speaks for it has changed clearly."""
    collection.dismiss(suggestion)
    return Dismissed(dismissed=suggestion)
