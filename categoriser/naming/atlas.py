"""A collection's categories among words: how well a word fits each of them.

Pictures and words lie in two cones of a joint space. Each is taken relative to its own mean, which removes the offset
between them; of a few categories the mean says little, so it is taken off in part only. Of the fit of word v to
category k

    score(k, v) = s_kv + s_kv − T · log mean_{j ∈ N(k)} exp(s_jv / T)

the first part says that it is true, the rest that it is truer here than next door (N: the nearest categories and the
mean of all; T = .02). For words such as "animal" the rest is near zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.naming.evidence import Survey
from categoriser.naming.spaces import JointSpace
from categoriser.naming.vocabulary import Vocabulary

TEMPERATURE: Final = 0.02
SHARING: Final = 0.4  # spreads of the cosines: temperature at which one image is shared out among words
TRUE: Final = 0.4  # of the best word's cosine, that a name needs at least
SHARERS: Final = 20  # words
_FEW: Final = 4.0  # categories; with so many half of their mean is taken off


@dataclass(frozen=True, slots=True)
class Fit:
    """How a name fits a category: it has to lead there first, and it has to be true there.

    ``rank``: 1 when no other category has it closer. ``margin``: the smaller of its lead over the best other category
    and of what it has above ``TRUE`` of the best word's cosine; below zero it fails. The second matters when a category
    has become something else that nobody else is: "cat" still leads to the dogs among dogs, cars and trees.
    """

    rank: int
    margin: float


class Lexicon:
    """A vocabulary in a joint space; made once and used for every collection of an encoder."""

    def __init__(self, space: JointSpace, vocabulary: Vocabulary) -> None:
        vectors, known = _vectors(space, vocabulary)
        self.space = space
        self.vocabulary = vocabulary
        self.places = np.flatnonzero(known)  # of the words that have a vector
        self.mean: FloatVector = vectors[self.places].mean(axis=0) if len(self.places) else np.zeros(0, np.float32)
        self.vectors = unit(vectors[self.places] - self.mean)
        self.row_of: Mapping[int, int] = {int(place): row for row, place in enumerate(self.places)}

    def __len__(self) -> int:
        return len(self.places)

    @property
    def id(self) -> str:
        """Changes with the words and with the space."""
        return f"{self.vocabulary.id}@{self.space.id}"

    def word(self, row: int) -> str:
        """The word of a row of ``vectors``."""
        return self.vocabulary.terms[int(self.places[row])].word

    def above(self, row: int) -> list[int]:
        """Rows of what a word is a kind of, nearest first."""
        return [self.row_of[one] for one in self.vocabulary.ancestors(int(self.places[row])) if one in self.row_of]

    def kinds(self, word: str) -> list[int]:
        """Rows of a word, or of what it is another word for, and of all that is a kind of it; none if it is unknown."""
        place = self.vocabulary.find(word)
        if place is None:
            return []
        return [row for one, row in self.row_of.items() if one == place or place in self.vocabulary.ancestors(one)]

    def lifted(self, shares: FloatVector) -> FloatVector:
        """Shares of words [words] → of each word with all that is a kind of it."""
        answer = shares.copy()
        for row in np.flatnonzero(shares).tolist():
            for above in self.above(row):
                answer[above] += shares[row]
        return answer

    def vector(self, name: str) -> FloatVector | None:
        """Of any name; None where the space does not know it."""
        place = self.vocabulary.find(name)
        if place is not None and place in self.row_of:
            vector: FloatVector = self.vectors[self.row_of[place]]
            return vector
        found, known = self.space.texts([f"a photo of {name}" if _encodes(self.space) else name])
        if not known[0]:
            return None
        made: FloatVector = unit(found - self.mean)[0]
        return made


class Atlas:
    """The categories of one survey in the space of a lexicon. ``offset``: what is taken off pictures there."""

    def __init__(self, lexicon: Lexicon, survey: Survey) -> None:
        self.lexicon = lexicon
        self.survey = survey
        means = _means(lexicon.space, survey)
        sizes = np.sqrt([one.size for one in survey.evidence])  # a huge category is not the middle of all
        middle = (sizes / sizes.sum()) @ means
        self.offset: FloatVector = (middle * (len(means) / (len(means) + _FEW))).astype(np.float32)
        self.directions = unit(means - self.offset)
        self._middle = unit(middle[None])[0]

    @cached_property
    def fits(self) -> FloatMatrix:
        """Cosine of every category with every word, [categories, words]."""
        fits: FloatMatrix = self.directions @ self.lexicon.vectors.T
        return fits

    @cached_property
    def owners(self) -> npt.NDArray[np.int64]:
        """Place of the category that each word fits best."""
        owners: npt.NDArray[np.int64] = self.fits.argmax(axis=0)
        return owners

    def scores(self, place: int) -> FloatVector:
        """The score above of every word for one category."""
        others = self.survey.neighbours(place)
        near: FloatMatrix = np.vstack([self.fits[others], self._middle @ self.lexicon.vectors.T]).astype(np.float32)
        contrast = self.fits[place] - TEMPERATURE * _log_mean_exp(near / TEMPERATURE)
        score: FloatVector = self.fits[place] + contrast
        return score

    def coverage(self, place: int) -> FloatVector:
        """For every word the share of a category's images that are it, or a kind of it.

        Each image is shared out among its best words by a softmax over its cosines, so that one which could be a
        limousine, a minivan or a taxi is a car for sure and each of the three only in part. The temperature follows the
        spread of the cosines, which differs a lot from space to space.
        """
        one = self.survey.evidence[place]
        cosines = unit(self.lexicon.space.images(one.vectors) - self.offset) @ self.lexicon.vectors.T
        heat = SHARING * np.maximum(cosines.std(axis=1, keepdims=True), 1e-6)
        likely = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / heat)
        top = min(SHARERS, likely.shape[1])
        likely[likely < -np.partition(-likely, top - 1, axis=1)[:, top - 1 : top]] = 0
        likely /= likely.sum(axis=1, keepdims=True)
        return self.lexicon.lifted(likely.mean(axis=0))

    def fit(self, name: str, number: int) -> Fit | None:
        """How a name fits a category compared with all others; None where the space does not know the name."""
        vector = self.lexicon.vector(name)
        if vector is None:
            return None
        cosines = self.directions @ vector
        place = self.survey.place(number)
        own = float(cosines[place])
        others = np.delete(cosines, place)
        truth = own - TRUE * float(self.fits[place].max()) if len(self.lexicon) else own
        lead = own - float(others.max()) if len(others) else truth
        return Fit(1 + int((others >= own).sum()), min(lead, truth))


def unit(rows: FloatMatrix) -> FloatMatrix:
    """Rows of length 1; zero rows stay zero."""
    scaled: FloatMatrix = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return scaled


def _means(space: JointSpace, survey: Survey) -> FloatMatrix:
    """Where each category is in the joint space, [categories, t]."""
    if space.linear:
        return space.images(np.stack([one.centroid for one in survey.evidence]))
    starts = np.cumsum([0, *(len(one.vectors) for one in survey.evidence[:-1])])
    placed = space.images(np.concatenate([one.vectors for one in survey.evidence]))
    means: FloatMatrix = np.stack([part.mean(axis=0) for part in np.split(placed, starts[1:])])
    return means


def top_words(lexicon: Lexicon, scores: FloatVector, limit: int) -> list[tuple[str, float]]:
    """The best words with their scores, best first."""
    rows: Sequence[int] = np.argsort(-scores, kind="stable")[:limit].tolist()
    return [(lexicon.word(row), round(float(scores[row]), 4)) for row in rows]


def _log_mean_exp(rows: FloatMatrix) -> FloatVector:
    largest = rows.max(axis=0)
    answer: FloatVector = largest + np.log(np.exp(rows - largest).mean(axis=0))
    return answer


def _vectors(space: JointSpace, vocabulary: Vocabulary) -> tuple[FloatMatrix, npt.NDArray[np.bool_]]:
    """Of all words, and which of them the space knows; a table may know one only by its synonym."""
    found, known = space.texts([term.text if _encodes(space) else term.word for term in vocabulary.terms])
    vectors, there = found.copy(), np.array(known, bool)
    if not _encodes(space):
        for place in np.flatnonzero(~there).tolist():
            for synonym in vocabulary.terms[place].synonyms:
                other, fine = space.texts([synonym])
                if fine[0]:
                    vectors[place], there[place] = other[0], True
                    break
    return vectors, there


def _encodes(space: JointSpace) -> bool:
    """Whether words are put to an encoder, which wants a sentence, or looked up."""
    return not space.id.startswith("table:")
