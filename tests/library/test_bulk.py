"""Pictures that Ray encoded are filed as if the pipeline had encoded them: same ids, same order, same answers."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from categoriser import Library
from categoriser.encoders import open_encoder
from categoriser.errors import CategoriserError, MissingExtraError
from categoriser.intake import Item, from_folder
from categoriser.library.adding import AddReport
from categoriser.library.bulk import EncodingWorker, Work, encoded_by_ray
from categoriser.settings import Settings
from tests.whole import picture, pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = pictures(tmp_path / "in", 40)
    (made / "broken.png").write_bytes(b"broken")
    shutil.copy(sorted(made.rglob("*.png"))[3], made / "twice.png")
    return made


@pytest.fixture
def work() -> Work:
    return Work.of(Settings.load(), "classic", open_encoder("classic").id)


def test_a_worker_makes_of_files_what_the_pipeline_makes(folder: Path, work: Work) -> None:
    paths = [str(item.path) for item in from_folder(folder)]
    made = EncodingWorker(work)({"place": np.arange(len(paths)), "path": np.asarray(paths, object)})
    assert list(made["place"]) == list(range(len(paths)))
    problems = [path for path, problem in zip(paths, made["problem"], strict=True) if problem]
    assert problems == [str(folder / "broken.png")]
    assert made["vector"].shape == (42, open_encoder("classic").dimension)
    assert len(set(made["sha256"])) == 41  # one file under two names
    assert len(made["fingerprint"][0]) > 32


def test_without_ray_one_sentence_says_what_to_install(
    folder: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '\.\[bulk\]'"):
        encoded_by_ray(from_folder(folder), work)


@pytest.mark.slow
def test_ray_and_the_pipeline_file_the_same(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra bulk is not installed")
    told: dict[str, tuple[Any, ...]] = {}
    for engine in ("here", "ray"):
        bulk = {"workers": 2, "batch": 8}
        with Library.open(tmp_path / engine, encoder="classic", bulk=bulk, automatic_runs=False) as library:
            photos = library.collection("anna")
            mixed = [*from_folder(folder), Item("bytes", data=picture(700))]
            report = photos.add(mixed, engine=engine)  # type: ignore[arg-type]
            again = photos.add(folder, engine=engine)  # type: ignore[arg-type]
            images = [
                dataclasses.replace(one, added_at=0, category=None, label=None) for one in photos.images(limit=100)
            ]
            found = photos.search(image_id=images[5].id, limit=10, min_relevance=0)
            told[engine] = (
                _counts(report),
                _counts(again),
                images,
                [one.image_id for one in found],
                len(photos.categories()),
                [photos.thumbnail(one.id).read_bytes() for one in images],
            )
    assert told["here"] == told["ray"]
    assert told["ray"][0] == (41, 1, 1)
    assert told["ray"][1] == (0, 41, 1)


def _counts(report: AddReport) -> tuple[int, int, int]:
    return len(report.filed), len(report.known), len(report.refused)


@pytest.mark.slow
def test_workers_that_would_make_other_vectors_end_it_before_anything_is_filed(folder: Path, work: Work) -> None:
    pytest.importorskip("ray", reason="the extra bulk is not installed")
    other = dataclasses.replace(work, encoder_id="another")
    with pytest.raises(CategoriserError, match="and another elsewhere"):
        next(iter(encoded_by_ray(from_folder(folder), other)))
