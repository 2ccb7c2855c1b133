"""Ranks the images of a collection by a query, within conditions.

Two ways lead to the same answer. *Near*: the store is asked for somewhat more images than are wanted, in the
micro-clusters nearest to the query, and SQL says which of those meet the conditions; while too few do, more are asked
for. *Whole*: SQL lists all images that meet the conditions, and their vectors are compared with the query; exact, and
fastest where conditions leave few. Near comes first, since nobody knows beforehand how many images meet a condition and
counting them costs as much as listing them; it gives up when what it read says that whole is cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from categoriser.catalog import filtering
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.filtering import ImageFilter
from categoriser.domain import FloatMatrix, FloatVector, IntVector, Where
from categoriser.engine import UNSORTED
from categoriser.engine.grouping import EXACT_UP_TO
from categoriser.errors import ConfigurationError
from categoriser.library.query import Aim
from categoriser.library.tagging import CHUNK, Tags
from categoriser.state import EngineState, Storage, store_micro

_MORE: Final = 4  # candidates for every image wanted, where there are conditions
_GROWTH: Final = 8
_LISTS: Final = 96  # micro-clusters of wanted categories that are read
_MOST_NEAR: Final = 128  # candidates: deeper the lists miss some, and the collection is read completely
_BLOCK: Final = 8192  # vectors multiplied at a time: bounded memory
_REFINED: Final = 512  # of the best: scored exactly at a time
_SLACK: Final = 1e-5  # between a product of float32 matrices and the score of one image


@dataclass(frozen=True, slots=True)
class Wish:
    """What to rank and what to leave out.

    Attributes:
        aim: the query; None orders by the score of the tags.
        where: conditions.
        tags, words: the words of the collection, and those that an image must have among its tags.
        hidden: rows that are never returned.
        min_score: least cosine, or score of the tags.
        floor: least relevance; images whose relevance cannot be told pass.
        after: score and image id of the last one of the page before.
        seen: how many were on the pages before.
    """

    aim: Aim | None
    where: ImageFilter
    tags: Tags | None = None
    words: tuple[str, ...] = ()
    hidden: frozenset[int] = field(default=frozenset())
    min_score: float | None = None
    floor: float | None = None
    after: tuple[float, str] | None = None
    seen: int = 0

    @property
    def least(self) -> float:
        """No image with a lower score can be a result."""
        floor = -np.inf if self.min_score is None else float(np.float32(self.min_score)) - 1e-7
        if self.aim is not None and self.aim.simple and self.floor is not None:
            scale = self.aim.scales.get(self.aim.wanted[0].kind)
            floor = floor if scale is None else max(floor, scale.cosine(self.floor))
        return float(floor)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One result. ``relevance`` is NaN where it cannot be told; ``nearest``: place of a wanted part, or -1."""

    row: int
    score: float
    relevance: float
    nearest: int
    stored: Mapping[str, Any]  # image_id, category, label, name, source

    @property
    def key(self) -> tuple[float, str]:
        """Results are in the order of this."""
        return -self.score, str(self.stored["image_id"])


def ranked(storage: Storage, collection: CollectionRow, wish: Wish, wanted: int) -> list[Ranked]:
    """The first ``wanted`` images by falling score, equal ones by image id.

    Raises:
        ConfigurationError: there is neither a query nor a tag.
    """
    if wish.aim is None and wish.tags is None:
        raise ConfigurationError("Search for a text, an image, a vector, a category or tags.")
    with storage.states.reading(collection.id) as state:
        search = _Search(storage, collection, state, wish)
        return search.near(wanted) if search.has_lists else search.whole(wanted)


def bearing(storage: Storage, collection: CollectionRow, wish: Wish) -> list[int]:
    """Rows of all images that meet the conditions and bear the tags, in order of arrival."""
    with storage.states.reading(collection.id) as state:
        rows: list[int] = _Search(storage, collection, state, wish).matching().tolist()
        return rows


def label_of(number: int | None, label: str | None) -> str | None:
    """What people read: the label, or a numbered stand-in as long as there is none; None for Unsorted."""
    if number is None:
        return None
    return label or f"Category {number + 1}"


class _Search:
    def __init__(self, storage: Storage, collection: CollectionRow, state: EngineState, wish: Wish) -> None:
        self._storage = storage
        self._collection = collection
        self._state = state
        self._wish = wish
        self._matrix: FloatMatrix = state.grouping.rows.matrix  # a view: what comes later is not in it
        self._positions = state.positions
        below = wish.where.below
        self._end = len(self._matrix) if below is None else min(self._positions.below(below), len(self._matrix))
        self._hidden = self._positions.of(sorted(wish.hidden))
        self._tagged: dict[int, float] = {}  # position → score of its tags
        self.has_lists = (
            wish.aim is not None and wish.tags is None and len(self._matrix) > EXACT_UP_TO
        )  # tags are computed from vectors, so all are read

    # ---- near ----------------------------------------------------------------------------------------------------

    def near(self, wanted: int) -> list[Ranked]:
        """As ``ranked``, from the micro-clusters nearest to the query as long as that is cheaper."""
        wish = self._wish
        first = wanted + len(wish.hidden) + wish.seen + 1
        number = first if self._any else _MORE * first
        while number <= _MOST_NEAR:  # twice at most
            nearest, scores = self._nearest(number)
            found = self._kept(nearest, scores)
            exhausted = len(scores) and scores.min() < wish.least
            if len(found) >= wanted or exhausted or len(nearest) < number:
                answer = self._described(found, wanted)
                if len(answer) >= wanted or exhausted:
                    return answer
            number *= _GROWTH
        return self.whole(wanted)

    def _lists(self, direction: FloatVector, number: int) -> IntVector:
        """Micro-clusters to search in: those nearest to the query, of the wanted categories where some are."""
        grouping, where = self._state.grouping, self._wish.where
        if not filtering.needs_categories(where):
            return grouping.lists_around(direction, number)
        wanted = [*(where.categories or ()), *([UNSORTED] if where.unsorted else [])]
        micros = grouping.micros
        length = micros.length  # others may come meanwhile
        mine = np.isin(micros.categories[:length], np.array(wanted, np.int64)) & (micros.counts[:length] > 0)
        inside = np.flatnonzero(mine)
        return micros.nearest(inside, direction, max(_LISTS, 4 * number))

    @property
    def _any(self) -> bool:
        """Whether nearly every image near the query is a result."""
        aim, where = self._wish.aim, self._wish.where
        everywhere = replace(where, categories=None, unsorted=False)
        return everywhere.open and (self._wish.floor is None or (aim is not None and aim.simple))

    def _nearest(self, number: int) -> tuple[IntVector, npt.NDArray[np.float64]]:
        aim, collection = self._aim, self._collection
        micros = self._lists(aim.direction, number)
        where = Where(micro_ids=[store_micro(collection.id, one) for one in micros.tolist()])
        hits = self._storage.store(collection).search(collection.key, aim.direction, number, where=where)
        with self._storage.database.read() as connection:
            rows = filtering.rows_of(connection, collection.id, [hit.image_id for hit in hits])
        found = self._here(list(rows.values()))
        return found, aim.scores(self._matrix[found])

    def _here(self, rows: Sequence[int]) -> IntVector:
        """Positions of those of the images that have a vector here."""
        positions = self._positions.of(rows)
        found: IntVector = positions[(positions >= 0) & (positions < len(self._matrix))]
        return found

    # ---- whole ---------------------------------------------------------------------------------------------------

    def whole(self, wanted: int) -> list[Ranked]:
        """As ``ranked``, from all images that meet the conditions."""
        candidates = self._candidates()
        rough = self._rough(candidates)
        order = np.argsort(-rough, kind="stable")
        candidates, rough = candidates[order], rough[order]
        end = int(np.searchsorted(-rough, -(self._wish.least - _SLACK), side="right"))
        found: list[Ranked] = []
        start, size = 0, max(_REFINED, wanted + self._wish.seen)
        while start < end:
            stop = min(end, start + size)
            block = candidates[start:stop]
            found += self._described(self._kept(block, self._scores(block), filtered=True), len(block))
            found.sort(key=lambda one: one.key)
            if len(found) >= wanted and (stop == end or rough[stop] < found[wanted - 1].score - _SLACK):
                break
            start, size = stop, 2 * size
        return found[:wanted]

    def matching(self) -> IntVector:
        """Rows of all images that meet the conditions and bear the tags, in order of arrival."""
        return self._positions.rows[self._candidates()]

    def _candidates(self) -> IntVector:
        """Positions of all images that meet the conditions and bear the tags, in order of arrival."""
        where = self._wish.where
        if where.open:
            found = self._state.grouping.present()
            found = found[found < self._end]
        else:
            with self._storage.database.read() as connection:
                found = self._here(filtering.matching(connection, self._collection.id, where))
        return found if self._wish.tags is None else self._bearing(found, self._wish.tags)

    def _bearing(self, candidates: IntVector, tags: Tags) -> IntVector:
        wanted = tags.wanted(self._wish.words)
        for start in range(0, len(candidates), CHUNK):
            part = candidates[start : start + CHUNK]
            borne = tags.bearing(self._matrix[part], wanted)
            self._tagged |= {at: float(one) for at, one in zip(part.tolist(), borne, strict=True) if np.isfinite(one)}
        return np.array(sorted(self._tagged), np.int64)

    def _rough(self, candidates: IntVector) -> npt.NDArray[np.float64]:
        if self._wish.aim is None:
            return self._scores(candidates)
        direction, number = self._wish.aim.direction, len(candidates)
        if 3 * number > len(self._matrix):  # reading in order is faster than picking
            cosines = np.empty(len(self._matrix), np.float32)
            for start in range(0, len(cosines), _BLOCK):
                np.matmul(self._matrix[start : start + _BLOCK], direction, out=cosines[start : start + _BLOCK])
            return cosines[candidates].astype(np.float64)
        parts = [self._matrix[candidates[start : start + _BLOCK]] @ direction for start in range(0, number, _BLOCK)]
        return np.concatenate([np.empty(0, np.float32), *parts]).astype(np.float64)

    # ---- both ----------------------------------------------------------------------------------------------------

    @property
    def _aim(self) -> Aim:
        if self._wish.aim is None:
            raise ConfigurationError("Search for a text, an image, a vector, a category or tags.")
        return self._wish.aim

    def _scores(self, positions: IntVector) -> npt.NDArray[np.float64]:
        if self._wish.aim is None:
            return np.array([self._tagged[one] for one in positions.tolist()], np.float64)
        return self._wish.aim.scores(self._matrix[positions])

    def _kept(
        self, positions: IntVector, scores: npt.NDArray[np.float64], *, filtered: bool = False
    ) -> list[tuple[int, float, float, int]]:
        """Row, score, relevance and nearest part of those that may be results."""
        wish = self._wish
        keep = scores >= wish.least
        if wish.after is not None:
            keep &= scores <= wish.after[0]
        if len(self._hidden):
            keep &= ~np.isin(positions, self._hidden)
        keep &= positions < self._end
        positions, scores = positions[keep], scores[keep]
        rows = self._positions.rows[positions]
        if not filtered and not wish.where.open and len(rows):
            with self._storage.database.read() as connection:
                passed = filtering.passing(connection, self._collection.id, wish.where, rows.tolist())
            inside = np.fromiter((row in passed for row in rows.tolist()), np.bool_, len(rows))
            positions, rows, scores = positions[inside], rows[inside], scores[inside]
        if wish.aim is None:
            return [(row, score, np.nan, -1) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]
        judged = wish.aim.judge(self._matrix[positions])
        good = ~judged.spoilt
        if wish.floor is not None:
            good &= ~(judged.relevance < wish.floor)
        columns = (rows, scores, judged.relevance, judged.nearest)
        return list(zip(*(column[good].tolist() for column in columns), strict=True))

    def _described(self, found: Sequence[tuple[int, float, float, int]], wanted: int) -> list[Ranked]:
        """The best of them in order; those that were deleted meanwhile are left out."""
        wish = self._wish
        best = sorted(found, key=lambda one: -one[1])
        if len(best) > wanted:
            spare = sum(wish.after is not None and one[1] == wish.after[0] for one in best)
            last = best[min(len(best), wanted + spare) - 1][1]
            best = [one for one in best if one[1] >= last]  # with all that are equal to the last
        with self._storage.database.read() as connection:
            stored = filtering.shown(connection, self._collection.id, [row for row, *_ in best])
        answer = [
            Ranked(row, score, relevance, nearest, stored[row])
            for row, score, relevance, nearest in best
            if row in stored
        ]
        if wish.after is not None:
            last_key = (-wish.after[0], wish.after[1])
            answer = [one for one in answer if one.key > last_key]
        return sorted(answer, key=lambda one: one.key)[:wanted]
