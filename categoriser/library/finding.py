"""The part of a collection that searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from categoriser.catalog import filtering, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.filtering import ImageFilter
from categoriser.domain import FloatVector, Found
from categoriser.engine.diversity import diverse
from categoriser.errors import ConfigurationError, InvalidVectorError, NotFoundError
from categoriser.library.cursor import MOST_HIDDEN, Place, read_place
from categoriser.library.filters import Filter
from categoriser.library.given import Picture, as_numbers, opened_picture
from categoriser.library.hierarchy import group_now
from categoriser.library.looking import Looking
from categoriser.library.query import Aim, Clue, Part, SearchQuery
from categoriser.library.relevance import middle
from categoriser.library.searching import Ranked, Wish, label_of, ranked

if TYPE_CHECKING:
    from categoriser.library.library import Library

_POOL: Final = 5  # candidates for every diverse result: of as many as are wanted, diversity could only change the order
_LEAST_POOL: Final = 50
_PER_CATEGORY: Final = 16  # results looked through for every category wanted, at first
_UNSORTED: Final = -1


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """The best results of one category; None is Unsorted."""

    category: str | None
    label: str | None
    results: Sequence[Found]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of results.

    Attributes:
        results: best first; of all groups, where they are grouped.
        next: cursor of the next page; None at the end.
        groups: the results by category, where that was asked for.
        min_relevance: what results had to have; None where nothing was cut off.
    """

    results: Sequence[Found]
    next: str | None = None
    groups: Sequence[FoundGroup] | None = None
    min_relevance: float | None = None


class Finding(Looking):
    """Search by words, pictures, stored images, vectors and categories, for and against, among images of any kind."""

    _library: Library

    def search(
        self,
        *,
        text: str | None = None,
        image: Picture | None = None,
        image_id: str | None = None,
        vector: npt.ArrayLike | None = None,
        category: str | None = None,
        positives: Iterable[Clue | str | Mapping[str, Any]] = (),
        negatives: Iterable[Clue | str | Mapping[str, Any]] = (),
        filter: Filter | Mapping[str, Any] | None = None,  # noqa: A002
        limit: int = 10,
        offset: int = 0,
        min_score: float | None = None,
        min_relevance: float | None = None,
        diversity: float = 0.0,
        group_by: Literal["category"] | None = None,
        group_size: int = 3,
    ) -> list[Found]:
        """Images like words, a picture, a stored image (itself left out), a vector or a category; best first.

        Several of them, and those among ``positives`` and ``negatives`` (words, or mappings with one of the five), are
        put together: see ``SearchQuery``, which also explains the other arguments. With tags in the filter none is
        needed; images are compared with words then and there, so this reads the whole collection.

        Only what is relevant is returned, perhaps nothing; ``min_relevance=0`` returns everything.

        Raises:
            ConfigurationError: there is nothing to search for, the encoder has no text tower, or an argument makes no
                sense.
            NotFoundError: no such image, category or group.
        """
        given: dict[str, Any] = {
            "text": text,
            "image": image,
            "image_id": image_id,
            "vector": vector,
            "category": category,
        }
        clues = [Clue(**{name: one}) for name, one in given.items() if one is not None]
        query = SearchQuery(
            wanted=[*clues, *map(Clue.of, positives)],
            unwanted=[*map(Clue.of, negatives)],
            filter=filter,
            limit=limit,
            offset=offset,
            min_score=min_score,
            min_relevance=min_relevance,
            diversity=diversity,
            group_by=group_by,
            group_size=group_size,
        )
        return list(self.search_page(query).results)

    def search_page(self, query: SearchQuery) -> SearchPage:
        """One page of a search, and the cursor of the next.

        Raises:
            ConfigurationError: as ``search``, or the cursor belongs to another search.
            NotFoundError: no such image, category or group.
        """
        query, row, limits = query.checked(), self.row, Filter.of(query.filter)
        if not query.wanted and not query.unwanted and not limits.words:
            raise ConfigurationError("Search for a text, an image, a vector or a category, or for tags alone.")
        place = self._place(row, query)
        aim, place = self._aim(row, query, place)
        wish = Wish(
            aim=aim,
            where=replace(self._where(limits), below=place.below),
            tags=self._namers.tagger.open(row) if limits.words else None,
            words=limits.words,
            min_score=query.min_score,
            floor=place.floor,
            after=place.after,
            seen=place.seen,
            hidden=self._own_rows(query),
        )
        if query.group_by is not None:
            return self._grouped(row, query, wish, place)
        if query.diversity:
            return self._diverse(row, query, wish, place)
        wanted = query.offset + query.limit
        found = ranked(self._storage, row, wish, wanted + 1)
        if not self._certain(query, place, found):
            return SearchPage([], min_relevance=place.floor)
        page = found[query.offset : wanted]
        following = None
        if len(found) > wanted:
            following = place.behind((page[-1].score, str(page[-1].stored["image_id"])), len(page)).written()
        return SearchPage([_shown(row, one, aim) for one in page], following, min_relevance=place.floor)

    # ---- pages of other orders -----------------------------------------------------------------------------------

    def _diverse(self, row: CollectionRow, query: SearchQuery, wish: Wish, place: Place) -> SearchPage:
        size = query.offset + query.limit
        if len(place.hidden) + size > MOST_HIDDEN:
            raise ConfigurationError(f"Diverse results end after {MOST_HIDDEN:,}; narrow the search instead.")
        wish = replace(wish, hidden=wish.hidden | set(place.hidden), after=None, seen=0)
        pool = ranked(self._storage, row, wish, max(_POOL * size, _LEAST_POOL) + 1)
        if not self._certain(query, place, pool):
            return SearchPage([], min_relevance=place.floor)
        with self._storage.states.reading(row.id) as state:
            vectors = state.vectors_of([one.row for one in pool])
        scores = np.array([one.score for one in pool], np.float32)
        order = diverse(scores, vectors, size, query.diversity).tolist()
        page = [pool[one] for one in order[query.offset :]]
        following = None
        if len(pool) > len(order):
            following = place.behind(None, len(page), tuple(pool[one].row for one in order)).written()
        return SearchPage([_shown(row, one, wish.aim) for one in page], following, min_relevance=place.floor)

    def _grouped(self, row: CollectionRow, query: SearchQuery, wish: Wish, place: Place) -> SearchPage:
        known, wanted = set(place.hidden), query.offset + query.limit
        if len(known) + wanted > MOST_HIDDEN:
            raise ConfigurationError(f"Results by category end after {MOST_HIDDEN:,} categories; narrow the search.")
        wish = replace(wish, after=None, seen=0)
        number = _PER_CATEGORY * (wanted + len(known) + 1)
        while True:
            found = ranked(self._storage, row, wish, number)
            if not self._certain(query, place, found):
                return SearchPage([], groups=[], min_relevance=place.floor)
            order = [one for one in dict.fromkeys(_category(one) for one in found) if one not in known]
            if len(order) > wanted or len(found) < number:
                break
            number *= 4
        groups, results = [], list[Found]()
        for category in order[query.offset : wanted]:
            narrow = (category,) if category != _UNSORTED else ()
            where = replace(wish.where, categories=narrow, unsorted=category == _UNSORTED)
            best = ranked(self._storage, row, replace(wish, where=where), query.group_size)
            shown = [_shown(row, one, wish.aim) for one in best]
            if shown:  # none, where a run moved them just now
                groups.append(FoundGroup(shown[0].category, shown[0].label, shown))
                results += shown
        following = None
        if len(order) > wanted:
            following = place.behind(None, len(groups), tuple(order[:wanted])).written()
        return SearchPage(results, following, groups, place.floor)

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _place(self, row: CollectionRow, query: SearchQuery) -> Place:
        digest = query.digest()
        if query.cursor is not None:
            return read_place(query.cursor, digest)
        floor = query.min_relevance
        if floor is None and query.min_score is None:
            floor = self._library.settings.search.shown
        scales = self._library.relevance.scales(row, [one.kind for one in (*query.wanted, *query.unwanted)])
        return Place(digest, row.next_row, scales, floor)

    def _certain(self, query: SearchQuery, place: Place, found: Sequence[Ranked]) -> bool:
        """Whether the best of the first page says that what is searched for is there at all."""
        first_page = not place.seen and query.min_relevance is None and query.min_score is None
        told = [one.relevance for one in found if not np.isnan(one.relevance)]
        return not first_page or not told or max(told) >= self._library.settings.search.certain

    def _aim(self, row: CollectionRow, query: SearchQuery, place: Place) -> tuple[Aim | None, Place]:
        if not query.wanted and not query.unwanted:
            return None, replace(place, floor=None)
        middles = dict(place.middles)
        sides: list[list[Part]] = []
        for side in (query.wanted, query.unwanted):
            sides.append([])
            for number, clue in enumerate(side, start=1):
                if clue.category is not None:
                    vector = self._middle(row, clue.category, middles)
                else:
                    vector = self._query(row, clue.text, clue.image, clue.image_id, clue.vector)
                sides[-1].append(Part(vector, clue.kind, _name(clue, number)))
        aim = Aim.of(sides[0], sides[1], place.scales)
        return aim, replace(place, middles=middles, floor=place.floor if aim.judged else None)

    def _middle(self, row: CollectionRow, category: str, middles: dict[str, FloatVector]) -> FloatVector:
        if category not in middles:
            number = self._number(category)
            with self._storage.states.reading(row.id) as state:
                middles[category] = middle(state, number).astype(np.float16).astype(np.float32)
        vector = middles[category]
        length = float(np.linalg.norm(vector))
        if vector.shape != (row.dimension,) or not length:
            raise ConfigurationError(f"Category {category!r} has no images to search with; try again.")
        unit: FloatVector = (vector / length).astype(np.float32)
        return unit

    def _where(self, limits: Filter) -> ImageFilter:
        return limits.resolved(self._number, self._categories_of_group)

    def _categories_of_group(self, group: str) -> list[int]:
        number = group_now(self._storage, self.row, group)
        with self._storage.database.read() as connection:
            return [one["number"] for one in taxonomy.page(connection, self._id, group=number)]

    def _own_rows(self, query: SearchQuery) -> frozenset[int]:
        """Of the stored images that are searched with."""
        ids = [one.image_id for one in (*query.wanted, *query.unwanted) if one.image_id is not None]
        if not ids:
            return frozenset()
        with self._storage.database.read() as connection:
            return frozenset(filtering.rows_of(connection, self._id, ids).values())

    def _query(
        self,
        row: CollectionRow,
        text: str | None,
        image: Picture | None,
        image_id: str | None,
        vector: npt.ArrayLike | None,
    ) -> FloatVector:
        """The unit vector of the one that is given."""
        if image_id is not None:
            self._stored(image_id)
            points = self._storage.store(row).fetch(row.key, [image_id])
            if not len(points):
                raise NotFoundError(f"The vector of image {image_id!r} is not there yet or not any more; try again.")
            stored: FloatVector = points.vectors[0]
            return stored
        if vector is not None:
            return _as_query(vector, row.dimension)
        encoder = self._library.encoder_of(row)
        if text is not None:
            vectors = encoder.encode_texts([text]) if encoder.reads_text else None
            if vectors is None:
                return self._by_table(row, text, encoder.id)
        else:
            vectors = encoder.encode_images([opened_picture(image, encoder, self._library.settings)])
        query: FloatVector = vectors[0]
        return query

    def _by_table(self, row: CollectionRow, text: str, encoder_id: str) -> FloatVector:
        space = self._library.relevance.joint_space(row)
        if space is None:
            raise ConfigurationError(
                f"The encoder {encoder_id} of collection {self.name!r} does not read text; search by picture, or "
                "use an encoder with a text tower such as laion-clip-b32."
            )
        vectors, known = space.texts([text])
        if not known[0]:
            raise ConfigurationError(
                f"The table of words knows no {text[:80]!r}, and the encoder {encoder_id} of collection "
                f"{self.name!r} reads no text; search by other words, or by picture."
            )
        return _as_query(vectors[0], row.dimension)


def _as_query(vector: npt.ArrayLike, dimension: int) -> FloatVector:
    array = as_numbers(vector).ravel()
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(array))
    if array.shape != (dimension,) or not np.isfinite(norm) or norm == 0:
        raise InvalidVectorError(f"The query must be {dimension} finite numbers that are not all zero.")
    unit: FloatVector = (array / norm).astype(np.float32)
    return unit


def _name(clue: Clue, number: int) -> str:
    """What results call a thing that was searched for."""
    if clue.text is not None:
        return f"text: {clue.text}"
    if clue.image_id is not None:
        return f"image: {clue.image_id}"
    if clue.category is not None:
        return f"category: {clue.category}"
    return f"picture {number}" if clue.image is not None else f"vector {number}"


def _category(one: Ranked) -> int:
    number = one.stored["category"]
    return _UNSORTED if number is None else int(number)


def _shown(row: CollectionRow, one: Ranked, aim: Aim | None) -> Found:
    stored = one.stored
    return Found(
        image_id=stored["image_id"],
        score=one.score,
        category=row.category_id(stored["category"]),
        label=label_of(stored["category"], stored["label"]),
        name=stored["name"],
        source=stored["source"],
        relevance=None if np.isnan(one.relevance) else round(one.relevance, 4),
        nearest=None if aim is None or one.nearest < 0 else aim.wanted[one.nearest].name,
    )
