"""The part of a collection that counts and compares: facets, duplicates, similar categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

import numpy as np

from categoriser.catalog import duplicates, filtering, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.facets import COUNTED, Facet, counts
from categoriser.catalog.tables import Record
from categoriser.domain import LARGEST_NUMBER
from categoriser.engine import UNSORTED
from categoriser.engine.near_duplicates import stars
from categoriser.errors import ConfigurationError
from categoriser.library.filters import Filter
from categoriser.library.finding import Finding
from categoriser.library.given import check_page
from categoriser.library.searching import Wish, bearing, label_of
from categoriser.library.tagging import CHUNK

FacetName: TypeAlias = Literal["category", "group", "month", "taken", "format", "tag"]
FACETS: Final[tuple[FacetName, ...]] = (*COUNTED, "tag")
_COUNTED_AT_ONCE: Final = 500
_SHOWN: Final = 100  # members of a group of duplicates that are listed


@dataclass(frozen=True, slots=True)
class FacetCount:
    """One value of a facet: its id where it has one, what people read, and how many images have it.

    ``value``: None for Unsorted, and for images without a time or format.
    """

    value: str | None
    label: str | None
    count: int


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """All values of a facet, largest count first, and how many images the values have that are not listed."""

    facet: FacetName
    counts: Sequence[FacetCount]
    others: int = 0


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One image of a group. ``identical``: it has the very bytes of the first."""

    image_id: str
    name: str | None
    identical: bool
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Images that are nearly the same, the first first; ``size`` counts all, of which up to 100 are listed."""

    image_id: str
    size: int
    images: Sequence[Duplicate]


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    """Groups of duplicates by the arrival of their first image; ``groups_in_all`` and ``surplus`` are of all pages.

    ``surplus``: images that are nearly the same as an earlier one. ``next``: to go on with; None at the end.
    """

    groups: Sequence[DuplicateGroup]
    groups_in_all: int
    surplus: int
    next: int | None = None


@dataclass(frozen=True, slots=True)
class SimilarCategory:
    """A category beside another one.

    ``score``: cosine of the middles. ``likeness``: in [0, 1], how like their images are on average, from 0 for random
    pairs of images to 1 for pairs within the looser of the two; None where one of them has a single image.
    """

    id: str
    label: str
    size: int
    score: float
    likeness: float | None


class Overview(Finding):
    """Counts over a whole collection or over what a filter leaves."""

    def facets(
        self,
        by: Iterable[FacetName] = ("category", "group", "month"),
        *,
        filter: Filter | Mapping[str, Any] | None = None,  # noqa: A002
        limit: int = 100,
    ) -> list[FacetCounts]:
        """How many images there are per category, group, month and so on; exact.

        Args:
            by: of "category", "group", "month" (of adding), "taken" (month of the picture), "format", and "tag", which
                is computed from the vectors and reads the whole collection.
            filter: which images to count.
            limit: values listed of each.

        Raises:
            ConfigurationError: there is no such facet, or the filter makes no sense.
            NotFoundError: no such category or group.
        """
        check_page(limit)
        names: Iterable[FacetName] = [cast("FacetName", by)] if isinstance(by, str) else by
        wanted = list(dict.fromkeys(names))
        unknown = [one for one in wanted if one not in FACETS]
        if unknown:
            raise ConfigurationError(f"There is no facet {unknown[0]!r}; take {', '.join(FACETS)}.")
        row, limits = self.row, Filter.of(filter)
        where = self._where(limits)
        rows = None
        if limits.words:
            wish = Wish(None, where, tags=self._namers.tagger.open(row), words=limits.words)
            rows = bearing(self._storage, row, wish)
        found = []
        for facet in wanted:
            tags = facet == "tag"
            values = self._tags_counted(row, where, rows) if tags else self._counted(row, where, rows, facet)
            found.append(self._facet(row, facet, values, limit))
        return found

    def duplicates(
        self, *, min_score: float | None = None, after: int | None = None, limit: int = 100
    ) -> DuplicatePage:
        """Groups of images that are nearly the same.

        Args:
            min_score: None lists what was recognised as near-duplicate on arrival (by the pixels). A cosine, such as
                .98, also groups other images that are that like the first of a group, by their vectors.
            after: ``next`` of the page before.
            limit: groups on the page.

        Raises:
            ConfigurationError: the page or the score makes no sense.
        """
        check_page(limit)
        start = -1 if after is None else after
        if not isinstance(start, int) or not -1 <= start <= LARGEST_NUMBER:
            raise ConfigurationError(f"The place {after!r} to go on from makes no sense; take the page's next.")
        if min_score is None:
            return self._stacks(start, limit)
        if not 0 < min_score <= 1:
            raise ConfigurationError(f"The min_score is {min_score!r}; it must be above 0 and at most 1.")
        return self._alike(min_score, start, limit)

    def similar_categories(
        self, category: str, *, limit: int = 10, min_score: float | None = None
    ) -> list[SimilarCategory]:
        """Categories whose middles are nearest to that of a category, nearest first.

        Args:
            category: its id; one that was merged away leads to its survivor.
            limit: most categories.
            min_score: least cosine of the middles.

        Raises:
            NotFoundError: there is no such category.
        """
        check_page(limit)
        row, number = self.row, self._number(category)
        with self._storage.database.read() as connection:
            stored = {one["number"]: one for one in taxonomy.page(connection, row.id)}
        with self._storage.states.writing(row.id) as state:  # only as long as it takes to add up the sums
            micros, middle = state.grouping.micros, state.grouping.calibration.middle
            used = np.flatnonzero((micros.counts > 0) & (micros.categories != UNSORTED))
            numbers, place = np.unique(micros.categories[used], return_inverse=True)
            sums = micros.sums.totals(used, place, len(numbers)).astype(np.float64)
            sizes = np.bincount(place, micros.counts[used], minlength=len(numbers))
        if number not in numbers.tolist():
            return []
        own = int(np.searchsorted(numbers, number))
        squares = np.einsum("nd,nd->n", sums, sums)
        dots = sums @ sums[own]
        scores = dots / np.sqrt(np.maximum(squares * squares[own], 1e-24))
        within = (squares - sizes) / np.maximum(sizes * (sizes - 1), 1)  # mean cosine of different images of one
        between = dots / (sizes * sizes[own])
        found = []
        for at in np.argsort(-scores, kind="stable").tolist():
            other = int(numbers[at])
            if at == own or other not in stored or (min_score is not None and scores[at] < min_score):
                continue
            looser = min(within[at], within[own])
            likeness = None
            if sizes[at] > 1 and sizes[own] > 1 and looser > middle:
                likeness = round(float(np.clip((between[at] - middle) / (looser - middle), 0, 1)), 4)
            one = stored[other]
            name, label = str(row.category_id(other)), str(label_of(other, one["label"]))
            found.append(SimilarCategory(name, label, int(one["size"]), round(float(scores[at]), 6), likeness))
        return found[:limit]

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _counted(
        self, row: CollectionRow, where: filtering.ImageFilter, rows: Sequence[int] | None, by: FacetName
    ) -> Mapping[Any, int]:
        facet = cast("Facet", by)
        with self._storage.database.read() as connection:
            if rows is None:
                return counts(connection, row.id, where, facet)
            total = Counter[Any]()
            for start in range(0, len(rows), _COUNTED_AT_ONCE):
                some = filtering.only(where, rows[start : start + _COUNTED_AT_ONCE])
                total.update(counts(connection, row.id, some, facet))
            return total

    def _tags_counted(
        self, row: CollectionRow, where: filtering.ImageFilter, rows: Sequence[int] | None
    ) -> Mapping[str, int]:
        tags, total = self._namers.tagger.open(row), Counter[str]()
        if rows is None:
            with self._storage.database.read() as connection:
                rows = filtering.matching(connection, row.id, where)
        for start in range(0, len(rows), CHUNK):
            with self._storage.states.reading(row.id) as state:
                matrix = state.grouping.rows.matrix
                part = state.positions.of(rows[start : start + CHUNK])
                vectors = matrix[part[(part >= 0) & (part < len(matrix))]]
            for image in tags.of(vectors):
                total.update(one.word for one in image)
        return total

    def _facet(self, row: CollectionRow, facet: FacetName, values: Mapping[Any, int], limit: int) -> FacetCounts:
        order = sorted(values.items(), key=lambda one: (-one[1], str(one[0])))
        if facet in {"month", "taken"}:  # a calendar is read in its own order, latest first
            order = sorted(values.items(), key=lambda one: str(one[0] or ""), reverse=True)
        labels: Mapping[Any, str] = {}
        if facet == "category":
            with self._storage.database.read() as connection:
                found = taxonomy.facts(connection, row.id, [one for one, _ in order[:limit] if one is not None])
            labels = {number: str(label_of(number, one["label"])) for number, one in found.items()}
        elif facet == "group":
            labels = {row.group_number(one.id): one.label for one in self.groups()}
        counted = []
        for value, count in order[:limit]:
            shown = str(value) if value is not None else None
            label = labels.get(value, shown)
            if facet == "category":
                shown = row.category_id(value)
            elif facet == "group" and value is not None:
                shown = row.group_id(value)
            counted.append(FacetCount(shown, label, count))
        return FacetCounts(facet, counted, sum(count for _, count in order[limit:]))

    def _stacks(self, start: int, limit: int) -> DuplicatePage:
        with self._storage.database.read() as connection:
            heads = duplicates.stacks(connection, self._id, after=start, limit=limit + 1)
            number, surplus = duplicates.totals(connection, self._id)
            members = duplicates.members(connection, self._id, [head for head, _ in heads[:limit]])
        groups = [_group(some) for some in members.values() if len(some) > 1]
        following = heads[limit - 1][0] if len(heads) > limit else None
        return DuplicatePage(groups, number, surplus, following)

    def _alike(self, least: float, start: int, limit: int) -> DuplicatePage:
        with self._storage.states.writing(self._id) as state:  # only as long as it takes to copy what is near enough
            lists, length = state.grouping.lists, state.grouping.length
            alike = stars(lists.ids[:length], lists.cosines[:length], state.grouping.active, least)
            rows = state.positions.rows  # what comes later is not in it
        found = {int(rows[first]): rows[some].tolist() for first, some in alike.items()}
        with self._storage.database.read() as connection:
            stacked = dict(duplicates.stacks(connection, self._id, after=-1, limit=LARGEST_NUMBER))
            inner = {row for some in found.values() for row in some}  # its stack belongs to the group it is in
            heads = sorted((set(stacked) - inner) | set(found))
            page = [head for head in heads if head > start][: limit + 1]
            wanted = [one for head in page[:limit] for one in (head, *found.get(head, ()))]
            members = duplicates.members(connection, self._id, wanted)
        groups = []
        for head in page[:limit]:
            some = [one for row in (head, *found.get(head, ())) for one in members.get(row, ())]
            if len(some) > 1:
                groups.append(_group([some[0], *sorted(some[1:], key=lambda one: int(one["row"]))]))
        surplus = sum(map(len, found.values())) + sum(stacked.values())
        return DuplicatePage(groups, len(heads), surplus, page[limit - 1] if len(page) > limit else None)


def _group(some: Sequence[Record]) -> DuplicateGroup:
    first = some[0]
    images = [
        Duplicate(
            image_id=one["image_id"],
            name=one["name"],
            identical=one["sha256"] is not None and one["sha256"] == first["sha256"],
            width=one["width"],
            height=one["height"],
        )
        for one in some[:_SHOWN]
    ]
    return DuplicateGroup(first["image_id"], len(some), images)
