"""The scripted story of ``docs/story.md`` keeps every promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.data import real
from benchmarks.story import story


def test_the_story_of_twelve_hundred_pictures(tmp_path: Path) -> None:
    found = real("caltech")
    if found is None:
        pytest.skip("needs the vectors of ../shared/data/vectors")
    told: list[str] = []
    story(tmp_path / "library", found[0], [str(one) for one in found[1]["label"]], told.append)
    assert len(told) > 10
