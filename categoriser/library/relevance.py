"""Keeps the scales of relevance of each collection: made when first needed, and anew when it has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.encoders import Encoder, takes_ready_vectors, takes_texts
from categoriser.engine import UNSORTED
from categoriser.engine.relevance import Scale, scale_of
from categoriser.errors import CategoriserError
from categoriser.library.lexicons import Lexicons
from categoriser.library.query import Kind, Scales
from categoriser.naming.spaces import JointSpace
from categoriser.naming.vocabulary import Term
from categoriser.state import EngineState, Storage

_QUERIES: Final = 384
_IMAGES: Final = 8192
_WORDS_AT_ONCE: Final = 128  # that a text tower reads for this where nobody had it read the vocabulary
_REGROW: Final = 1.25  # images, for which scales are made anew
_KEPT: Final = 1000  # collections


class Relevance:
    """Scales of every collection of a library; thread-safe."""

    def __init__(self, storage: Storage, lexicons: Lexicons, encoder_of: Callable[[CollectionRow], Encoder]) -> None:
        self._storage = storage
        self._lexicons = lexicons
        self._encoder_of = encoder_of
        self._guard = threading.Lock()
        self._made: OrderedDict[tuple[int, Kind], tuple[tuple[int, int], Scale | None]] = OrderedDict()
        self._words: dict[str, FloatMatrix] = {}  # by encoder

    def scales(self, collection: CollectionRow, kinds: Iterable[Kind]) -> Scales:
        """Those of the kinds that the collection can tell."""
        found: Scales = {}
        for kind in sorted(set(kinds)):
            scale = self._scale(collection, kind)
            if scale is not None:
                found[kind] = scale
        return found

    def joint_space(self, collection: CollectionRow) -> JointSpace | None:
        """Where words are, for encoders that read none themselves: a ready table in the space of the vectors."""
        if not self._lexicons.has_table:
            return None
        words = self._lexicons.words_of(collection)
        return None if words is None or not words.lexicon.space.linear else words.lexicon.space

    def _scale(self, collection: CollectionRow, kind: Kind) -> Scale | None:
        stamp = (collection.taxonomy_version, int(np.log(collection.next_row + 1) / np.log(_REGROW)))
        with self._guard:
            stored = self._made.get((collection.id, kind))
            if stored is not None and stored[0] == stamp:
                self._made.move_to_end((collection.id, kind))
                return stored[1]
        words = self._words_of(collection) if kind == "text" else None
        scale = None
        if kind != "text" or words is not None:
            with self._storage.states.writing(collection.id) as state:  # only as long as it takes to copy some vectors
                sample = _Sample.of(state, middles=kind == "category")
            scale = sample.scale(kind, words)
        with self._guard:
            self._made[collection.id, kind] = stamp, scale
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return scale

    def _words_of(self, collection: CollectionRow) -> FloatMatrix | None:
        """Vectors of words, as a text that is searched for would get them."""
        if takes_texts(collection.encoder_id):
            return None
        if collection.encoder_id not in self._words:
            try:
                found = self._read_words(collection)
            except CategoriserError:  # told where names are made; a search goes on without
                return None
            if found is None:
                return None
            self._words[collection.encoder_id] = found
        return self._words[collection.encoder_id]

    def _read_words(self, collection: CollectionRow) -> FloatMatrix | None:
        space = self.joint_space(collection)
        terms = self._lexicons.vocabulary().terms
        if space is not None:
            listed = getattr(space, "vocabulary", None)
            terms = terms if listed is None else listed.terms
            vectors, known = space.texts(_some(terms, _QUERIES))
            return vectors[np.array(known, np.bool_)]
        if takes_ready_vectors(collection.encoder_id):
            return None
        # plain words and no prompts, as people search
        return self._encoder_of(collection).encode_texts(_some(terms, _WORDS_AT_ONCE))


@dataclass(frozen=True, slots=True)
class _Sample:
    """Images of a collection in random order, and the middles of its categories."""

    vectors: FloatMatrix
    labels: IntVector
    numbers: IntVector
    middles: FloatMatrix
    count: int  # images of the whole collection

    @classmethod
    def of(cls, state: EngineState, *, middles: bool) -> _Sample:
        grouping = state.grouping
        rows, labels = np.flatnonzero(grouping.active), grouping.labels
        seen = np.random.default_rng(len(rows)).permutation(rows)[:_IMAGES]
        numbers = np.unique(labels[seen][labels[seen] != UNSORTED])[: _QUERIES if middles else 0]
        centres = [middle(state, number) for number in numbers.tolist()]
        matrix = grouping.rows.matrix
        empty = np.empty((0, matrix.shape[1]), np.float32)
        return cls(matrix[seen], labels[seen], numbers, np.stack(centres) if centres else empty, len(rows))

    def scale(self, kind: Kind, words: FloatMatrix | None) -> Scale | None:
        if kind == "category":
            return scale_of(self.middles, self.vectors, self.numbers, self.labels, self.count)
        if kind == "image":
            asked = np.flatnonzero(self.labels != UNSORTED)[:_QUERIES]
            return scale_of(self.vectors[asked], self.vectors, self.labels[asked], self.labels, self.count)
        if words is None:
            return None
        anything: IntVector = np.full(len(words), UNSORTED, np.int64)
        return scale_of(words, self.vectors, anything, self.labels, self.count)


def middle(state: EngineState, number: int) -> FloatVector:
    """The mean of a category's images, scaled to unit length [d]; zero for one without images."""
    micros = state.grouping.micros
    own = np.flatnonzero((micros.categories == number) & (micros.counts > 0))
    total = micros.sums[own].sum(axis=0).astype(np.float64)
    scaled: FloatVector = (total / max(float(np.linalg.norm(total)), 1e-12)).astype(np.float32)
    return scaled


def _some(terms: Sequence[Term], number: int) -> list[str]:
    """Words spread over all of them: files have them in an order of kinds."""
    places = np.unique(np.linspace(0, len(terms) - 1, min(number, len(terms))).astype(np.int64))
    return [terms[place].word for place in places.tolist()] if terms else []
