"""Dead letters on the command line, and a folder that is watched."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.whole import picture


@pytest.fixture
def torn(run: Command, tmp_path: Path) -> Path:
    """A folder with one good picture and two that cannot be read, added."""
    folder = tmp_path / "torn"
    folder.mkdir()
    (folder / "good.png").write_bytes(picture(1))
    for seed in (2, 3):
        (folder / f"torn{seed}.png").write_bytes(picture(seed)[:200])
    assert run("add", folder).code == 1
    return folder


def test_failed_pictures_are_tried_again_and_forgotten(run: Command, torn: Path) -> None:
    listed = run("failed", "list", "--json").json["failed"]
    assert listed == run("failed", "--json").json["failed"]
    assert [one["repeatable"] for one in listed] == [True, True]
    (torn / "torn2.png").write_bytes(picture(2))  # mended
    assert run("failed", "retry", "--all", "--json").json == {"retried": 2, "failed": 1}
    left = run("failed", "list", "--json").json["failed"]
    assert [Path(one["item"]).name for one in left] == ["torn3.png"]
    assert "1 would be forgotten" in run("failed", "discard", "--all", "--dry-run").out
    refused = run("failed", "discard", str(left[0]["cursor"]), answer="n\n")
    assert (refused.code, "Nothing was forgotten" in refused.err) == (1, True)
    assert run("failed", "discard", str(left[0]["cursor"]), "--yes", "--json").json["discarded"] == 1
    assert "None" in run("failed", "list").out
    assert (torn / "torn3.png").exists()


@pytest.mark.parametrize("arguments", [("retry",), ("discard",), ("retry", "1", "--all"), ("discard", "1", "--all")])
def test_which_ones_has_to_be_said(run: Command, torn: Path, arguments: tuple[str, ...]) -> None:
    result = run("failed", *arguments)
    assert result.code == 2
    assert "--all" in result.err


def test_watching_ends_cleanly_with_what_was_done(run: Command, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture(1))
    command = [sys.executable, "-m", "categoriser", "watch", str(folder), "--settle", "0.1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        (folder / "torn.png").write_bytes(picture(2)[:200])
        assert any("torn.png" in line for line in process.stderr)  # it is watching
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out) == {"filed": 1, "known": 0, "refused": 1}
    assert len(run("images", "--json").json["images"]) == 1


def test_what_cannot_be_watched_is_told_in_a_sentence(run: Command, tmp_path: Path) -> None:
    result = run("watch", tmp_path / "nowhere")
    assert result.code == 2
    assert "is not a folder" in result.err
    assert not (tmp_path / "library").exists()
