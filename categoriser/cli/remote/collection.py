"""A collection of a service as commands know collections."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

from categoriser.api.models.collections import CategoryInfo
from categoriser.api.models.images import ImageInfo
from categoriser.cli.remote.curating import RemoteCuration
from categoriser.cli.remote.failures import RemoteFailures
from categoriser.cli.remote.values import as_plain, some
from categoriser.cli.remote.webhooks import RemoteBoard
from categoriser.client import RemoteCollection
from categoriser.client.description import PAGE
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
    ScheduleEntry,
    Tag,
    WhyName,
)
from categoriser.errors import ConfigurationError
from categoriser.library import AddReport, Clue, Filter, SearchQuery
from categoriser.library.adding import Progress
from categoriser.library.bulk import Engine
from categoriser.library.exporting import FileStyle, Style
from categoriser.library.exports import ExportReport
from categoriser.library.finding import FoundGroup, SearchPage
from categoriser.library.overview import DuplicatePage, FacetCounts, FacetName, SimilarCategory
from categoriser.library.term_asking import TermsEstimate

_SHOWN: Final = ("limit", "offset", "cursor", "min_score", "min_relevance", "diversity", "group_by", "group_size")


class Remote(RemoteCuration):
    """See ``categoriser.cli.reachable.Reachable``."""

    @property
    def webhooks(self) -> RemoteBoard:
        return RemoteBoard(self._collection)

    def __len__(self) -> int:
        return self._collection.info().images

    def encoder_summary(self) -> str:
        return f"is {self._collection.info().encoder}"

    def unsorted(self) -> int:
        return self._collection.category_page(limit=1).unsorted

    def categories(self, *, group: str | None = None, offset: int = 0, limit: int | None = None) -> Sequence[Category]:
        return some(map(_category, islice(self._collection.categories(group=group), offset, None)), limit)

    def groups(self) -> Sequence[Group]:
        return [as_plain(Group, one) for one in self._collection.groups()]

    def images(self, *, category: str | None = None, after: str | None = None, limit: int = 100) -> Sequence[Image]:
        return some(map(_image, self._collection.images(category=category, after=after)), limit)

    def image(self, image_id: str, *, tags: bool = False) -> Image:
        found = self._collection.image(image_id)
        shown = None if found.tags is None or not tags else [as_plain(Tag, one) for one in found.tags]
        return _image(found, shown)

    def failed(self, *, after: int = 0, limit: int = 100) -> Sequence[Failure]:
        page = self._collection.failed_page(after=after, limit=min(limit, PAGE))
        return [as_plain(Failure, one) for one in page.failed]

    def failures(self) -> RemoteFailures:
        return RemoteFailures(self._collection)

    def events_and_next(
        self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100
    ) -> tuple[Sequence[Event], int]:
        page = self._collection.event_page(after=after, types=types, limit=min(limit, PAGE))
        return [as_plain(Event, one) for one in page.events], page.next

    def search_page(self, query: SearchQuery) -> SearchPage:
        page = self._collection.search_page(_asked(query))
        groups = None
        if page.groups is not None:
            groups = [
                FoundGroup(one.category, one.label, [as_plain(Found, each) for each in one.results])
                for one in page.groups
            ]
        return SearchPage([as_plain(Found, one) for one in page.results], page.next, groups, page.min_relevance)

    def facets(
        self,
        by: Iterable[FacetName] = ("category", "group", "month"),
        *,
        filter: Filter,  # noqa: A002 - as it is called everywhere
        limit: int = 100,
    ) -> Sequence[FacetCounts]:
        found = self._collection.facets(list(by), filter=_limits(filter), limit=min(limit, PAGE))
        return [as_plain(FacetCounts, one) for one in found]

    def duplicates(
        self, *, min_score: float | None = None, after: int | None = None, limit: int = 100
    ) -> DuplicatePage:
        page = self._collection.duplicate_page(min_score=min_score, after=after, limit=min(limit, PAGE))
        return as_plain(DuplicatePage, page)

    def similar_categories(
        self, category: str, *, limit: int = 10, min_score: float | None = None
    ) -> Sequence[SimilarCategory]:
        found = self._collection.similar_categories(category, limit=min(limit, PAGE), min_score=min_score)
        return [as_plain(SimilarCategory, one) for one in found]

    def delete(self, image_ids: Iterable[str]) -> int:
        return sum(self._collection.delete(one) for one in image_ids)

    def schedule(self) -> ScheduleEntry:
        return as_plain(ScheduleEntry, self._collection.schedule())

    def set_schedule(self, schedule: str | None) -> None:
        self._collection.set_schedule(schedule)

    def views(self, *, limit: int = 100) -> Sequence[RemoteView]:
        listed = some(self._collection.views(), limit)
        return [RemoteView(self._collection, one.name, one.criterion) for one in listed]

    def view(
        self,
        name: str,
        *,
        criterion: str | None = None,
        from_metadata: str | None = None,
        terms: Sequence[str] | None = None,
        categories: int | None = None,
        encoder: str | None = None,
    ) -> RemoteView:
        if criterion is not None:
            self._collection.create_view(
                name,
                criterion=criterion,
                from_metadata=from_metadata,
                terms=terms,
                categories=categories,
                encoder=encoder,
            )
        return RemoteView(self._collection, name, criterion or "")

    def delete_view(self, name: str) -> int:
        return self._collection.delete_view(name)

    def estimate_terms(self, criterion: str) -> TermsEstimate:
        told = self._collection.preview_terms(criterion)
        return TermsEstimate(told.model, told.questions, told.tokens)

    def candidate_terms(self, criterion: str) -> list[str]:
        return self._collection.candidate_terms(criterion).terms

    def name_categories(self) -> NamingReport:
        return as_plain(NamingReport, self._collection.name_categories())

    def why_name(self, category: str) -> WhyName:
        return as_plain(WhyName, self._collection.why_name(category))

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
        engine: Engine = "here",
    ) -> AddReport:
        if engine != "here":
            raise ConfigurationError(
                f"A service encodes by itself; --engine {engine} is for a library of this machine."
            )
        table = {"image_column": image_column, "id_column": id_column, "start": start, "end": end, "limit": limit}
        items = items_of(source, recursive=recursive, **table)
        began = time.perf_counter()
        added = self._collection.add(items, progress=progress)
        report = AddReport(
            seconds=time.perf_counter() - began,
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


class RemoteView(Remote):
    """See ``categoriser.cli.reachable.ReachableView``."""

    def __init__(self, owner: RemoteCollection, name: str, criterion: str) -> None:
        super().__init__(owner.view(name))
        self._owner = owner
        self.name = name
        self.criterion = criterion

    def add_texts(self, texts: Mapping[str, str]) -> Sequence[Refused]:
        report = self._owner.add_texts(self.name, texts)
        return [Refused(one.image_id, one.reason) for one in report.refused]


def _asked(query: SearchQuery) -> dict[str, Any]:
    told = {name: getattr(query, name) for name in _SHOWN if getattr(query, name) is not None}
    return {
        "positives": [_clue(one) for one in query.wanted],
        "negatives": [_clue(one) for one in query.unwanted],
        "filter": _limits(Filter.of(query.filter)),
        **told,
    }


def _limits(given: Filter) -> dict[str, Any]:
    limits = {name: value for name, value in asdict(given).items() if value not in (None, (), {})}
    return limits | ({"tags": list(limits["tags"])} if "tags" in limits else {})


def _clue(clue: Clue) -> dict[str, Any]:
    told = {name: getattr(clue, name) for name in ("text", "image_id", "category") if getattr(clue, name) is not None}
    return told if clue.image is None else {"image": base64.b64encode(_read(Path(clue.image))).decode()}


def _category(info: CategoryInfo) -> Category:
    number = info.id.rpartition("-")[2]
    return Category(**info.model_dump(), number=int(number))


def _image(info: ImageInfo, tags: Sequence[Tag] | None = None) -> Image:
    facts = {name: value for name, value in info.model_dump().items() if name in Image.__dataclass_fields__}
    return Image(**{**facts, "source": info.url, "tags": tags})


def _read(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
