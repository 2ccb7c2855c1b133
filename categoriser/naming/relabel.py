"""When a name is looked at again: only when it fails its own test, not at once, not often, and never a person's.

Everything here is a pure function of what is known about one category.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Step = Literal["keep", "name", "strike", "relabel", "suggest", "wait"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient names are."""

    growth: float = 2.0  # times its size at naming: it may have become something else
    drift: float = 0.25  # of the distance to the nearest other category that its middle has moved
    slack: float = 0.02  # margin (a difference of cosines) below zero that is a clear failure; less needs two in a row
    gain: float = 0.02  # margin that a new name has to be better by
    daily: int = 20  # renamings of a collection in 24 hours


@dataclass(frozen=True, slots=True)
class Situation:
    """One category and its name.

    ``margin``: of its name now, None where that cannot be tested. ``drift``: see ``Policy``. ``reshaped``: it was
    split, merged or lost many images since it was named. ``fresh``: its machine's name was made from other sources than
    there are now, or from texts that are read in another way now.
    """

    named_by: str | None = None  # "machine" or "person"
    provisional: bool = False
    locked: bool = False
    grown: float = 1.0
    drift: float = 0.0
    reshaped: bool = False
    margin: float | None = None
    strikes: int = 0
    fresh: bool = False
    renamed_today: int = 0  # in the collection


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and the sentence that says why."""

    step: Step
    because: str = ""


def decide(now: Situation, policy: Policy) -> Decision:
    """What becomes of a category's name.

    "name": it has none, or only a provisional one. "strike": it failed narrowly; remembered, and renamed the next time.
    "suggest": a person named or locked it. "wait": the day's budget is spent.
    """
    cause = _cause(now, policy)
    if now.named_by is None:
        return Decision("name", "it had no name")
    if now.provisional:
        return Decision("keep") if cause is None else Decision("suggest" if now.locked else "name", cause)
    if cause is None or not _failed(now, policy):
        return Decision("keep")  # changed or not, the name is still true
    if now.named_by == "person" or now.locked:
        return Decision("suggest", cause)
    if now.margin is not None and now.margin > -policy.slack and now.strikes == 0:
        return Decision("strike", cause)
    return Decision("wait" if now.renamed_today >= policy.daily else "relabel", cause)


def better(new: float | None, old: float | None, policy: Policy) -> bool:
    """Whether a new name's margin is worth a change; where either cannot be tested the change itself is the reason."""
    return new is None or old is None or new >= old + policy.gain


def _failed(now: Situation, policy: Policy) -> bool:
    """Whether a name is not true any more; where that cannot be tested, only a large change speaks against it."""
    if now.margin is not None:
        return now.margin < 0
    return now.reshaped or now.drift >= 2 * policy.drift


def _cause(now: Situation, policy: Policy) -> str | None:
    if now.reshaped:
        return "it was split or merged since it was named"
    if now.drift >= policy.drift:
        return "its pictures have become others since it was named"
    if now.grown >= policy.growth:
        return f"it has grown {now.grown:.1f}-fold since it was named"
    if now.fresh and now.named_by == "machine":
        return "what names are made from is no longer what it was when it was named"
    return None
