"""Looks up the neighbours of the next batch while the last one is written: the one computes, the other waits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from categoriser.domain import FloatVector
from categoriser.engine import Grouping, Seen

_FEW = 64  # images; what is looked up in a few milliseconds is not worth a thread


class HasVector(Protocol):
    """An image under way."""

    @property
    def vector(self) -> FloatVector:
        """Unit length [d]."""
        ...


class Lookout:
    """One batch ahead. A context manager: nothing is being looked up any more at its end."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._batch: Sequence[HasVector] = []
        self._found: Future[Seen] | None = None
        self._grouping: Grouping | None = None  # that was looked at; another process may bring in another one

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown()

    def look(self, grouping: Grouping, batch: Sequence[HasVector]) -> None:
        """Begin to look up what comes next."""
        self._batch, self._found, self._grouping = batch, None, grouping
        shape = grouping.rows.matrix.shape[1:]
        if len(batch) < _FEW or any(image.vector.shape != shape for image in batch):
            return  # what does not fit is refused when its turn comes
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "lookout")
        self._found = self._thread.submit(lambda: grouping.look(np.stack([image.vector for image in batch])))

    def seen(self, grouping: Grouping, batch: Sequence[HasVector], places: Sequence[int]) -> Seen | None:
        """What was found for these places of a batch; None when another, or nothing, was looked up."""
        if self._found is None or grouping is not self._grouping or len(batch) > len(self._batch):
            return None
        if any(one is not other for one, other in zip(batch, self._batch, strict=False)):
            return None
        return self._found.result()[places]
