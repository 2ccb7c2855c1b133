"""What was learned from a collection's texts: which words can label a text, and which word a label is a kind of."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import Any, Self

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.encoders.words.reading import Slot, tokens, units
from categoriser.encoders.words.topics import topics_of

DIMENSION = 256
RELEVANCE_POWER = 0.7
RANK_POWER = 0.35  # what is said first matters more
MOST_LABELS = 3
_FAINT = 0.15  # of the strongest label of a text
_OWN = 0.1  # what a text's own words keep beside the general ones they stand under
_GRAIN = 0.4  # length of what tells texts with the same labels apart
_NEW_WORD = 0.5  # a word never seen stands for less than its place says


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Cheap to apply; learned anew while the collection grows (`learn`).

    Attributes:
        texts: number of texts it was learned from.
        weights: word → how well it labels, in (0, 1].
        roots: word → the more general word that stands for it, itself for most.
        singular: plural → singular.
        slots: place in a sentence → how often an answer to the criterion stands there, for new words.
        verbs: labels are what is done, not things.
        topics: word → its part in what else texts say; empty where labels alone count.
    """

    texts: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    singular: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[Slot, float] = field(default_factory=dict)
    verbs: bool = False
    topics: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def words(self, text: str) -> list[str]:
        """The tokens of a text, plurals folded."""
        return [self.singular.get(word, word) for word in tokens(text)]

    def salience(self, text: str) -> dict[str, float]:
        """Labels of a text in its own words with their strengths, strongest first."""
        document = self.words(text)
        weights = self._with_new_words(document)
        order: list[str] = []
        counts: dict[str, int] = {}
        for word in document:
            if word in weights:
                if word not in counts:
                    order.append(word)
                counts[word] = counts.get(word, 0) + 1
        found = {
            word: weights[word] * (1 + math.log(counts[word])) / (1 + rank) ** RANK_POWER
            for rank, word in enumerate(order)
        }
        least = _FAINT * max(found.values(), default=0.0)
        best = sorted(found, key=found.__getitem__, reverse=True)[:MOST_LABELS]
        return {word: found[word] for word in best if found[word] >= least}

    def labels(self, text: str) -> dict[str, float]:
        """General labels of a text with their shares, largest first; empty when it has none."""
        return self._shares(text, 0.0)

    def specific_labels(self, text: str) -> dict[str, float]:
        """As ``labels``, with a small share for the text's own words."""
        return self._shares(text, _OWN)

    def _shares(self, text: str, own: float) -> dict[str, float]:
        """Shares of general words, and of the text's own words as far as ``own`` says."""
        sums: dict[str, float] = {}
        for word, strength in self.salience(text).items():
            for name, part in ((self.roots.get(word, word), 1 - own), (word, own)):
                if part:
                    sums[name] = sums.get(name, 0.0) + part * strength
        squares = {word: value**2 for word, value in sorted(sums.items(), key=lambda item: -item[1])}
        total = sum(squares.values())
        return {word: value / total for word, value in squares.items()}

    def vector(self, text: str, key: str | None = None) -> FloatVector:
        """[DIMENSION] unit vector: every label has a direction of its own.

        With a ``key`` it gets a grain that is its own: among many equal texts the nearest would be the same few for
        all, which falls apart into groups that mean nothing. A text without labels is all grain: like no other.
        """
        labels = self._shares(text, _OWN)
        vector = sum((share * direction(word) for word, share in labels.items()), np.zeros(DIMENSION))
        if not labels:
            vector = direction(f"\0{key}\0{text}")
        else:
            vector = self._with_topics(text, vector / np.linalg.norm(vector))
            if key is not None:
                vector = vector + _GRAIN * direction(f"\0{key}\0")
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def _with_topics(self, text: str, labels: FloatVector) -> FloatVector:
        """Both halves count the same."""
        topics = topics_of(self.words(text), self.topics) if self.topics else None
        if topics is None:
            return labels
        both: FloatVector = labels + topics @ _topic_directions(len(topics))
        return both / np.linalg.norm(both)

    def vectors(self, texts: Sequence[str], keys: Sequence[str] | None = None) -> FloatMatrix:
        """[n, DIMENSION]."""
        if not texts:
            return np.empty((0, DIMENSION), np.float32)
        return np.stack(
            [self.vector(*pair) for pair in zip(texts, repeat(None, len(texts)) if keys is None else keys, strict=True)]
        )

    def as_dict(self) -> dict[str, Any]:
        """For storage as JSON."""
        return {
            "texts": self.texts,
            "weights": dict(self.weights),
            "roots": {word: root for word, root in self.roots.items() if word != root},
            "singular": dict(self.singular),
            "slots": [[*slot, value] for slot, value in self.slots.items()],
            "verbs": self.verbs,
            "topics": dict(self.topics),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """What ``as_dict`` gave."""
        slots = {(one, other): value for one, other, value in stored["slots"]}
        return cls(**{**stored, "slots": slots})

    def _with_new_words(self, document: Sequence[str]) -> Mapping[str, float]:
        if not self.slots:
            return self.weights
        new = {
            unit.head: (_NEW_WORD * self.slots[unit.slot]) ** RELEVANCE_POWER
            for unit in units(document, frozenset())
            if unit.verb == self.verbs and unit.head not in self.roots and unit.slot in self.slots
        }
        return {**new, **self.weights} if new else self.weights


@lru_cache(maxsize=65536)
def direction(word: str) -> FloatVector:
    """A random direction that is always the same for a word [Kanerva et al. 2000]; those of two words hardly meet."""
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    vector = np.random.default_rng(seed).normal(size=DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@lru_cache(maxsize=64)
def _topic_directions(number: int) -> FloatMatrix:
    """[number, DIMENSION] orthonormal."""
    found = np.stack([direction(f"\0topic {place}") for place in range(number)])
    return np.asarray(np.linalg.qr(found.T)[0].T, np.float32)
