"""Whether a name may stand: it suits the style, nobody else has it, it leads to its own category and is true there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from categoriser.naming.atlas import Fit
from categoriser.naming.evidence import Case, Survey


class Fitting(Protocol):
    """Whatever can say how well a name fits a category: categories among words, or counted labels of texts."""

    def fit(self, name: str, number: int) -> Fit | None:
        """How a name fits a category compared with all others; None where it cannot be tested."""
        ...


Mapper = Callable[[Survey], Fitting | None]  # None where pictures and words cannot be compared


@dataclass(frozen=True, slots=True)
class Verdict:
    """``refusal`` says why not; None accepts. ``fit``: the retrieval test, None where there is no joint space."""

    name: str
    refusal: str | None
    fit: Fit | None = None


def judge(name: str, case: Case, atlas: Fitting | None, *, provisional: bool = False) -> Verdict:
    """Test a name for a category.

    Args:
        name: as a source gave it.
        case: the category.
        atlas: of the survey, where there is a joint space.
        provisional: it only says how the category looks, so that neither the number of words nor retrieval counts.
    """
    name = case.style.dressed(name)
    objection = None if provisional and name else case.style.objection(name)
    if objection is None and name.casefold() in case.taken:
        objection = "another category has this name"
    if objection is None and name.casefold() in case.barred:
        objection = "a person took this name back"
    if objection is not None or provisional or atlas is None:
        return Verdict(name, objection)
    fit = atlas.fit(name, case.subject.number)
    if fit is not None and fit.rank > 1:
        return Verdict(name, "it fits another category better", fit)
    if fit is not None and fit.margin <= 0:
        return Verdict(name, "it does not fit the category", fit)
    return Verdict(name, None, fit)  # where the space does not know the words, nothing speaks against them
