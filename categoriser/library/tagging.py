"""Tags of images: words of the vocabulary that fit, computed from the vectors when somebody asks; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatMatrix, FloatVector, Tag
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library.lexicons import Lexicons
from categoriser.maintenance.evidence import gathered
from categoriser.naming import Survey
from categoriser.naming.atlas import Atlas, Lexicon
from categoriser.naming.tags import tag_images, tagged
from categoriser.state import Storage

CHUNK: Final = 1000  # images whose words are compared at once: some ten megabytes


@dataclass(frozen=True, slots=True)
class Tags:
    """The words of a collection as of now. ``mean``: what its categories share; tags say how an image differs."""

    lexicon: Lexicon
    mean: FloatVector | None

    def of(self, vectors: FloatMatrix) -> list[list[Tag]]:
        """Of images [n, d], best first."""
        return tag_images(self.lexicon, vectors, self.mean)

    def wanted(self, words: Sequence[str]) -> list[list[int]]:
        """For each word the rows of the lexicon that count as it: itself and all that is a kind of it.

        Raises:
            ConfigurationError: the vocabulary does not have it.
        """
        found = {word: self.lexicon.kinds(word) for word in words}
        unknown = [word for word, rows in found.items() if not rows]
        if unknown:
            raise ConfigurationError(
                f"No image can have the tag {unknown[0]!r}: the vocabulary has no such word; `categoriser vocabulary` "
                "lists its words, and the setting naming.vocabulary adds a file of yours."
            )
        return list(found.values())

    def bearing(self, vectors: FloatMatrix, wanted: Sequence[Sequence[int]]) -> FloatVector:
        """Scores [n] of images by wanted words; NaN for those that lack one."""
        return tagged(self.lexicon, vectors, self.mean, wanted)


class Tagger:
    """Makes the tags of every collection of a library."""

    def __init__(self, storage: Storage, lexicons: Lexicons) -> None:
        self._storage = storage
        self._lexicons = lexicons
        self._means: dict[int, tuple[int, FloatVector]] = {}  # collection → version of its categories, mean

    def open(self, collection: CollectionRow) -> Tags:
        """The words of a collection; the first time for an encoder its text tower reads all of them.

        Raises:
            ConfigurationError: its pictures cannot be compared with words.
        """
        words = self._lexicons.words_of(collection)
        if words is None or not len(words.lexicon):
            raise ConfigurationError(
                f"Images of collection {collection.name!r} have no tags: "
                + (
                    self._lexicons.problem
                    or f"the encoder {collection.encoder_id} does not read text and no table of words is set; use an "
                    "encoder with a text tower such as laion-clip-b32, or the setting naming.table."
                )
            )
        return self._made(collection, words.lexicon)

    def ready(self, collection: CollectionRow) -> Tags | None:
        """As ``open``; None where there are no words, or not at once."""
        words = self._lexicons.ready(collection)
        return None if words is None or not len(words.lexicon) else self._made(collection, words.lexicon)

    def at_once(self, collection: CollectionRow, image_id: str) -> list[Tag] | None:
        """The tags of one image; None where nobody who only looks at it should wait for them, or there are none."""
        tags = self.ready(collection)
        points = None if tags is None else self._storage.store(collection).fetch(collection.key, [image_id])
        return None if tags is None or points is None or not len(points) else tags.of(points.vectors)[0]

    def of_image(self, collection: CollectionRow, tags: Tags, image_id: str) -> list[Tag]:
        """The tags of one image.

        Raises:
            NotFoundError: its vector is not in the store.
        """
        points = self._storage.store(collection).fetch(collection.key, [image_id])
        if not len(points):
            raise NotFoundError(f"The vector of image {image_id!r} is not there yet or not any more; try again.")
        return tags.of(points.vectors)[0]

    def with_tags(
        self, collection: CollectionRow, tags: Tags, rows: Iterator[Mapping[str, Any]]
    ) -> Iterator[Mapping[str, Any]]:
        """Image rows with ``tags``, an empty list for those whose vector is not in the store."""
        store, chunk = self._storage.store(collection), list[Mapping[str, Any]]()

        def finished() -> Iterator[Mapping[str, Any]]:
            points = store.fetch(collection.key, [row["image_id"] for row in chunk])
            found = dict(zip(points.image_ids, tags.of(points.vectors), strict=True))
            for row in chunk:
                yield {**row, "tags": found.get(row["image_id"], [])}

        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield from finished()
                chunk.clear()
        if chunk:
            yield from finished()

    def _made(self, collection: CollectionRow, lexicon: Lexicon) -> Tags:
        version, mean = self._means.get(collection.id, (-1, None))
        if version != collection.taxonomy_version:
            with self._storage.states.writing(collection.id) as state:  # only as long as it takes to copy some vectors
                survey = Survey(list(gathered(state).values()))
            mean = None
            if len(survey):  # with one category more or less the mean of all is nearly the same
                mean = Atlas(lexicon, survey).offset
                self._means[collection.id] = (collection.taxonomy_version, mean)
        return Tags(lexicon, mean)
