"""Names from a vocabulary: contrastive zero-shot scores, and the right level of generality."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatVector
from categoriser.naming.atlas import Atlas, Lexicon, top_words
from categoriser.naming.evidence import Case, Proposal, Survey

# share of a category's images that a word has to speak of; else what it is a kind of is tried. Where nothing speaks of
# most of them, something that speaks of fewer is still better than none
COVERED: Final = (0.6, 0.45, 0.3, 0.2, 0.1)
_TRIED: Final = 40  # best words that are looked at
_PAIRED: Final = 6  # best words of which two together are tried
_PART: Final = 0.15  # share of the images that each of two words together has to speak of
_SHOWN: Final = 10  # words kept as evidence
_HALF: Final = 0.5  # of the best score: what is worse is no name any more


class Words:
    """Of the words that no other category has closer, the one with the best score that most of the images bear out."""

    id = "vocabulary"
    attempts = 12

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.fingerprint = lexicon.id
        self._atlas: Atlas | None = None

    def atlas(self, survey: Survey) -> Atlas:
        """The survey's categories among the words; kept until the next survey."""
        if self._atlas is None or self._atlas.survey is not survey:
            self._atlas = Atlas(self.lexicon, survey)
        return self._atlas

    def best(self, survey: Survey, number: int, limit: int = _SHOWN) -> list[tuple[str, float]]:
        """The best words of a category with their scores."""
        if not len(self.lexicon):
            return []
        atlas = self.atlas(survey)
        return top_words(self.lexicon, atlas.scores(survey.place(number)), limit)

    def propose(self, case: Case) -> Proposal | None:
        """The first of the candidates that is neither taken nor refused."""
        if not len(self.lexicon):
            return None
        atlas, place = self.atlas(case.survey), case.survey.place(case.subject.number)
        scores = atlas.scores(place)
        for name, facts in self._candidates(atlas, place, scores):
            dressed = case.style.dressed(name)
            if not case.spoilt(dressed) and case.style.objection(dressed) is None:
                words = [list(one) for one in top_words(self.lexicon, scores, _SHOWN)]
                return Proposal(dressed, self.id, {"words": words, **facts}, model=self.lexicon.id)
        return None

    def _candidates(self, atlas: Atlas, place: int, scores: FloatVector) -> Iterator[tuple[str, dict[str, object]]]:
        coverage = atlas.coverage(place)
        own = atlas.owners == place
        order = np.argsort(-scores, kind="stable")[:_TRIED]
        good = order[scores[order] >= _HALF * float(scores[order[0]])].tolist()
        seen: set[int] = set()
        for least in COVERED:
            for row in good:
                chosen = self._lifted(row, coverage, own, least)
                if chosen is not None and chosen not in seen:
                    seen.add(chosen)
                    yield self.lexicon.word(chosen), {"covers": round(float(coverage[chosen]), 3)}
        for one, other in combinations(good[:_PAIRED], 2):
            together = float(coverage[one] + coverage[other])
            related = other in self.lexicon.above(one) or one in self.lexicon.above(other)
            if not related and min(coverage[one], coverage[other]) >= _PART:
                yield f"{self.lexicon.word(one)} & {self.lexicon.word(other)}", {"covers": round(together, 3)}

    def _lifted(self, row: int, coverage: FloatVector, own: npt.NDArray[np.bool_], least: float) -> int | None:
        """A word, or the nearest thing it is a kind of, that covers enough and is closest to this category."""
        for candidate in (row, *self.lexicon.above(row)):
            if coverage[candidate] >= least and own[candidate]:
                return candidate
        return None
