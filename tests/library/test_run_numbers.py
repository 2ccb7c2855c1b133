"""What a run did and left is kept with it, so that quality can be looked at over time."""

from __future__ import annotations

from pathlib import Path

from categoriser import Library
from tests.whole import pictures


def test_a_run_keeps_the_numbers_that_it_leaves(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", "classic", automatic_runs=False) as library:
        photos = library.collection("photos")
        photos.add(pictures(tmp_path / "pictures", 30))
        report = photos.run()
        kept = next(one.summary for one in photos.versions() if one.kind == "run")
        assert {name: kept[name] for name in ("images", "categories", "unsorted", "moved", "absorbed")} == {
            "images": 30,
            "categories": report.categories,
            "unsorted": report.unsorted,
            "moved": report.moved,
            "absorbed": report.absorbed,
        }
