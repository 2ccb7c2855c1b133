"""Every call, described once; clients with and without ``await`` are made of these."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import httpx

from categoriser.api.models.collections import (
    CategoryInfo,
    CategoryList,
    CollectionInfo,
    CollectionPage,
    GroupInfo,
    GroupList,
)
from categoriser.api.models.curation import EditDone, PlanInfo, VersionInfo, VersionPage, WhyInfo
from categoriser.api.models.failures import FailedInfo, FailedList
from categoriser.api.models.images import Deleted, ImageDetails, ImageInfo, ImagePage
from categoriser.api.models.log import EventInfo, EventPage, RunInfo
from categoriser.api.models.naming import NamingInfo, WhyNameInfo
from categoriser.api.models.search import FoundInfo, SearchAnswer
from categoriser.api.models.status import Health
from categoriser.api.models.uploads import UploadReport
from categoriser.api.models.webhooks import (
    DeliveryInfo,
    DeliveryPage,
    NewWebhookInfo,
    Removed,
    WebhookInfo,
    WebhookPage,
)
from categoriser.client.description import Call, Pages, as_model, below, get, pages

_PAGE: Final = 1000


def health() -> Call[Health]:
    """Whether the service answers."""
    return get("/healthz", Health)


def collections() -> Pages[CollectionInfo]:
    """All collections, by name."""
    return pages(
        lambda after: get("/v1/collections", CollectionPage, after=after, limit=_PAGE),
        lambda page: page.collections,
        lambda page: page.next,
    )


def info(collection: str) -> Call[CollectionInfo]:
    """Size and encoder."""
    return get(below(collection), CollectionInfo)


def delete_collection(collection: str) -> Call[int]:
    """Delete the collection with all its images; answers with their number."""
    return Call("DELETE", below(collection), _deleted, {"confirm": collection})


def upload(
    collection: str,
    pictures: Sequence[tuple[str, bytes]],
    *,
    ids: Sequence[str | None] | None = None,
    metadata: Sequence[Mapping[str, Any]] | None = None,
) -> Call[UploadReport]:
    """Upload pictures (name, bytes), at most 100, and wait for their categories.

    Args:
        collection: its name; it is made if need be.
        pictures: names and bytes.
        ids: yours, one per picture; None where the content decides.
        metadata: JSON objects, one per picture.
    """
    form: dict[str, Any] = {}
    if ids is not None:
        form["id"] = [one or "" for one in ids]
    if metadata is not None:
        form["metadata"] = [_json(one) for one in metadata]
    files = [("files", (_sendable(name), data)) for name, data in pictures]
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    path = below(collection, "images")
    return Call("POST", path, as_model(UploadReport), files=files, form=form, headers=headers, repeatable=True)


def upload_urls(
    collection: str,
    urls: Sequence[str],
    *,
    ids: Sequence[str | None] | None = None,
    metadata: Sequence[Mapping[str, Any]] | None = None,
) -> Call[UploadReport]:
    """Have the service fetch pictures, at most 100, and wait for their categories."""
    facts = metadata or [{}] * len(urls)
    images = [
        {"url": url, "id": image_id, "metadata": dict(one)}
        for url, image_id, one in zip(urls, ids or [None] * len(urls), facts, strict=True)
    ]
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    path = below(collection, "images")
    return Call("POST", path, as_model(UploadReport), json={"images": images}, headers=headers, repeatable=True)


def images(collection: str, *, category: str | None = None, after: str | None = None) -> Pages[ImageInfo]:
    """Images in order of arrival: all, those of a category, or those in "unsorted"."""
    return pages(
        lambda cursor: image_page(collection, category=category, after=cursor or after, limit=_PAGE),
        lambda page: page.images,
        lambda page: page.next,
    )


def image_page(
    collection: str, *, category: str | None = None, after: str | None = None, limit: int = 100
) -> Call[ImagePage]:
    """One page of images."""
    return get(below(collection, "images"), ImagePage, category=category, after=after, limit=limit)


def image(collection: str, image_id: str) -> Call[ImageDetails]:
    """One image with what it is near to."""
    return get(below(collection, "images", image_id), ImageDetails)


def why(collection: str, image_id: str) -> Call[WhyInfo]:
    """Why an image is where it is."""
    return get(below(collection, "images", image_id, "why"), WhyInfo)


def thumbnail(collection: str, image_id: str) -> Call[bytes]:
    """The JPEG thumbnail of an image."""
    return Call("GET", below(collection, "images", image_id, "thumbnail"), _content, repeatable=True)


def original(collection: str, image_id: str) -> Call[bytes]:
    """The original file of an image."""
    return Call("GET", below(collection, "images", image_id, "original"), _content, repeatable=True)


def delete(collection: str, image_id: str) -> Call[int]:
    """Delete an image; answers 1."""
    return Call("DELETE", below(collection, "images", image_id), _deleted)


def categories(collection: str, *, group: str | None = None) -> Pages[CategoryInfo]:
    """Categories, largest first."""

    def at(offset: int | None) -> Call[CategoryList]:
        return category_page(collection, group=group, offset=offset or 0, limit=_PAGE)

    seen = 0

    def following(page: CategoryList) -> int | None:
        nonlocal seen
        seen += len(page.categories)
        return seen if len(page.categories) == _PAGE else None

    return pages(at, lambda page: page.categories, following)


def category_page(
    collection: str, *, group: str | None = None, offset: int = 0, limit: int = 100
) -> Call[CategoryList]:
    """Some categories, and the number of Unsorted images."""
    return get(below(collection, "categories"), CategoryList, group=group, offset=offset, limit=limit)


def category(collection: str, category_id: str) -> Call[CategoryInfo]:
    """One category; an id that was merged away leads to its survivor."""
    return get(below(collection, "categories", category_id), CategoryInfo)


def groups(collection: str) -> Call[list[GroupInfo]]:
    """Broad groups, largest first."""
    read = as_model(GroupList)
    return Call("GET", below(collection, "groups"), lambda answer: read(answer).groups, repeatable=True)


def rename(collection: str, category_id: str, label: str | None) -> Call[EditDone]:
    """Give a category a name that no machine overwrites, or with None take it back."""
    return Call("PATCH", below(collection, "categories", category_id), as_model(EditDone), json={"label": label})


def move(
    collection: str, image_ids: Sequence[str], category_id: str | None = None, *, label: str | None = None
) -> Call[EditDone]:
    """Put images into a category, or into a new one."""
    body = {"image_ids": list(image_ids), "category": category_id, "label": label}
    return Call("POST", below(collection, "moves"), as_model(EditDone), json=body)


def merge(collection: str, winner: str, losers: Sequence[str]) -> Call[EditDone]:
    """Make categories one."""
    body = {"winner": winner, "losers": list(losers)}
    return Call("POST", below(collection, "merges"), as_model(EditDone), json=body)


def search(
    collection: str,
    *,
    text: str | None = None,
    image: bytes | None = None,
    image_id: str | None = None,
    vector: Sequence[float] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - as it is called everywhere
    limit: int = 10,
    offset: int = 0,
    min_score: float | None = None,
    min_relevance: float | None = None,
) -> Call[list[FoundInfo]]:
    """Images nearest to words, a picture, a stored image or a vector; best first."""
    body = {
        "text": text,
        "image": None if image is None else base64.b64encode(image).decode(),
        "image_id": image_id,
        "vector": None if vector is None else [float(one) for one in vector],
        "filter": dict(filter or {}),
        "limit": limit,
        "offset": offset,
        "min_score": min_score,
        "min_relevance": min_relevance,
    }
    call = search_page(collection, {name: value for name, value in body.items() if value is not None})
    return Call(call.method, call.path, lambda answer: call.read(answer).results, json=call.json, repeatable=True)


def search_page(collection: str, query: Mapping[str, Any]) -> Call[SearchAnswer]:
    """One page of a search for and against several things, by relevance, diverse or by category.

    Args:
        collection: its name.
        query: the fields of ``SearchRequest``; pictures in base64.
    """
    return Call("POST", below(collection, "search"), as_model(SearchAnswer), json=dict(query), repeatable=True)


def run(collection: str) -> Call[RunInfo]:
    """Run the job now."""
    return Call("POST", below(collection, "runs"), as_model(RunInfo))


def plan(collection: str) -> Call[PlanInfo]:
    """What a run would change now."""
    return get(below(collection, "plan"), PlanInfo)


def versions(collection: str) -> Pages[VersionInfo]:
    """Runs and corrections, the newest first."""
    return pages(
        lambda before: get(below(collection, "versions"), VersionPage, before=before, limit=_PAGE),
        lambda page: page.versions,
        lambda page: page.next,
    )


def undo(collection: str, version: int) -> Call[EditDone]:
    """Take a run or a correction back."""
    return Call("POST", below(collection, "versions", version, "undo"), as_model(EditDone))


def name_categories(collection: str) -> Call[NamingInfo]:
    """Name what needs a name now."""
    return Call("POST", below(collection, "name"), as_model(NamingInfo))


def why_name(collection: str, category_id: str) -> Call[WhyNameInfo]:
    """Why a category is called what it is."""
    return get(below(collection, "categories", category_id, "name"), WhyNameInfo)


def events(collection: str, *, after: int = 0, types: Sequence[str] = ()) -> Pages[EventInfo]:
    """The log after a cursor, oldest first, up to now."""
    return pages(
        lambda cursor: event_page(collection, after=cursor or after, types=types, limit=_PAGE),
        lambda page: page.events,
        lambda page: page.next if len(page.events) == _PAGE else None,
    )


def event_page(collection: str, *, after: int = 0, types: Sequence[str] = (), limit: int = 100) -> Call[EventPage]:
    """One page of the log, and where to go on."""
    return get(below(collection, "events"), EventPage, after=after, types=list(types) or None, limit=limit)


def failed(collection: str) -> Pages[FailedInfo]:
    """Pictures that were accepted and cannot be filed."""
    return pages(
        lambda after: failed_page(collection, after=after or 0, limit=_PAGE),
        lambda page: page.failed,
        lambda page: page.next if len(page.failed) == _PAGE else None,
    )


def failed_page(collection: str, *, after: int = 0, limit: int = 100) -> Call[FailedList]:
    """One page of these."""
    return get(below(collection, "failed"), FailedList, after=after, limit=limit)


def webhooks(collection: str) -> Pages[WebhookInfo]:
    """Who is told of events."""
    return pages(
        lambda after: get(below(collection, "webhooks"), WebhookPage, after=after, limit=_PAGE),
        lambda page: page.webhooks,
        lambda page: page.next,
    )


def add_webhook(collection: str, url: str, *, types: Sequence[str] = ()) -> Call[NewWebhookInfo]:
    """Have an address told of events; the secret in the answer is shown this once."""
    body = {"url": url, "types": list(types)}
    return Call("POST", below(collection, "webhooks"), as_model(NewWebhookInfo), json=body)


def change_webhook(
    collection: str,
    webhook: str,
    *,
    url: str | None = None,
    types: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> Call[WebhookInfo]:
    """Change, enable or disable a webhook."""
    given = {"url": url, "types": None if types is None else list(types), "enabled": enabled}
    body = {name: value for name, value in given.items() if value is not None}
    return Call("PATCH", below(collection, "webhooks", webhook), as_model(WebhookInfo), json=body)


def remove_webhook(collection: str, webhook: str) -> Call[Removed]:
    """Tell it nothing any more."""
    return Call("DELETE", below(collection, "webhooks", webhook), as_model(Removed))


def rotate_webhook(collection: str, webhook: str, *, overlap_hours: float = 24.0) -> Call[NewWebhookInfo]:
    """Replace its secret; for some hours deliveries are signed with both."""
    path = below(collection, "webhooks", webhook, "secret")
    return Call("POST", path, as_model(NewWebhookInfo), json={"overlap_hours": overlap_hours})


def replay_webhook(collection: str, webhook: str, after: int) -> Call[WebhookInfo]:
    """Deliver everything behind a cursor again."""
    path = below(collection, "webhooks", webhook, "replay")
    return Call("POST", path, as_model(WebhookInfo), json={"after": after})


def ping_webhook(collection: str, webhook: str) -> Call[DeliveryInfo]:
    """Try a webhook."""
    return Call("POST", below(collection, "webhooks", webhook, "ping"), as_model(DeliveryInfo))


def deliveries(collection: str, webhook: str) -> Pages[DeliveryInfo]:
    """The last attempts to deliver, the newest first."""
    return pages(
        lambda before: delivery_page(collection, webhook, before=before, limit=_PAGE),
        lambda page: page.deliveries,
        lambda page: page.next,
    )


def delivery_page(collection: str, webhook: str, *, before: int | None = None, limit: int = 100) -> Call[DeliveryPage]:
    """One page of these."""
    return get(below(collection, "webhooks", webhook, "deliveries"), DeliveryPage, before=before, limit=limit)


def export(
    collection: str,
    style: Literal["csv", "jsonl", "parquet", "zip", "fiftyone", "everything"] = "jsonl",
    *,
    category: str | None = None,
    added_from: float | None = None,
    added_before: float | None = None,
    tags: bool = False,
    nested: bool = False,
) -> Call[bytes]:
    """Images with their categories as a file; "everything" is all that is known about the collection."""
    if style == "everything":
        return Call("GET", below(collection, "export", "everything"), _content, repeatable=True)
    query = {
        "style": style,
        "category": category,
        "added_from": added_from,
        "added_before": added_before,
        "tags": tags or None,
        "nested": nested or None,
    }
    return Call("GET", below(collection, "export"), _content, query, repeatable=True)


def _deleted(answer: httpx.Response) -> int:
    return Deleted.model_validate_json(answer.content).deleted


def _content(answer: httpx.Response) -> bytes:
    return answer.content


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(dict(facts))


def _sendable(name: str) -> str:
    """Old file systems hold names that are no Unicode."""
    return name.encode(errors="replace").decode()
