"""Makes views and collections of texts, brings views up to date with their collection, and deletes them with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from categoriser.catalog import collections, views
from categoriser.catalog.collections import CollectionRow
from categoriser.encoders.texts import TERMS, WORDS
from categoriser.encoders.words import DIMENSION
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library.projection import Terms
from categoriser.library.view import View

if TYPE_CHECKING:
    from categoriser.library.library import Library

_LONGEST_NAME = 200


def follow(library: Library, collection_id: int) -> None:
    """Bring the views that follow a collection up to date with what was filed there."""
    with library.storage.database.glance() as connection:  # after every arrival, and mostly there are none
        rows = views.following(connection, collection_id)
    for one in rows:
        View(library, one).catch_up()


def delete_views(library: Library, parent: CollectionRow) -> None:
    """Delete all views of a collection."""
    with library.storage.database.read() as connection:
        rows = views.of_collection(connection, parent.key)
    for row in rows:
        View(library, row).drop()


def create_view(
    library: Library,
    parent_id: int,
    name: str,
    *,
    criterion: str,
    from_metadata: str | None,
    terms: Sequence[str] | Mapping[str, npt.ArrayLike] | None,
    categories: int | None,
    encoder: str | None,
) -> CollectionRow:
    """A new view of a collection.

    Raises:
        ConfigurationError: the name or what it is to be made of makes no sense.
        NotFoundError: the collection was deleted.
    """
    if not name or len(name) > _LONGEST_NAME or any(unicodedata.category(letter).startswith("C") for letter in name):
        raise ConfigurationError(
            f"{name!r} cannot name a view: use 1 to {_LONGEST_NAME} characters without control characters."
        )
    storage = library.storage
    with storage.database.read() as connection:
        parent = collections.get(connection, parent_id)
    if parent is None:
        raise NotFoundError("The collection was deleted meanwhile.")
    if parent.parent_key is not None:
        raise ConfigurationError("A view has no views of its own: make it on the collection.")
    spec: dict[str, Any] = {} if from_metadata is None else {"from_metadata": from_metadata}
    if terms is not None:
        if encoder is not None or from_metadata is not None:
            raise ConfigurationError("A view is made of terms or of texts, not of both.")
        made = Terms.of(terms, lambda words: library.encoder_of(parent).encode_texts(words), parent.dimension)
        spec["terms"] = made.as_dict()
    spec_name = TERMS if terms is not None else encoder or WORDS
    return _create(
        library,
        views.collection_name(parent.key, name),
        criterion=criterion,
        encoder=spec_name,
        encoder_id=f"terms:{parent.encoder_id}"[:255] if terms is not None else None,
        dimension=parent.dimension if terms is not None else None,
        categories=categories,
        spec=spec,
        parent_key=parent.key,
    )


def create_texts(library: Library, name: str, *, criterion: str, encoder: str, categories: int | None) -> CollectionRow:
    """A new collection of texts alone."""
    return _create(library, name, criterion=criterion, encoder=encoder, categories=categories, spec={})


def _create(
    library: Library,
    name: str,
    *,
    criterion: str,
    encoder: str,
    categories: int | None,
    spec: Mapping[str, Any],
    encoder_id: str | None = None,
    dimension: int | None = None,
    parent_key: str | None = None,
) -> CollectionRow:
    if categories is not None and categories < 1:
        raise ConfigurationError(f"The number of categories is {categories}; it must be at least 1, or left out.")
    if encoder != WORDS and encoder_id is None:
        if not encoder.startswith("sentence:"):
            raise ConfigurationError(f"{encoder!r} reads no texts: use 'words' or sentence:MODEL.")
        opened = library.encoders.named(encoder)
        encoder_id, dimension = opened.id[:255], opened.dimension
    with library.storage.database.write() as connection:
        if parent_key is not None and collections.by_key(connection, parent_key) is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        row = collections.create(
            connection,
            name,
            encoder_id=encoder_id or f"{WORDS}-1",
            encoder_spec=encoder,
            dimension=dimension or DIMENSION,
            granularity=library.settings.granularity,
            parent_key=parent_key,
            wanted=categories,
        )
        views.create(connection, row.id, criterion, views.stored_json(spec))
    return row
