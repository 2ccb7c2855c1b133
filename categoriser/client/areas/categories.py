"""Categories and broad groups of them."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.api.models.browse import DialPreview, DriftInfo, MosaicList
from categoriser.api.models.collections import CategoryInfo, CategoryList, GroupInfo, GroupList
from categoriser.api.models.search import SimilarCategoryInfo, SimilarCategoryList
from categoriser.client.description import PAGE, Call, Pages, content, pages
from categoriser.client.place import Place, ask, each


class Categories(Place):
    """What images are filed into."""

    @each
    def categories(self, *, group: str | None = None) -> Pages[CategoryInfo]:
        """Categories, largest first."""
        seen = 0

        def following(page: CategoryList) -> int | None:
            nonlocal seen
            seen += len(page.categories)
            return seen if len(page.categories) == PAGE else None

        return pages(
            lambda offset: self._get(CategoryList, "categories", group=group, offset=offset or 0, limit=PAGE),
            lambda page: page.categories,
            following,
        )

    @ask
    def category_page(self, *, group: str | None = None, offset: int = 0, limit: int = 100) -> Call[CategoryList]:
        """Some categories, and the number of Unsorted images."""
        return self._get(CategoryList, "categories", group=group, offset=offset, limit=limit)

    @ask
    def category(self, category_id: str) -> Call[CategoryInfo]:
        """One category; an id that was merged away leads to its survivor."""
        return self._get(CategoryInfo, "categories", category_id)

    @ask
    def mosaic(self, category_id: str, *, width: int | None = None) -> Call[bytes]:
        """A JPEG of five of its images, 336 or 512 pixels wide; by default 512."""
        path = self._path("categories", category_id, "mosaic")
        return Call("GET", path, content, self._asked({"width": width}), repeatable=True)

    @ask
    def mosaics(self, category_ids: Sequence[str], *, width: int | None = None) -> Call[dict[str, str]]:
        """The same of up to 32 categories at once, in base64 by their ids; what has no picture is left out."""
        call = self._get(MosaicList, "mosaics", category=list(category_ids), width=width)
        return call.then(lambda found: found.mosaics)

    @ask
    def similar_categories(
        self, category_id: str, *, limit: int = 10, min_score: float | None = None
    ) -> Call[list[SimilarCategoryInfo]]:
        """The categories nearest to one; ``min_score``: least cosine of the middles."""
        call = self._get(SimilarCategoryList, "categories", category_id, "similar", limit=limit, min_score=min_score)
        return call.then(lambda found: found.categories)

    @ask
    def groups(self) -> Call[list[GroupInfo]]:
        """Broad groups, largest first."""
        return self._get(GroupList, "groups").then(lambda found: found.groups)

    @ask
    def group(self, group_id: str) -> Call[GroupInfo]:
        """One group; an id that was merged away leads to its survivor."""
        return self._get(GroupInfo, "groups", group_id)

    @ask
    def preview_dial(self) -> Call[DialPreview]:
        """How many categories each setting of the dial would give; takes as long as three plans."""
        return self._get(DialPreview, "dial")

    @ask
    def drift(self) -> Call[DriftInfo]:
        """How far categories have moved since they got their names."""
        return self._get(DriftInfo, "drift")
