"""Search, counts, duplicates."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from categoriser.api.models.search import (
    ClueInfo,
    DuplicateAnswer,
    DuplicateGroupInfo,
    FacetAnswer,
    FacetInfo,
    FoundInfo,
    SearchAnswer,
    SearchFilter,
    SearchRequest,
)
from categoriser.client.description import PAGE, Call, Pages, given, pages
from categoriser.client.place import Place, ask, each

AnyFilter: TypeAlias = SearchFilter | Mapping[str, Any]
AnyClue: TypeAlias = ClueInfo | Mapping[str, Any]
Facet: TypeAlias = Literal["category", "group", "month", "taken", "format", "tag"]


class Searching(Place):
    """By words, pictures, images, vectors and categories, for and against, within a filter."""

    @ask
    def search(
        self,
        *,
        text: str | None = None,
        image: bytes | None = None,
        image_id: str | None = None,
        vector: Sequence[float] | None = None,
        category: str | None = None,
        positives: Sequence[AnyClue] = (),
        negatives: Sequence[AnyClue] = (),
        filter: AnyFilter | None = None,  # noqa: A002 - as it is called everywhere
        limit: int = 10,
        offset: int = 0,
        min_score: float | None = None,
        min_relevance: float | None = None,
        diversity: float = 0.0,
    ) -> Call[list[FoundInfo]]:
        """Images nearest to what is given; best first, and only what is likely meant.

        Args:
            text: words, for encoders that read text.
            image: a picture.
            image_id: a stored image, which is left out itself.
            vector: of the collection's encoder.
            category: id of a category, for the mean of its images.
            positives: more to search for.
            negatives: what to search against.
            filter: what may be found; fields as in ``SearchFilter``.
            limit: most results.
            offset: results to leave out.
            min_score: least cosine.
            min_relevance: 0 shows everything.
            diversity: from 0 to 1, how much results should differ.
        """
        body = given(
            text=text,
            image=None if image is None else base64.b64encode(image).decode(),
            image_id=image_id,
            vector=None if vector is None else [float(one) for one in vector],
            category=category,
            positives=[_plain(one) for one in positives] or None,
            negatives=[_plain(one) for one in negatives] or None,
            filter=None if filter is None else _plain(filter),
            limit=limit,
            offset=offset,
            min_score=min_score,
            min_relevance=min_relevance,
            diversity=diversity or None,
        )
        return self._search(body).then(lambda page: page.results)

    @ask
    def search_page(self, query: SearchRequest | Mapping[str, Any]) -> Call[SearchAnswer]:
        """One page of a search, with the cursor of the next, or by category; pictures in base64."""
        return self._search(_plain(query))

    @each
    def search_all(self, query: SearchRequest | Mapping[str, Any]) -> Pages[FoundInfo]:
        """All results of a search, page by page."""
        asked = _plain(query)
        return pages(
            lambda cursor: self._search(asked if cursor is None else {**asked, "cursor": cursor}),
            lambda page: page.results,
            lambda page: page.next,
        )

    @ask
    def facets(
        self,
        by: Sequence[Facet] = ("category", "group", "month"),
        *,
        filter: AnyFilter | None = None,  # noqa: A002 - as it is called everywhere
        limit: int = 100,
    ) -> Call[list[FacetInfo]]:
        """Exact counts of images by category, group, month and so on; of all, or of what a filter leaves."""
        body = given(by=list(by), filter=None if filter is None else _plain(filter), limit=limit)
        return self._send("POST", FacetAnswer, "facets", json=body, repeatable=True).then(lambda found: found.facets)

    @each
    def duplicates(self, *, min_score: float | None = None) -> Pages[DuplicateGroupInfo]:
        """Groups of images that are nearly the same; with ``min_score`` also those whose cosine is that high."""
        return pages(
            lambda after: self._get(DuplicateAnswer, "duplicates", min_score=min_score, after=after, limit=PAGE),
            lambda page: page.groups,
            lambda page: page.next,
        )

    @ask
    def duplicate_page(
        self, *, min_score: float | None = None, after: int | None = None, limit: int = 100
    ) -> Call[DuplicateAnswer]:
        """One page of these, and how many there are."""
        return self._get(DuplicateAnswer, "duplicates", min_score=min_score, after=after, limit=limit)

    def _search(self, body: dict[str, Any]) -> Call[SearchAnswer]:
        return self._send("POST", SearchAnswer, "search", json=body, repeatable=True)


def _plain(told: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    return told.model_dump(mode="json", exclude_unset=True) if isinstance(told, BaseModel) else dict(told)
