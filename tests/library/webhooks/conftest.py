"""A receiver, and libraries that tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from categoriser import Collection, Library
from tests.receiver import Receiver, receiving
from tests.whole import clusters

PATIENT = {"first_wait": 0.02, "longest_wait": 0.05, "poll_seconds": 0.1, "allow_private_addresses": True}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


Open = Callable[..., Library]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[Library] = []

    def opened(**webhooks: Any) -> Library:
        settings = PATIENT | webhooks
        made.append(Library.open(tmp_path / "library", encoder="vectors:8", webhooks=settings))
        return made[-1]

    yield opened
    for library in made:
        library.close()


def fill(collection: Collection, number: int, *, start: int = 0) -> list[int]:
    """Add so many images; returns the cursors of their events."""
    before = collection.last_cursor()
    ids = [f"{start + i}" for i in range(number)]
    collection.add_vectors(ids, clusters(number, seed=start))
    return [event.cursor for event in collection.events(after=before, limit=10_000)]
