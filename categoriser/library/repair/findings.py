"""One kind of disagreement in one collection, and what would be done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. ``mend``: puts it right and returns how many things it changed; None: no program can."""

    kind: str  # stable word for programs
    collection: str | None  # name; None: of the library as a whole
    number: int  # things concerned
    sentence: str  # what is wrong, and what is done about it or has to be
    examples: tuple[str, ...] = ()
    mend: Callable[[], int] | None = field(default=None, repr=False, compare=False)

    @property
    def repairable(self) -> bool:
        """Whether ``mend`` can put it right."""
        return self.mend is not None


def examples_of(things: Iterable[object]) -> tuple[str, ...]:
    """The first few, as text."""
    return tuple(str(one) for one in islice(things, EXAMPLES))
