"""Views: other groupings of the same pictures. Everything else about one is asked with ``?view=NAME``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from categoriser.api.models.images import Deleted
from categoriser.api.models.views import (
    Attributes,
    CandidateTerms,
    DescribedInfo,
    DescribeRequest,
    EstimateRequest,
    RefusedText,
    TermsRequest,
    TextReport,
    ViewEstimateInfo,
    ViewInfo,
    ViewPage,
    ViewRequest,
    ViewTexts,
)
from categoriser.api.needs import PageLength, TheLibrary
from categoriser.api.paths import CollectionName
from categoriser.domain import Filed, Refused
from categoriser.library import View
from categoriser.library.view_describing import describe_some

router = APIRouter(prefix="/{collection}/views", tags=["views"])

NameQuery = Annotated[str, Query(max_length=200, description="name of the view")]


@router.get("", summary="List views")
def list_views(library: TheLibrary, collection: CollectionName, after: str = "", limit: PageLength = 100) -> ViewPage:
    """By name."""
    page = library.collection(collection, create=False).views(after=after, limit=limit)
    return ViewPage(views=[_described(view) for view in page], next=page[-1].name if len(page) == limit else None)


@router.post("", summary="Make a view", status_code=201)
def create_view(library: TheLibrary, collection: CollectionName, wanted: ViewRequest, answer: Response) -> ViewInfo:
    """Or open one that is there and was made with the same; then the answer is 200."""
    owner = library.collection(collection, create=False)
    if any(view.name == wanted.name for view in owner.views(limit=1_000_000)):
        answer.status_code = 200
    view = owner.view(
        wanted.name,
        criterion=wanted.criterion,
        from_metadata=wanted.from_metadata,
        terms=wanted.terms,
        categories=wanted.categories,
        encoder=wanted.encoder,
        create=True if wanted.texts else None,
    )
    report = _reported(view.add_texts(wanted.texts)) if wanted.texts else None
    return _described(view).model_copy(update={"texts": report})


@router.post("/estimate", summary="Ask what a view would take")
def estimate_view(library: TheLibrary, collection: CollectionName, wanted: EstimateRequest) -> ViewEstimateInfo:
    """Images, texts and questions to a model; nothing is asked and nothing is made."""
    owner = library.collection(collection, create=False)
    found = owner.estimate_view(
        criterion=wanted.criterion, terms=wanted.terms, from_metadata=wanted.from_metadata or None
    )
    return ViewEstimateInfo.model_validate(dataclasses.asdict(found))


@router.post("/terms", summary="Ask the language model for terms")
def ask_terms(library: TheLibrary, collection: CollectionName, wanted: TermsRequest) -> CandidateTerms:
    """One question, asked once per criterion; pass what suits you as ``terms`` when you make the view."""
    owner = library.collection(collection, create=False)
    before = owner.estimate_terms(wanted.criterion)
    terms = [] if wanted.dry_run else owner.candidate_terms(wanted.criterion)
    return CandidateTerms(terms=terms, model=before.model, questions=before.questions, tokens=before.tokens)


@router.post("/texts", summary="Add texts to a view")
def add_texts(library: TheLibrary, collection: CollectionName, view: NameQuery, given: ViewTexts) -> TextReport:
    """By image id; the same again changes nothing."""
    return _reported(library.collection(collection, create=False).view(view).add_texts(given.texts))


@router.post("/descriptions", summary="Have pictures described for a view")
def describe_view(
    library: TheLibrary, collection: CollectionName, view: NameQuery, wanted: DescribeRequest
) -> DescribedInfo:
    """By the model in naming.captions, a few at a time; nothing is described twice, and whoever stops can go on."""
    found = library.collection(collection, create=False).view(view)
    after = -1 if wanted.after is None else wanted.after
    done = describe_some(found, library.settings.naming, pictures=wanted.pictures, after=after)
    return DescribedInfo(
        described=done.described,
        filed=done.filed,
        left=done.left,
        failed=[RefusedText(image_id=one.item, reason=one.reason) for one in done.failed],
        seconds=done.seconds,
        next=done.next,
    )


@router.get("/attributes", summary="What each view says an image is")
def get_attributes(
    library: TheLibrary, collection: CollectionName, image_id: Annotated[str, Query(max_length=1024)]
) -> Attributes:
    """The name of its category in every view; null where it is uncertain."""
    found = library.collection(collection, create=False).attributes(image_id)
    return Attributes(image_id=image_id, attributes=found)


@router.delete("", summary="Delete a view; the pictures stay")
def delete_view(library: TheLibrary, collection: CollectionName, view: NameQuery) -> Deleted:
    """With its categories, texts, corrections and history."""
    return Deleted(deleted=library.collection(collection, create=False).delete_view(view))


def _described(view: View) -> ViewInfo:
    row, made = view.row, view.made_with
    return ViewInfo(
        name=view.name,
        criterion=made.criterion,
        images=len(view),
        categories=row.wanted or 0,
        from_metadata=made.spec.get("from_metadata"),
        terms=len(made.spec.get("terms", {}).get("words", ())),
        encoder=row.encoder_spec,
        last_run_at=row.last_run_at,
        taxonomy_version=row.taxonomy_version,
    )


def _reported(answers: Sequence[Filed | Refused]) -> TextReport:
    refused = [one for one in answers if isinstance(one, Refused)]
    known = sum(isinstance(one, Filed) and one.known for one in answers)
    return TextReport(
        filed=len(answers) - known - len(refused),
        known=known,
        refused=[RefusedText(image_id=one.item, reason=one.reason) for one in refused],
    )
