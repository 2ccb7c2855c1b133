"""What the demo found out, and whom it tells while it is at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from categoriser.domain import Refused
from categoriser.engine.quality import Agreement

Json = Mapping[str, Any]  # an object as the service sent it


class Audience(Protocol):
    """Whoever watches."""

    def progress(self, label: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
        """Show a bar; it is told the number done and of all."""
        ...

    def fell_back(self, wanted: str, reason: str) -> None:
        """Say loudly that the encoder that was meant cannot be had."""
        ...

    def started(self, service: Json) -> None:
        """Show where the service listens and what its encoder is."""
        ...

    def stay(self, report: DemoReport, address: str) -> None:
        """Show what came out and return when the service may end; its page shows the result at that address."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """An example: images like the one with the id ``query``, or those that fit the words in it.

    ``name``: the words, or the name of the picture.
    """

    query: str
    name: str
    by_words: bool
    results: Sequence[Json]


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything that came out. offered = accepted + the same picture again + refused."""

    offered: int
    accepted: int
    again: int
    refused: Sequence[Refused]
    lost: int  # accepted, and in no category nor in Unsorted
    doubled: int  # in more than one
    seconds: float
    service: Json
    run: Json
    categories: Sequence[Json]
    unsorted: int
    searches: Sequence[Search]
    agreement: Agreement | None
    page: Path

    @property
    def rate(self) -> float:
        """Pictures per second, from the first upload to the last answer."""
        return self.offered / max(self.seconds, 1e-9)
