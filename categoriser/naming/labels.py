"""Names for categories of texts: labels that their texts share and those of other categories do not.

How well label v fits category k is a cosine as in a joint space, between what is in k and what is labelled v:

    fit(k, v) = m_kv / √(m_k · m_v)        m: labels of texts, counted with their shares

so a name has to be true of most of its category and lead to it before all others. Which label comes first is a matter
of how much more frequent it is here than elsewhere (c-TF-IDF [Grootendorst 2022]).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from categoriser.naming.atlas import TRUE, Fit
from categoriser.naming.evidence import Case, Proposal

_JOINT: Final = " & "
_LEAST_SHARE: Final = 0.1  # of a category's texts that its second word has to be a label of
_SHOWN: Final = 10  # labels kept as evidence
_JOINED: Final = 40  # labels that are tried beside the first


class LabelNames:
    """The strongest label, or two of them where that one would not lead here; numbered names are provisional."""

    attempts = 3

    def __init__(self, labels: Mapping[int, Mapping[str, float]], *, kind: str, version: str) -> None:
        """Of counted labels.

        Args:
            labels: category → label → how many of its texts, in shares, it stands for.
            kind: what the labels are from: "texts" or "terms".
            version: of how texts are read: with another one, names may be had that were missing.
        """
        self.id = kind
        self.fingerprint = f"{kind}:{version}"
        self._labels = {
            number: {label.casefold(): share for label, share in counts.items()} for number, counts in labels.items()
        }
        self._spelt = {label.casefold(): label for counts in labels.values() for label in counts}
        self._totals = {number: sum(counts.values()) for number, counts in self._labels.items()}
        self._everywhere: Counter[str] = Counter()
        for counts in self._labels.values():
            self._everywhere.update(counts)

    def fit(self, name: str, number: int) -> Fit | None:
        """How a name fits a category compared with all others; None where it is made of something else than labels."""
        words = [part.casefold() for part in name.split(_JOINT)]
        if not all(word in self._everywhere for word in words):
            words = [name.casefold()]  # a label may hold an "&" itself
        if words[0] not in self._everywhere or number not in self._labels:
            return None
        own = self._together(number, words)
        others = max((self._together(other, words) for other in self._labels if other != number), default=None)
        truth = own - TRUE * max((self._cosine(number, word) for word in self._labels[number]), default=0.0)
        lead = truth if others is None else own - others
        rank = 1 + sum(self._together(other, words) >= own for other in self._labels if other != number)
        return Fit(rank, min(lead, truth))

    def propose(self, case: Case) -> Proposal | None:
        """The first that fits; None where no text of the category says anything."""
        number = case.subject.number
        best = self._ranked(number)
        if not best:
            return None
        told = {"words": [[self._spelt[one], round(self._cosine(number, one), 4)] for one in best[:_SHOWN]]}
        for name in self._candidates(number, best):
            dressed = case.style.dressed(name)
            fit = self.fit(dressed, number)
            if fit is not None and fit.rank == 1 and fit.margin > 0 and self._free(case, dressed):
                return Proposal(dressed, self.id, told)
        plain = self._spelt[best[0]]
        for name in (plain, *(f"{plain} {place}" for place in range(2, len(case.taken) + len(case.refused) + 4))):
            dressed = case.style.dressed(name)
            if not case.spoilt(dressed):
                return Proposal(dressed, self.id, told, provisional=True)
        return None

    def _free(self, case: Case, dressed: str) -> bool:
        return not case.spoilt(dressed) and case.style.objection(dressed) is None

    def _ranked(self, number: int) -> list[str]:
        counts = self._labels.get(number, {})
        total = self._totals.get(number) or 1.0
        average = sum(self._everywhere.values()) / max(1, len(self._labels))
        scores = {
            word: share / total * math.log(1 + average / self._everywhere[word]) ** 0.5
            for word, share in counts.items()
        }
        return sorted(scores, key=lambda word: (-scores[word], word))

    def _candidates(self, number: int, best: list[str]) -> Iterator[str]:
        """Names from the plainest on."""
        first, *others = best
        yield self._spelt[first]
        least = _LEAST_SHARE * self._totals[number]
        frequent = [word for word in others if self._labels[number][word] >= least]
        for word in dict.fromkeys((*frequent, *others[:_JOINED])):
            yield f"{self._spelt[first]}{_JOINT}{self._spelt[word]}"
        yield from (self._spelt[word] for word in frequent)

    def _together(self, number: int, words: list[str]) -> float:
        return math.prod(self._cosine(number, word) for word in words) ** (1 / len(words))

    def _cosine(self, number: int, word: str) -> float:
        share = self._labels[number].get(word, 0.0)
        return share / math.sqrt(self._totals[number] * self._everywhere[word]) if share else 0.0
