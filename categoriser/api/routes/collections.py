"""Collections and their categories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from categoriser.api.access import Caller, TheVisit
from categoriser.api.models.collections import (
    CategoryInfo,
    CategoryList,
    CollectionInfo,
    CollectionPage,
    GroupInfo,
    GroupList,
)
from categoriser.api.models.images import Deleted
from categoriser.api.needs import ExistingCollection, PageLength, TheLibrary
from categoriser.api.paths import CategoryId, CollectionName, GroupId
from categoriser.domain import Category, Group
from categoriser.errors import ConfigurationError
from categoriser.library import Collection

router = APIRouter()


@router.get("", tags=["collections"], summary="List collections")
def list_collections(library: TheLibrary, caller: Caller, after: str = "", limit: PageLength = 100) -> CollectionPage:
    """By name; those that the key may read."""
    page = library.collections(after=after, limit=limit, visible=caller.visible)
    return CollectionPage(
        collections=[_described(collection) for collection in page],
        next=page[-1].name if len(page) == limit else None,
    )


@router.get("/{collection}", tags=["collections"], summary="Look at a collection")
def get_collection(collection: ExistingCollection) -> CollectionInfo:
    """Size and encoder."""
    return _described(collection)


@router.delete("/{collection}", tags=["collections"], summary="Delete a collection with all its images")
def delete_collection(
    library: TheLibrary,
    visit: TheVisit,
    collection: CollectionName,
    confirm: Annotated[str, Query(description="its name again")] = "",
) -> Deleted:
    """Only with its name repeated in ``confirm``."""
    if confirm != collection:
        raise ConfigurationError(f"This deletes all images of {collection!r}; confirm it with ?confirm={collection}.")
    key = library.collection(collection, create=False).row.key
    deleted = library.delete_collection(collection)
    visit.collection = key  # the trail keeps no name of what is gone
    return Deleted(deleted=deleted)


@router.get("/{collection}/categories", tags=["categories"], summary="List categories, largest first")
def list_categories(
    collection: ExistingCollection,
    group: Annotated[str | None, Query(description="id of a group: only its categories")] = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: PageLength = 1000,
) -> CategoryList:
    """And the number of Unsorted images."""
    cursor = collection.cursor()  # first: an event that comes meanwhile is told once more rather than missed
    page = collection.categories(group=group, offset=offset, limit=limit)
    return CategoryList(
        categories=[_category(category) for category in page], unsorted=collection.unsorted(), cursor=cursor
    )


@router.get("/{collection}/categories/{category}", tags=["categories"], summary="Look at a category")
def get_category(collection: ExistingCollection, category: CategoryId) -> CategoryInfo:
    """An id that was merged away leads to its survivor, whose id is in the answer."""
    return _category(collection.category(category))


@router.get("/{collection}/groups", tags=["categories"], summary="List broad groups of categories, largest first")
def list_groups(collection: ExistingCollection) -> GroupList:
    """Every category is in exactly one of them, so that no image is lost; and the number of Unsorted images."""
    return GroupList(groups=[_group(one) for one in collection.groups()], unsorted=collection.unsorted())


@router.get("/{collection}/groups/{group}", tags=["categories"], summary="Look at a group")
def get_group(collection: ExistingCollection, group: GroupId) -> GroupInfo:
    """An id that was merged away leads to its survivor, whose id is in the answer."""
    return _group(collection.group(group))


def _described(collection: Collection) -> CollectionInfo:
    row = collection.row
    return CollectionInfo(
        name=row.name,
        images=len(collection),
        encoder=row.encoder_id,
        granularity=row.granularity,
        created_at=row.created_at,
        last_run_at=row.last_run_at,
        taxonomy_version=row.taxonomy_version,
    )


def _category(category: Category) -> CategoryInfo:
    return CategoryInfo(
        id=category.id,
        label=category.label,
        size=category.size,
        cohesion=category.cohesion,
        created_at=category.created_at,
        exemplars=list(category.exemplars),
        named_by=category.named_by,
        locked=category.locked,
        hidden=category.hidden,
        group=category.group,
        provisional=category.provisional,
    )


def _group(group: Group) -> GroupInfo:
    return GroupInfo(
        id=group.id,
        label=group.label,
        size=group.size,
        categories=list(group.categories),
        created_at=group.created_at,
    )
