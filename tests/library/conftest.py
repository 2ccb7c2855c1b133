"""Libraries to test on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from categoriser import Library
from categoriser.state import delivery
from tests.prepared import copy_of, nothing


@pytest.fixture(autouse=True)
def _settled_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some wait until the store has everything: not ten seconds each."""
    monkeypatch.setattr(delivery, "_FLUSH_SECONDS", 0.5)


@pytest.fixture
def pictures_library(tmp_path: Path) -> Iterator[Library]:
    """An empty library that encodes pictures."""
    with Library.open(copy_of(nothing, tmp_path / "library"), encoder="classic") as library:
        yield library


@pytest.fixture
def vectors_library(tmp_path: Path) -> Iterator[Library]:
    """An empty library for vectors of eight numbers."""
    with Library.open(copy_of(nothing, tmp_path / "library"), encoder="vectors:8") as library:
        yield library
