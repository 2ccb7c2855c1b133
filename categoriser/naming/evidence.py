"""What is known about a category that wants a name, and what a source of names answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.naming.style import Style


@dataclass(frozen=True, slots=True)
class Picture:
    """An exemplar as a source may look at it. ``read`` gives its thumbnail's bytes, or None when there are none."""

    id: str
    sha256: str | None = None
    read: Callable[[], bytes | None] = lambda: None
    text: str | None = None  # what its owner wrote about it


@dataclass(frozen=True, slots=True)
class Evidence:
    """One category.

    ``vectors`` [m, d]: some of its images, spread over all of them; ``centroid`` [d]: the middle of all. Unit length.
    """

    number: int
    size: int
    centroid: FloatVector
    vectors: FloatMatrix
    pictures: Sequence[Picture] = ()  # exemplars, most typical first
    label: str | None = None  # its name now, unless that is a provisional one


@dataclass(frozen=True)
class Survey:
    """All categories of a collection as of now."""

    evidence: Sequence[Evidence]
    near: int = 8  # how many of the others count as neighbours

    def __len__(self) -> int:
        return len(self.evidence)

    def place(self, number: int) -> int:
        """Where a category stands in ``evidence``."""
        return self._places[number]

    def neighbours(self, place: int) -> list[int]:
        """Places of the nearest other categories by centroid, nearest first."""
        cosines = self._centroids @ self.evidence[place].centroid
        cosines[place] = -np.inf
        order = np.argsort(-cosines, kind="stable")[: min(self.near, len(self.evidence) - 1)]
        return [int(one) for one in order]

    @cached_property
    def _places(self) -> Mapping[int, int]:
        return {one.number: place for place, one in enumerate(self.evidence)}

    @cached_property
    def _centroids(self) -> FloatMatrix:
        return np.stack([one.centroid for one in self.evidence])


@dataclass(frozen=True, slots=True)
class Refusal:
    """A name that was proposed and not accepted, and the sentence that says why."""

    name: str
    reason: str


@dataclass(slots=True)
class Case:
    """One category under naming: what a source is given."""

    subject: Evidence
    survey: Survey
    style: Style
    taken: Mapping[str, int]  # names in use by other categories, in lower case → category
    wanting: frozenset[int] = frozenset()  # all categories that get a name in this session
    barred: frozenset[str] = frozenset()  # names that a person took back from it, in lower case
    refused: list[Refusal] = field(default_factory=list)  # so far, by whichever source

    @property
    def neighbours(self) -> list[Evidence]:
        """The nearest other categories, nearest first."""
        return [self.survey.evidence[one] for one in self.survey.neighbours(self.survey.place(self.subject.number))]

    def spoilt(self, name: str) -> bool:
        """Whether a name is taken, was refused before, or was taken back by a person."""
        key = name.casefold()
        return key in self.taken or key in self.barred or any(one.name.casefold() == key for one in self.refused)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A name that a source would give, and what led to it. ``provisional``: it says how it looks, not what it is."""

    name: str
    source: str
    evidence: Mapping[str, Any] = field(default_factory=dict)  # small, and JSON
    model: str | None = None
    prompt: str | None = None  # version of the prompt
    provisional: bool = False


class NameSource(Protocol):
    """Something that knows names for categories. Sources are asked one after the other, the next after a refusal."""

    id: str
    """Short and stable: it is stored with every name."""
    fingerprint: str
    """Changes with the model, the prompt, the vocabulary: then names that were missing may be had now."""
    attempts: int
    """How often it may be asked about one category; from the second time on ``case.refused`` says what was wrong."""

    def propose(self, case: Case) -> Proposal | None:
        """A name, or None where it has none.

        Raises:
            NamingError: it cannot work at the moment; the next source is asked.
        """
        ...
