"""What people change: plans, corrections, history, undo. ``If-Match`` with the taxonomy version guards an edit."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from categoriser.api.errors import InvalidRequestError
from categoriser.api.models.curation import (
    AsOf,
    CategoryEdit,
    CollectionEdit,
    EditDone,
    Halves,
    ImageEdit,
    MergeEdit,
    PairEdit,
    PlanInfo,
    SplitEdit,
    VersionInfo,
    VersionPage,
    WhyInfo,
)
from categoriser.api.needs import ExistingCollection, PageLength
from categoriser.api.paths import CategoryId, EventCursor, ImageId, Version
from categoriser.domain import LARGEST_NUMBER, Edit

router = APIRouter(prefix="/{collection}", tags=["curation"])


IfMatch = Annotated[str | None, Header(alias="If-Match", description="the taxonomy version that you looked at")]


@router.get("/plan", summary="Preview a run")
def get_plan(collection: ExistingCollection) -> PlanInfo:
    """What a run would change now, step by step; nothing is changed. Apply it, or some steps, with POST …/runs."""
    return PlanInfo.model_validate(dataclasses.asdict(collection.plan()))


@router.post("/moves", summary="Put images into a category, or into a new one")
def move(collection: ExistingCollection, edit: ImageEdit, answer: Response, if_match: IfMatch = None) -> EditDone:
    """They never move by themselves again."""
    done = collection.move(edit.image_ids, edit.category, label=edit.label, expected=expected_version(if_match))
    return answer_edit(done, answer)


@router.post("/rejections", summary="Say that images are not what their category is")
def reject(collection: ExistingCollection, edit: ImageEdit, answer: Response, if_match: IfMatch = None) -> EditDone:
    """They go to Unsorted and never come back there."""
    if edit.category is not None or edit.label is not None:
        raise InvalidRequestError("A rejection names images only.")
    return answer_edit(collection.reject(edit.image_ids, expected=expected_version(if_match)), answer)


@router.post("/merges", summary="Make categories one")
def merge(collection: ExistingCollection, edit: MergeEdit, answer: Response, if_match: IfMatch = None) -> EditDone:
    """The ids of the losers lead to the winner for ever."""
    return answer_edit(collection.merge(edit.winner, edit.losers, expected=expected_version(if_match)), answer)


@router.post("/splits", summary="Take images out of a category into a new one")
def split(collection: ExistingCollection, edit: SplitEdit, answer: Response, if_match: IfMatch = None) -> EditDone:
    """Without image ids it is cut in two, as …/categories/{id}/halves shows."""
    done = collection.split(edit.category, edit.image_ids, label=edit.label, expected=expected_version(if_match))
    return answer_edit(done, answer)


@router.get("/categories/{category}/halves", summary="Preview how a category would be cut in two")
def halves(collection: ExistingCollection, category: CategoryId) -> Halves:
    """Image ids of what stays and of what leaves."""
    stays, leaves = collection.split_preview(category)
    return Halves(stays=list(stays), leaves=list(leaves))


@router.patch("/categories/{category}", summary="Rename, lock or hide a category")
def edit_category(
    collection: ExistingCollection,
    category: CategoryId,
    edit: CategoryEdit,
    answer: Response,
    if_match: IfMatch = None,
) -> EditDone:
    """One of the three at a time. A label of null takes yours back."""
    given = edit.model_fields_set
    if len(given) != 1:
        raise InvalidRequestError("Give exactly one of label, locked and hidden.")
    expected = expected_version(if_match)
    if "label" in given:
        return answer_edit(collection.rename(category, edit.label, expected=expected), answer)
    if "locked" in given:
        return answer_edit(collection.lock(category, bool(edit.locked), expected=expected), answer)
    return answer_edit(collection.hide(category, bool(edit.hidden), expected=expected), answer)


@router.post("/apart", summary="Keep two categories from ever being merged")
def keep_apart(collection: ExistingCollection, edit: PairEdit, answer: Response, if_match: IfMatch = None) -> EditDone:
    """By a run; people still can."""
    return answer_edit(collection.never_merge(edit.one, edit.other, expected=expected_version(if_match)), answer)


@router.patch("", summary="Turn the dial of a collection")
def edit_collection(
    collection: ExistingCollection, edit: CollectionEdit, answer: Response, if_match: IfMatch = None
) -> EditDone:
    """The next run follows it; …/plan shows what it would do."""
    return answer_edit(collection.set_granularity(edit.granularity, expected=expected_version(if_match)), answer)


@router.get("/versions", summary="List runs and corrections, the newest first")
def list_versions(
    collection: ExistingCollection,
    before: Annotated[
        int | None, Query(ge=1, le=LARGEST_NUMBER, description="version before which the page begins")
    ] = None,
    limit: PageLength = 100,
) -> VersionPage:
    """Each can be undone."""
    page = collection.versions(before=before, limit=limit)
    return VersionPage(
        versions=[VersionInfo(**dataclasses.asdict(one)) for one in page],
        next=page[-1].version if len(page) == limit else None,
    )


@router.get("/versions/{version}", summary="Read the taxonomy as it was")
def as_of(collection: ExistingCollection, version: Version) -> AsOf:
    """Right after a version; images deleted since are left out."""
    return AsOf(version=version, assignments=collection.as_of(version), groups=collection.groups_as_of(version))


@router.post("/versions/{version}/undo", summary="Take a run or a correction back")
def undo(collection: ExistingCollection, version: Version, answer: Response) -> EditDone:
    """The undo is a version too, and can be undone."""
    return answer_edit(collection.undo(version), answer)


@router.post("/undo", summary="Take the last run or correction back")
def undo_last(collection: ExistingCollection, answer: Response) -> EditDone:
    """Of those that nothing took back yet and that left anything to take back; asked for again it goes further back.

    404: nothing was ever done. 409: nothing of it is left.
    """
    return answer_edit(collection.undo(), answer)


@router.post("/events/{cursor}/undo", summary="Take back what one event says")
def undo_event(collection: ExistingCollection, cursor: EventCursor, answer: Response) -> EditDone:
    """A category that a run made, split or merged, or the move of one image; of a correction all. 409: it cannot be."""
    return answer_edit(collection.undo(event=cursor), answer)


@router.get("/images/{image_id:path}/why", summary="Ask why an image is where it is")
def why(collection: ExistingCollection, image_id: ImageId) -> WhyInfo:
    """Its neighbours, their categories, and what decided."""
    return WhyInfo.model_validate(dataclasses.asdict(collection.why(image_id)))


def expected_version(if_match: str | None) -> int | None:
    """The taxonomy version that an edit was made for."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > len(str(LARGEST_NUMBER)):
        raise InvalidRequestError(f"If-Match: {if_match!r} is no taxonomy version; send the number.")
    return int(text)


def answer_edit(done: Edit, answer: Response) -> EditDone:
    """Say what an edit did, and the version that it led to."""
    answer.headers["ETag"] = f'"{done.version}"'
    return EditDone.model_validate(dataclasses.asdict(done))
