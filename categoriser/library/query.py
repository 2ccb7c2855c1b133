"""What is searched for: any number of words, pictures, stored images, vectors and categories, for and against.

Several are put together as Rocchio did it [Rocchio 1971; Manning, Raghavan & Schütze 2008, ch. 9]: the mean of what is
wanted less ``AGAINST`` times the mean of what is not. Two things are done otherwise, since here words and pictures meet:

- each vector is divided by the deviation of the cosines of its kind. Between a text and pictures these lie in a band
  that is several times as narrow, so that the plain sum of a text and a picture would be the picture [Liang et al.
  2022, "Mind the gap"]. As all of it is linear, the sum is still one vector, and is searched as fast as one.
- what is more like something unwanted than like anything wanted is left out, however well it matches otherwise (the
  rule of Qdrant's recommendations by best score). A share of a vector taken off does not promise that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.engine.relevance import Scale
from categoriser.errors import ConfigurationError

AGAINST: Final = 0.5
MOST_CLUES: Final = 50
Kind: TypeAlias = Literal["image", "text", "category"]
Scales: TypeAlias = dict[Kind, Scale]


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing to search for or against: exactly one of the five is given.

    Attributes:
        text: words.
        image: a picture: a path, bytes, or a Pillow image.
        image_id: a stored image, which is not among the results.
        vector: a ready vector of the collection's encoder.
        category: id of a category; stands for the mean of its images.
        vector_of: what ``vector`` was made from: decides what counts as a high score.
    """

    text: str | None = None
    image: Any = None
    image_id: str | None = None
    vector: npt.ArrayLike | None = None
    category: str | None = None
    vector_of: Literal["image", "text"] = "image"

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.text, self.image, self.image_id, self.vector, self.category)) != 1:
            raise ConfigurationError(
                "Each part of a search is exactly one of text, image, image_id, vector and category."
            )
        if self.vector_of not in {"image", "text"}:
            raise ConfigurationError(f"A vector is made of an image or a text, and not of {self.vector_of!r}.")

    @property
    def kind(self) -> Kind:
        """Whose scores it has."""
        if self.category is not None:
            return "category"
        return "text" if self.text is not None or (self.vector is not None and self.vector_of == "text") else "image"


@dataclass(frozen=True, slots=True)
class Part:
    """A clue as a vector. ``name`` says which one it was."""

    vector: FloatVector
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Aim:
    """A query as vectors.

    Attributes:
        direction: [d] unit vector whose cosine orders the images.
        wanted, unwanted: its parts.
        scales: of the kinds of its parts, as far as the collection tells them.
    """

    direction: FloatVector
    wanted: Sequence[Part]
    unwanted: Sequence[Part]
    scales: Scales

    @classmethod
    def of(cls, wanted: Sequence[Part], unwanted: Sequence[Part], scales: Scales) -> Aim:
        """Put the parts together.

        Raises:
            ConfigurationError: what is wanted and what is not cancel each other out.
        """
        if len(wanted) == 1 and not unwanted:
            return cls(wanted[0].vector, wanted, (), scales)

        def mean(parts: Sequence[Part]) -> npt.NDArray[np.float64]:
            shares = [one.vector.astype(np.float64) / _spread(scales, one.kind) for one in parts]
            return np.mean(shares, axis=0)

        total = mean(wanted) if wanted else np.zeros(len(unwanted[0].vector))
        if unwanted:
            total = total - (AGAINST if wanted else 1.0) * mean(unwanted)
        length = float(np.linalg.norm(total))
        if length < 1e-6:
            raise ConfigurationError("What is searched for and what is searched against cancel each other out.")
        return cls((total / length).astype(np.float32), wanted, unwanted, scales)

    @property
    def simple(self) -> bool:
        """Whether relevance follows the score, so that a floor of one is a floor of the other."""
        return len(self.wanted) == 1 and not self.unwanted

    @property
    def judged(self) -> bool:
        """Whether relevance is known for all that is wanted."""
        return bool(self.wanted) and all(one.kind in self.scales for one in self.wanted)

    def scores(self, vectors: FloatMatrix) -> npt.NDArray[np.float64]:
        """Cosines [n] with images [n, d], the same for an image wherever it stands in a batch."""
        cosines = np.einsum("nd,d->n", vectors.astype(np.float64), self.direction.astype(np.float64))
        clipped: npt.NDArray[np.float64] = np.clip(np.round(cosines, 7), -1.0, 1.0)
        return clipped

    def judge(self, vectors: FloatMatrix) -> Judgement:
        """How relevant images [n, d] are and because of what."""
        number = len(vectors)
        best = np.full(number, -np.inf)
        nearest = np.full(number, -1, np.int64)
        relevance = np.full(number, np.nan)
        for place, part in enumerate(self.wanted):
            standing, likely = self._standing(part, vectors)
            nearest = np.where(standing > best, place, nearest)
            best = np.maximum(best, standing)
            relevance = np.fmax(relevance, likely)
        spoilt = np.zeros(number, bool)
        for part in self.unwanted:
            if self.wanted:
                spoilt |= self._standing(part, vectors)[0] > best
        return Judgement(relevance, nearest, spoilt)

    def _standing(self, part: Part, vectors: FloatMatrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        cosines = np.round(vectors.astype(np.float64) @ part.vector.astype(np.float64), 7)
        scale = self.scales.get(part.kind)
        if scale is None:
            return cosines / _spread(self.scales, part.kind), np.full(len(vectors), np.nan)
        likely = np.array([scale.relevance(one) for one in cosines.tolist()])
        return (cosines - scale.middle) / scale.width, likely


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of n images.

    Attributes:
        relevance: [n] the highest for any wanted part, in [0, 1]; NaN where it cannot be told.
        nearest: [n] place of the wanted part that each stands out for most; -1 without one.
        spoilt: [n] whether something unwanted is nearer than all that is wanted.
    """

    relevance: npt.NDArray[np.float64]
    nearest: npt.NDArray[np.int64]
    spoilt: npt.NDArray[np.bool_]


def _spread(scales: Scales, kind: Kind) -> float:
    return scales[kind].spread if kind in scales else 1.0
