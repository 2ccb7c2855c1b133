"""What the inner layers tell to whoever measures them: one object that is passed in, silent unless somebody listens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from categoriser.domain import Filed, RunReport

Stage: TypeAlias = Literal["read", "decode", "encode", "file", "answer"]


class Observer(Protocol):
    """Told what happened after it happened; called from any thread, must be quick and must not raise.

    Moments are those of ``time.perf_counter``, in seconds. An origin is what ``here`` gave where a picture came in; it
    means nothing to anybody else.
    """

    def here(self) -> object:
        """What leads back to the work that is under way in this thread."""
        ...

    def stage(self, name: Stage, started: float, ended: float, origins: Sequence[object]) -> None:
        """One step of the pipeline is over, for one picture or a batch."""
        ...

    def batch(self, pictures: int, room: int) -> None:
        """The encoder was called with so many pictures; ``room``: as many as it would have taken."""
        ...

    def answered(self, outcome: Filed | BaseException) -> None:
        """Somebody was told what became of a picture."""
        ...

    def ran(self, report: RunReport | None, images: int, started: float, ended: float) -> None:
        """A run of the job on a collection of so many images is over; None: it failed."""
        ...


class Silent:
    """Listens to nothing; a base for those that listen to some of it."""

    def here(self) -> object:
        """See Observer."""
        return None

    def stage(self, name: Stage, started: float, ended: float, origins: Sequence[object]) -> None:
        """See Observer."""

    def batch(self, pictures: int, room: int) -> None:
        """See Observer."""

    def answered(self, outcome: Filed | BaseException) -> None:
        """See Observer."""

    def ran(self, report: RunReport | None, images: int, started: float, ended: float) -> None:
        """See Observer."""


SILENT: Observer = Silent()


class Several:
    """Passes everything on to several observers."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def here(self) -> object:
        """See Observer."""
        return tuple(one.here() for one in self._observers)

    def stage(self, name: Stage, started: float, ended: float, origins: Sequence[object]) -> None:
        """See Observer."""
        for place, one in enumerate(self._observers):
            own = [origin[place] for origin in origins if isinstance(origin, tuple)]  # others came before we listened
            one.stage(name, started, ended, own)

    def batch(self, pictures: int, room: int) -> None:
        """See Observer."""
        for one in self._observers:
            one.batch(pictures, room)

    def answered(self, outcome: Filed | BaseException) -> None:
        """See Observer."""
        for one in self._observers:
            one.answered(outcome)

    def ran(self, report: RunReport | None, images: int, started: float, ended: float) -> None:
        """See Observer."""
        for one in self._observers:
            one.ran(report, images, started, ended)
