"""Feeds many inputs through the pipeline and reports on each."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed, Refused
from categoriser.errors import EncoderFailedError, RejectedError
from categoriser.intake import Item
from categoriser.library.interrupts import Check, interrupts_held
from categoriser.pipeline import Pipeline

Progress = Callable[[int, int | None], None]  # done so far, number of all when it is known
_LOOK_UP: Final = 0.2  # seconds without looking for a Ctrl-C


@dataclass(slots=True)
class AddReport:
    """What became of every input: filed + known + refused = inputs."""

    filed: list[Filed] = field(default_factory=list)
    known: list[Filed] = field(default_factory=list)  # were there before, or twice among the inputs
    refused: list[Refused] = field(default_factory=list)
    seconds: float = 0.0
    skipped: Mapping[str, int] = field(default_factory=dict)  # files that are no pictures by name: extension → number
    unreadable: Sequence[str] = ()  # folders that could not be listed, with the reason
    left_out: Sequence[str] = ()  # folders that categoriser made
    filed_from: list[str] = field(default_factory=list)  # for each of ``filed`` its path, URL or name
    known_from: list[str] = field(default_factory=list)  # for each of ``known``

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return len(self.filed) + len(self.known) + len(self.refused)


def add_items(
    pipeline: Pipeline, collection: CollectionRow, items: Iterable[Item], progress: Progress | None = None
) -> AddReport:
    """File all items in their order; one that fails is reported and the others go on.

    Raises:
        CategoriserError: something that concerns them all, such as missing weights; what was filed by then stays.
        KeyboardInterrupt: between two of them, for a Ctrl-C at any time; those handed over by then are filed.
    """
    started = time.perf_counter()
    total = len(items) if isinstance(items, Sized) else None
    report = AddReport(
        skipped=getattr(items, "skipped", {}),
        unreadable=getattr(items, "unreadable", ()),
        left_out=getattr(items, "left_out", ()),
    )
    waiting: deque[tuple[Item, Future[Filed]]] = deque()

    def settle(check: Check) -> None:
        item, future = waiting[0]
        _wait_for(future, check)
        waiting.popleft()
        source = str(item.source or item.name)
        try:
            filed = future.result()
        except (RejectedError, EncoderFailedError) as error:
            report.refused.append(Refused(source, str(error)))
        else:
            (report.known if filed.known else report.filed).append(filed)
            (report.known_from if filed.known else report.filed_from).append(source)
        if progress is not None:
            progress(report.inputs, total)

    try:
        with interrupts_held() as check:
            for item in items:
                check()
                one = _absolute(item)
                waiting.append((_without_bytes(one), pipeline.submit(collection, one, exactly=True)))
                while waiting and waiting[0][1].done():
                    settle(check)
            while waiting:
                settle(check)
    except Exception:
        for _, future in waiting:  # let those under way come to their end before the caller goes on
            future.exception()
        raise
    report.seconds = time.perf_counter() - started
    return report


def _wait_for(future: Future[Filed], check: Check) -> None:
    """Not in one piece: a wait that is interrupted from within may keep a lock that the pipeline needs."""
    while not future.done():
        check()
        wait([future], _LOOK_UP)


def _without_bytes(item: Item) -> Item:
    """What the report needs of an item, without its bytes."""
    return replace(item, data=None)


def _absolute(item: Item) -> Item:
    """Paths are kept, and must mean the same wherever the next process is started."""
    if item.path is None or item.path.is_absolute():
        return item
    return replace(item, path=Path.cwd() / item.path)
