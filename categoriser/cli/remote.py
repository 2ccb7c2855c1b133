"""A collection of a service as commands know collections: the same calls, answered in the same plain values."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from categoriser.api.models.collections import CategoryInfo
from categoriser.api.models.images import ImageInfo
from categoriser.api.models.webhooks import DeliveryInfo, NewWebhookInfo, WebhookInfo
from categoriser.client import RemoteCollection
from categoriser.client.sending import items_of
from categoriser.domain import (
    Category,
    Event,
    Failure,
    Filed,
    Found,
    Group,
    Image,
    NamingReport,
    Refused,
    RunReport,
    Tag,
    WhyName,
)
from categoriser.errors import ConfigurationError
from categoriser.library import AddReport, Clue, Filter, SearchQuery
from categoriser.library.adding import Progress
from categoriser.library.exporting import FileStyle, Style
from categoriser.library.exports import ExportReport
from categoriser.library.finding import FoundGroup, SearchPage
from categoriser.library.webhooks import Delivery, NewWebhook, Webhook

_SHOWN: Final = ("limit", "offset", "cursor", "min_score", "min_relevance", "diversity", "group_by", "group_size")
_PAGE: Final = 1000  # as long as a service lets it be
T = TypeVar("T")


class RemoteBoard:
    """Webhooks of a collection of a service."""

    def __init__(self, collection: RemoteCollection) -> None:
        self._collection = collection

    def add(self, url: str, *, types: Sequence[str] = ()) -> NewWebhook:
        return _new(self._collection.add_webhook(url, types=types))

    def list(self, *, after: str = "", limit: int = 100) -> Sequence[Webhook]:
        found = (_webhook(one) for one in self._collection.webhooks() if one.id > after)
        return [one for one, _ in zip(found, range(limit), strict=False)]

    def change(self, webhook: str, *, enabled: bool | None = None) -> Webhook:
        return _webhook(self._collection.change_webhook(webhook, enabled=enabled))

    def remove(self, webhook: str) -> None:
        self._collection.remove_webhook(webhook)

    def rotate(self, webhook: str, *, overlap_hours: float = 24.0) -> NewWebhook:
        return _new(self._collection.rotate_webhook(webhook, overlap_hours=overlap_hours))

    def replay(self, webhook: str, after: int) -> Webhook:
        return _webhook(self._collection.replay_webhook(webhook, after))

    def ping(self, webhook: str) -> Delivery:
        return _delivery(self._collection.ping_webhook(webhook))

    def deliveries(self, webhook: str, *, before: int | None = None, limit: int = 100) -> Sequence[Delivery]:
        page = self._collection.delivery_page(webhook, before=before, limit=min(limit, _PAGE))
        return [_delivery(one) for one in page.deliveries]


class Remote:
    """See ``categoriser.cli.reach.Reachable``."""

    def __init__(self, collection: RemoteCollection) -> None:
        self._collection = collection
        self.name = collection.name

    @property
    def webhooks(self) -> RemoteBoard:
        return RemoteBoard(self._collection)

    def __len__(self) -> int:
        return self._collection.info().images

    def encoder_summary(self) -> str:
        return f"is {self._collection.info().encoder}"

    def unsorted(self) -> int:
        return self._collection.category_page(limit=1).unsorted

    def categories(self, *, group: str | None = None, limit: int | None = None) -> Sequence[Category]:
        return _some(map(_category, self._collection.categories(group=group)), limit)

    def groups(self) -> Sequence[Group]:
        return [_as(Group, one) for one in self._collection.groups()]

    def images(self, *, category: str | None = None, after: str | None = None, limit: int = 100) -> Sequence[Image]:
        return _some(map(_image, self._collection.images(category=category, after=after)), limit)

    def image(self, image_id: str, *, tags: bool = False) -> Image:
        found = self._collection.image(image_id)
        shown = None if found.tags is None or not tags else [_as(Tag, one) for one in found.tags]
        return _image(found, shown)

    def failed(self, *, after: int = 0, limit: int = 100) -> Sequence[Failure]:
        page = self._collection.failed_page(after=after, limit=min(limit, _PAGE))
        return [_as(Failure, one) for one in page.failed]

    def events_and_next(
        self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100
    ) -> tuple[Sequence[Event], int]:
        page = self._collection.event_page(after=after, types=types, limit=min(limit, _PAGE))
        return [_as(Event, one) for one in page.events], page.next

    def search_page(self, query: SearchQuery) -> SearchPage:
        page = self._collection.search_page(_asked(query))
        groups = None
        if page.groups is not None:
            groups = [
                FoundGroup(one.category, one.label, [_as(Found, each) for each in one.results]) for one in page.groups
            ]
        return SearchPage([_as(Found, one) for one in page.results], page.next, groups, page.min_relevance)

    def run(self) -> RunReport:
        return _as(RunReport, self._collection.run())

    def name_categories(self) -> NamingReport:
        return _as(NamingReport, self._collection.name_categories())

    def why_name(self, category: str) -> WhyName:
        return _as(WhyName, self._collection.why_name(category))

    def export(
        self,
        target: str | Path,
        style: Style | None = None,
        *,
        files: FileStyle = "link",
        tags: bool = False,
        nested: bool = False,
        selection: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> ExportReport:
        path = Path(target)
        if style == "folders" or (style is None and not path.suffix):
            raise ConfigurationError(f"A service sends files and no folders: give {path}.zip instead of {path}.")
        self._collection.export_to(path, style, tags=tags, nested=nested, **(selection or {}))
        category = (selection or {}).get("category")
        if category is None:
            count = len(self)
        elif category == "unsorted":
            count = self.unsorted()
        else:
            count = self._collection.category(category).size
        if progress is not None:
            progress(count, count)
        return ExportReport(path, count)

    def save_everything(self, target: str | Path) -> dict[str, int]:
        self._collection.export_to(target, "everything")
        return {"images": len(self)}

    def add(
        self,
        source: str | Path,
        *,
        recursive: bool = True,
        image_column: Sequence[str] | None = None,
        id_column: str | None = None,
        start: int = 0,
        end: int | None = None,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> AddReport:
        table = {"image_column": image_column, "id_column": id_column, "start": start, "end": end, "limit": limit}
        items = items_of(source, recursive=recursive, **table)
        added = self._collection.add(items, progress=progress)
        report = AddReport(
            skipped=getattr(items, "skipped", {}),
            unreadable=getattr(items, "unreadable", ()),
            left_out=getattr(items, "left_out", ()),
        )
        for one in added.results:
            if one.image is None:
                report.refused.append(Refused(one.name, "" if one.error is None else one.error.message))
                continue
            filed = Filed(one.image.image_id, one.image.category, one.image.known, one.image.stacked_on)
            (report.known if filed.known else report.filed).append(filed)
            (report.known_from if filed.known else report.filed_from).append(one.name)
        return report


def _as(kind: type[T], model: BaseModel) -> T:
    """A plain value with the fields of a model that it knows."""
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: value for name, value in model.model_dump().items() if name in known})


def _asked(query: SearchQuery) -> dict[str, Any]:
    limits = {name: value for name, value in asdict(Filter.of(query.filter)).items() if value not in (None, (), {})}
    told = {name: getattr(query, name) for name in _SHOWN if getattr(query, name) is not None}
    return {
        "positives": [_clue(one) for one in query.wanted],
        "negatives": [_clue(one) for one in query.unwanted],
        "filter": limits | ({"tags": list(limits["tags"])} if "tags" in limits else {}),
        **told,
    }


def _clue(clue: Clue) -> dict[str, Any]:
    told = {name: getattr(clue, name) for name in ("text", "image_id", "category") if getattr(clue, name) is not None}
    return told if clue.image is None else {"image": base64.b64encode(_read(Path(clue.image))).decode()}


def _category(info: CategoryInfo) -> Category:
    number = info.id.rpartition("-")[2]
    return Category(**info.model_dump(), number=int(number))


def _image(info: ImageInfo, tags: Sequence[Tag] | None = None) -> Image:
    facts = {name: value for name, value in info.model_dump().items() if name in Image.__dataclass_fields__}
    return Image(**{**facts, "source": info.url, "tags": tags})


def _webhook(info: WebhookInfo) -> Webhook:
    return _as(Webhook, info)


def _new(info: NewWebhookInfo) -> NewWebhook:
    return NewWebhook(_webhook(info), info.secret)


def _delivery(info: DeliveryInfo) -> Delivery:
    return _as(Delivery, info)


def _some(found: Iterator[T], limit: int | None) -> list[T]:
    return list(found) if limit is None else [one for _, one in zip(range(limit), found, strict=False)]


def _read(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
