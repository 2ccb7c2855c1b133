"""Prometheus metrics of what is: read from the library when somebody asks, and no more often than is cheap."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from categoriser.catalog import totals
from categoriser.library import Library

_SHARE: Final = 100  # a look that took so long is good for so many times as long: at most 1 % of one processor
_Value = TypeVar("_Value")


class LibraryGauges(Collector):
    """Queues, sizes and memory of one library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._queues = _Remembered(self._read_queues, at_least=1.0)
        self._holdings = _Remembered(self._read_holdings, at_least=15.0)
        self._disk = _Remembered(self._vectors_on_disk, at_least=60.0)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All gauges."""
        library = self._library
        queues, holdings = self._queues.value(), self._holdings.value()
        age = 0.0 if queues.oldest is None else max(0.0, time.time() - queues.oldest)
        opened, size = library.storage.states.in_memory()
        yield _gauge("queue_pictures", "Accepted pictures that are not filed yet", queues.accepted)
        yield _gauge("queue_oldest_age_seconds", "How long the oldest of them has waited", age)
        yield _gauge("under_way_pictures", "Pictures in memory on their way", library.pipeline.under_way)
        yield _gauge("failed_pictures", "Accepted pictures that cannot be filed", queues.failed)
        yield _gauge("undelivered_orders", "Changes that the vector store has not on disk yet", queues.undelivered)
        yield _gauge("collections", "Collections, views included", holdings.collections)
        yield _gauge("images", "Images of all collections", holdings.images)
        yield _gauge("categories", "Categories of all collections", holdings.categories)
        share = holdings.unsorted / max(1, holdings.images)
        yield _gauge("unsorted_ratio", "Share of images that are in no category", share)
        yield _gauge("open_collections", "Collections whose engine state is in memory", opened)
        yield _gauge("engine_state_bytes", "Size of these states, mapped vectors included", size)
        yield _gauge("open_encoders", "Encoders in memory", len(library.encoders.ids))
        yield _gauge("store_disk_bytes", "Size of the embedded vector store on disk", self._disk.value())

    def _read_queues(self) -> totals.Queues:
        with self._library.storage.database.read() as connection:
            return totals.queues(connection)

    def _read_holdings(self) -> totals.Holdings:
        with self._library.storage.database.read() as connection:
            return totals.holdings(connection)

    def _vectors_on_disk(self) -> int:
        size = 0
        for folder, _, names in os.walk(self._library.storage.folder / "vectors"):
            for name in names:
                with suppress(OSError):  # it went meanwhile
                    size += 512 * Path(folder, name).stat().st_blocks  # parts of these files are holes
        return size


class _Remembered(Generic[_Value]):
    """A value that is read again once it is old; a slow look is good for longer."""

    def __init__(self, read: Callable[[], _Value], *, at_least: float) -> None:
        self._read = read
        self._at_least = at_least
        self._until = -1.0
        self._last: list[_Value] = []

    def value(self) -> _Value:
        started = time.monotonic()
        if not self._last or started >= self._until:
            self._last = [self._read()]
            now = time.monotonic()
            self._until = now + max(self._at_least, _SHARE * (now - started))
        return self._last[0]


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"categoriser_{name}", text, value=value)
