"""What is searched for: any number of words, pictures, stored images, vectors and categories, for and against.

Several are put together as Rocchio did it [Rocchio 1971; Manning, Raghavan & Schütze 2008, ch. 9]: the mean of what is
wanted less ``AGAINST`` times the mean of what is not. Two things are done otherwise, as here words and pictures meet:

- each vector is divided by the deviation of the cosines of its kind. Between a text and pictures these lie in a band
  that is several times as narrow, so that the plain sum of a text and a picture would be the picture [Liang et al.
  2022, "Mind the gap"]. As all of it is linear, the sum is still one vector, and is searched as fast as one.
- what is more like something unwanted than like anything wanted is left out, however well it matches otherwise (the
  rule of Qdrant's recommendations by best score). A share of a vector taken off does not promise that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.engine.relevance import Scale
from categoriser.errors import ConfigurationError
from categoriser.library.filters import Filter
from categoriser.library.given import as_numbers, check_page

AGAINST: Final = 0.5
MOST_CLUES: Final = 50
MOST_CATEGORIES: Final = 8  # whose middles a cursor has to remember
MOST_IN_GROUP: Final = 100
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

    @classmethod
    def of(cls, given: Clue | str | Mapping[str, Any]) -> Clue:
        """A clue from what a caller has: words, or a mapping with one of the fields.

        Raises:
            ConfigurationError: it is none of these.
        """
        if isinstance(given, Clue):
            return given
        if isinstance(given, str):
            return cls(text=given)
        try:
            return cls(**given)
        except TypeError:
            raise ConfigurationError(
                f"{given!r:.80} cannot be searched for: give words, or one of text, image, image_id, vector, category."
            ) from None

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
class SearchQuery:
    """One search: what for, what against, among which images, and how to show it.

    Attributes:
        wanted, unwanted: what is searched for and against; together up to ``MOST_CLUES``. None at all is fine where the
            filter has tags: then the scores are those of the tags.
        filter: a ``Filter``, or a mapping with its fields.
        limit: most results, or categories where they are grouped.
        offset: results to leave out; for pages that stay the same while pictures arrive take ``cursor``.
        cursor: ``next`` of the page before; everything but ``limit`` must be as it was there.
        min_score: least cosine. Given alone, it takes the place of the relevance.
        min_relevance: least relevance in [0, 1]; 0 shows everything. None takes the settings ``search.certain`` for the
            best result and ``search.shown`` for the others.
        diversity: in [0, 1], how much results should differ from each other; 0 orders by score alone.
        group_by: "category" shows the best few of each category, best category first.
        group_size: results of each category at most.
    """

    wanted: Sequence[Clue] = ()
    unwanted: Sequence[Clue] = ()
    filter: Filter | Mapping[str, Any] | None = None
    limit: int = 10
    offset: int = 0
    cursor: str | None = None
    min_score: float | None = None
    min_relevance: float | None = None
    diversity: float = 0.0
    group_by: Literal["category"] | None = None
    group_size: int = 3

    def checked(self) -> SearchQuery:
        """Itself.

        Raises:
            ConfigurationError: a part of it makes no sense.
        """
        check_page(self.limit, self.offset)
        if len(self.wanted) + len(self.unwanted) > MOST_CLUES:
            raise ConfigurationError(f"A search takes up to {MOST_CLUES} things to search for and against.")
        if sum(one.category is not None for one in (*self.wanted, *self.unwanted)) > MOST_CATEGORIES:
            raise ConfigurationError(f"A search takes up to {MOST_CATEGORIES} categories to search for and against.")
        for name, value, least in (
            ("min_score", self.min_score, -1),
            ("min_relevance", self.min_relevance, 0),
            ("diversity", self.diversity, 0),
        ):
            if value is not None and not least <= value <= 1:  # not a number is refused as well
                raise ConfigurationError(f"The {name} is {value!r}; it must be between {least} and 1.")
        if self.group_by not in {None, "category"}:
            raise ConfigurationError(f"Results can be grouped by category, and not by {self.group_by!r}.")
        if not 1 <= self.group_size <= MOST_IN_GROUP:
            raise ConfigurationError(f"The group_size is {self.group_size}; it must be from 1 to {MOST_IN_GROUP}.")
        if self.group_by is not None and self.diversity:
            raise ConfigurationError("Results are grouped by category or diverse, not both.")
        if self.cursor is not None and self.offset:
            raise ConfigurationError("A search goes on from a cursor or from an offset, not from both.")
        return self

    def digest(self) -> str:
        """Changes with everything but the page: what a cursor belongs to."""
        made = sha256()
        for side in (self.wanted, self.unwanted):
            for one in side:
                made.update(repr((one.kind, one.text, one.image_id, one.category)).encode("utf-8", "replace"))
                if one.vector is not None:
                    made.update(as_numbers(one.vector).tobytes())
                if one.image is not None:
                    made.update(
                        one.image if isinstance(one.image, bytes) else repr(one.image).encode("utf-8", "replace")
                    )
            made.update(b"|")
        limits = Filter.of(self.filter)
        options = (self.min_score, self.min_relevance, self.diversity, self.group_by)
        made.update(repr((limits, options)).encode("utf-8", "replace"))
        return made.hexdigest()[:16]


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
            average: npt.NDArray[np.float64] = np.mean(shares, axis=0)
            return average

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
        kinds = {part.kind for part in (*self.wanted, *self.unwanted)}
        comparable = len(kinds) == 1 or kinds <= set(self.scales)
        for part in self.unwanted:
            if self.wanted and comparable:
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


def _content(image: Any) -> bytes:
    if isinstance(image, bytes):
        return image
    return bytes(image.tobytes()) if hasattr(image, "tobytes") else str(image).encode("utf-8", "replace")
