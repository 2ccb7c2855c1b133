"""Asks one source of names after the other until a name is accepted; faults are told and cost nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from categoriser.errors import CategoriserError
from categoriser.naming.acceptance import Mapper, Verdict, judge
from categoriser.naming.evidence import Case, NameSource, Proposal, Refusal

_log = logging.getLogger(__name__)
_PATIENCE: Final = 2  # faults in a row after which a source is left alone for the rest of the session
_KEPT: Final = 8  # refusals that are stored


@dataclass(frozen=True, slots=True)
class Named:
    """A name that was accepted, with everything that led to it."""

    name: str
    proposal: Proposal
    verdict: Verdict
    refused: Sequence[Refusal] = ()

    def evidence(self) -> dict[str, Any]:
        """What is stored with the name; JSON."""
        told: dict[str, Any] = dict(self.proposal.evidence)
        if self.verdict.fit is not None:
            told |= {"rank": self.verdict.fit.rank, "margin": round(self.verdict.fit.margin, 4)}
        if self.refused:
            told["refused"] = [[one.name, one.reason] for one in self.refused[:_KEPT]]
        return told


@dataclass(slots=True)
class Chain:
    """Sources in the order in which they are asked.

    ``calls`` counts how often each was asked, ``problems`` holds one sentence for every thing that went wrong.
    """

    sources: Sequence[NameSource]
    atlas: Mapper = lambda _: None
    calls: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _faults: dict[str, int] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes when names can be had that could not before."""
        return "|".join(source.fingerprint for source in self.sources)

    def begin(self) -> None:
        """A new session: whoever failed in the last one is asked again."""
        self.calls.clear()
        self.problems.clear()
        self._faults.clear()

    def name(self, case: Case) -> Named | None:
        """The first accepted name, or None where no source has one."""
        atlas = self.atlas(case.survey)
        for source in self.sources:
            for _ in range(source.attempts):
                proposal = self._ask(source, case)
                if proposal is None:
                    break
                verdict = judge(proposal.name, case, atlas, provisional=proposal.provisional)
                if verdict.refusal is None:
                    return Named(verdict.name, proposal, verdict, tuple(case.refused))
                case.refused.append(Refusal(verdict.name, verdict.refusal))
        return None

    def _ask(self, source: NameSource, case: Case) -> Proposal | None:
        if self._faults.get(source.id, 0) >= _PATIENCE:
            return None
        self.calls[source.id] = self.calls.get(source.id, 0) + 1
        try:
            proposal = source.propose(case)
        except CategoriserError as error:
            self._fault(source, str(error))
        except Exception as error:  # a model or a library of others: its defects are not the category's
            _log.exception("the source of names %s failed", source.id)
            self._fault(source, f"The source of names {source.id} failed: {type(error).__name__}: {error}.")
        else:
            self._faults.pop(source.id, None)
            return proposal
        return None

    def _fault(self, source: NameSource, sentence: str) -> None:
        self._faults[source.id] = self._faults.get(source.id, 0) + 1
        if sentence not in self.problems:
            self.problems.append(sentence)
