"""Search by words, picture, stored image or vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from categoriser.catalog import images, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatVector, Found, Hit, Where
from categoriser.engine.grouping import EXACT_UP_TO
from categoriser.errors import ConfigurationError
from categoriser.library.tag_search import tagged_hits
from categoriser.library.tagging import Tags
from categoriser.state import Storage, store_micro

LISTS = 96  # micro-clusters of one category that are read
MOST_WANTED = 500  # results from the first on; who wants more has the collection read completely


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search may return. Times are seconds since the epoch.

    ``category``: an id, or "unsorted". ``tags``: words that an image must all have among its tags, or a kind of each.
    """

    category: str | None = None
    added_from: float | None = None  # inclusive
    added_before: float | None = None  # exclusive
    tags: str | Sequence[str] = ()

    @classmethod
    def of(cls, given: Filter | Mapping[str, Any] | None) -> Filter:
        """A filter from what a caller has.

        Raises:
            ConfigurationError: a key is unknown.
        """
        if given is None:
            return cls()
        if isinstance(given, Filter):
            return given
        unknown = set(given) - set(cls.__dataclass_fields__)
        if unknown:
            raise ConfigurationError(
                f"A search cannot filter by {', '.join(sorted(unknown))}, only by "
                f"{', '.join(cls.__dataclass_fields__)}."
            )
        return cls(**given)

    @property
    def words(self) -> tuple[str, ...]:
        """The tags; a single one may have been given as it is."""
        return (self.tags,) if isinstance(self.tags, str) else tuple(self.tags)


def search(
    storage: Storage,
    collection: CollectionRow,
    vector: FloatVector | None,
    *,
    micros: Sequence[int] | None,
    limits: Filter,
    limit: int,
    offset: int,
    min_score: float | None,
    exclude_ids: Sequence[str] = (),
    tags: Tags | None = None,
) -> list[Found]:
    """The images nearest to a unit vector, best first.

    A large collection is read through the micro-clusters nearest to the query, which are its inverted lists; a small
    one, and one that is searched for tags, is read completely.

    Args:
        storage: of the library.
        collection: the collection.
        vector: the query; None orders by the score of its tags.
        micros: micro-clusters to search in; None for all.
        limits: what may be found.
        limit: most results.
        offset: results to leave out.
        min_score: least cosine.
        exclude_ids: images to leave out.
        tags: words of the collection, where ``limits`` has tags.
    """
    lists = micros
    timeless = limits.added_from is None and limits.added_before is None  # the nearest may hold nothing of some time
    if vector is not None and tags is None and timeless:
        lists = _lists(storage, collection, vector, micros, wanted=limit + offset + len(exclude_ids))
    where = Where(
        micro_ids=None if lists is None else [store_micro(collection.id, number) for number in lists],
        added_from=limits.added_from,
        added_before=limits.added_before,
        exclude_ids=exclude_ids,
    )
    if tags is not None:
        hits = tagged_hits(
            storage,
            collection,
            tags,
            limits.words,
            vector=vector,
            where=where,
            limit=limit,
            offset=offset,
            min_score=min_score,
        )
    elif vector is None:
        raise ConfigurationError("Search for a text, an image, a vector or tags.")
    else:
        hits = storage.store(collection).search(
            collection.key, vector, limit, where=where, offset=offset, min_score=min_score
        )
    return _described(storage, collection, hits)


def micros_of_category(storage: Storage, collection: CollectionRow, number: int | None) -> list[int]:
    """Micro-clusters of a category, or of Unsorted for None."""
    with storage.database.read() as connection:
        return taxonomy.micros_of(connection, collection.id, number)


def _lists(
    storage: Storage, collection: CollectionRow, vector: FloatVector, micros: Sequence[int] | None, *, wanted: int
) -> list[int] | None:
    """Micro-clusters to search in; None for all."""
    if collection.next_row <= EXACT_UP_TO or wanted > MOST_WANTED:
        return None if micros is None else list(micros)
    with storage.states.reading(collection.id) as state:
        if micros is None:
            found = state.grouping.lists_around(vector, wanted)
        else:
            found = state.grouping.micros.nearest(np.array(micros, np.int64), vector, max(LISTS, 4 * wanted))
        numbers: list[int] = found.tolist()
        return numbers


def _described(storage: Storage, collection: CollectionRow, hits: Sequence[Hit]) -> list[Found]:
    with storage.database.read() as connection:
        rows = images.named(connection, collection.id, [hit.image_id for hit in hits])
    found = []
    for hit in hits:
        row = rows.get(hit.image_id)
        if row is None:
            continue  # deleted since the store answered
        found.append(
            Found(
                image_id=hit.image_id,
                score=hit.score,
                category=collection.category_id(row["category"]),
                label=label_of(row["category"], row["label"]),
                name=row["name"],
                source=row["source"],
            )
        )
    return found


def label_of(number: int | None, label: str | None) -> str | None:
    """What people read: the label, or a numbered stand-in as long as there is none; None for Unsorted."""
    if number is None:
        return None
    return label or f"Category {number + 1}"
