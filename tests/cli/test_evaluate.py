"""``categoriser evaluate``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.evaluation.test_replay import subject
from tests.whole import pictures


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """120 vectors of 4 classes."""
    made = subject(120)
    assert made.vectors is not None
    np.savez(tmp_path / "v.npz", emb=made.vectors, kind=np.array(made.classes))
    return tmp_path / "v.npz"


def test_it_prints_a_table_and_leaves_nothing_behind(run: Command, vectors: Path, tmp_path: Path) -> None:
    ran = run("evaluate", vectors, "--labels", "kind", "--orders", 2)
    assert ran.code == 0
    assert "ARI" in ran.out
    assert "random 1" in ran.out
    assert not (tmp_path / "library").exists()


def test_json_is_one_document_with_every_order(run: Command, vectors: Path) -> None:
    data = run("evaluate", vectors, "--labels", "kind", "--orders", 2, "--order", "bursts", "--json").json
    assert data["images"] == 120
    assert data["mean"]["ari"] > 0.9
    assert [one["order"] for one in data["orders"]] == ["bursts 0", "bursts 1"]
    assert data["orders"][0]["steps"][-1]["images"] == 120
    assert sum(map(sum, data["confusion"]["counts"])) == 120


def test_the_report_is_written(run: Command, vectors: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ran = run("evaluate", vectors, "--labels", "kind", "--orders", 1, "--limit", 60, "--html", tmp_path / "r.html")
    assert ran.code == 0
    assert "60 images" in (tmp_path / "r.html").read_text()


def test_pictures_that_are_refused_give_exit_code_1(run: Command, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "p", 6)
    (folder / "broken.png").write_text("nothing")
    ran = run("evaluate", folder, "--orders", 1, "--encoder", "classic")
    assert ran.code == 1
    assert "1 refused" in ran.out


def test_without_a_source_a_collection_is_measured_as_it_is(run: Command, tmp_path: Path) -> None:
    assert run("add", pictures(tmp_path / "p", 8)).code == 0
    data = run("evaluate", "--json").json
    assert data["images"] == 8
    assert data["orders"][0]["order"] == "as it is"
    assert run("evaluate", "--collection", "other").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        ["v.npz", "--labels", "no"],
        ["v.npz", "--html", "v.npz/report.html"],
        ["v.npz", "--order", "by-class"],
        ["v.npz", "--vocabulary", "nowhere.txt"],
        ["--labels", "kind"],
        [],
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_exit_code_2(run: Command, vectors: Path, arguments: list[str]) -> None:
    ran = run("evaluate", *arguments)
    assert ran.code == 2
    assert ran.err.strip().endswith(".")
    assert "Traceback" not in ran.err


def test_ready_vectors_take_no_encoder_and_a_failure_leaves_no_report(
    run: Command, vectors: Path, tmp_path: Path
) -> None:
    page = tmp_path / "reports" / "page.html"
    result = run("evaluate", vectors, "--encoder", "classic", "--html", page)
    assert result.code == 2
    assert "leave out --encoder" in result.err
    assert not page.parent.exists()


def test_nothing_is_said_about_words_that_nobody_asked_for(run: Command, vectors: Path) -> None:
    assert "vocabulary" not in run("evaluate", vectors, "--orders", 1).out
