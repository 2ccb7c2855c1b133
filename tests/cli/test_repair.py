"""``doctor --repair`` shows first and does it only when told."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Command


def test_the_doctor_shows_what_it_would_repair_and_does_it_when_told(
    run: Command, folder: Path, tmp_path: Path
) -> None:
    run("add", folder)
    assert "Nothing to repair" in run("doctor", "--repair").out
    shutil.rmtree(tmp_path / "library" / "thumbnails")
    shown = run("doctor", "--repair")
    assert shown.code == 1
    assert "12 thumbnails" in shown.out
    assert "Nothing was changed" in shown.out
    assert not (tmp_path / "library" / "thumbnails").exists()
    assert run("doctor", "--repair", "--json").json["found"][0]["repairable"] is True
    done = run("doctor", "--repair", "--yes")
    assert done.code == 0
    assert "Nothing is left to repair" in done.out
    assert sum(path.is_file() for path in (tmp_path / "library" / "thumbnails").rglob("*")) == 12
    assert run("doctor", "--yes").code == 2
