"""What the embedded store promises about its folder: nothing lost, one owner."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from categoriser.domain import Points, Where
from categoriser.errors import CategoriserError, EncoderMismatchError, LibraryInUseError
from categoriser.store import QdrantEdgeStore

MakePoints = Callable[..., Points]

WRITE_AND_DIE = """
import os, signal, sys
import numpy as np
from categoriser.domain import Points
from categoriser.store import QdrantEdgeStore

store = QdrantEdgeStore(sys.argv[1], 8)
for start in range(0, 300, 10):
    ids = [f"i{i}" for i in range(start, start + 10)]
    vectors = np.tile(np.eye(8, dtype=np.float32), (2, 1))[:10]
    store.put("mine", Points(ids, vectors, np.zeros(10, dtype=np.int64), [float(start)] * 10))
    if start == 100:
        store.flush()
store.move("mine", ["i5", "i295", "nobody"], [2**40, 7, 8])
store.delete("mine", ["i0", "i299"])
os.kill(os.getpid(), signal.SIGKILL)
"""

OPEN = """
import sys
from categoriser.errors import LibraryInUseError
from categoriser.store import QdrantEdgeStore

try:
    QdrantEdgeStore(sys.argv[1], 8)
except LibraryInUseError as error:
    print(error)
"""


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )


def test_everything_is_there_after_closing_and_opening(tmp_path: Path, make_points: MakePoints) -> None:
    points = make_points(["a", "b", "c"], micro_ids=[1, 2**40, 3])
    store = QdrantEdgeStore(tmp_path / "vectors", 8)
    store.put("mine", points)
    store.close()
    store.close()
    again = QdrantEdgeStore(tmp_path / "vectors", 8)
    assert np.allclose(again.fetch("mine", ["a", "b", "c"]).vectors, points.vectors, atol=1e-6)
    assert again.count("mine", Where(micro_ids=[2**40], added_from=1.0, added_before=2.0)) == 1
    assert again.search("mine", points.vectors[2], 1)[0].image_id == "c"
    again.close()


def test_everything_put_is_there_after_kill_9(tmp_path: Path) -> None:
    assert run(WRITE_AND_DIE, tmp_path).returncode == -signal.SIGKILL
    store = QdrantEdgeStore(tmp_path, 8)
    ids = [f"i{i}" for i in range(300)]
    assert list(store.fetch("mine", ids).image_ids) == ids[1:-1]
    assert store.fetch("mine", ["i4", "i5", "i295"]).micro_ids.tolist() == [0, 2**40, 7]
    assert store.count("mine") == 298
    assert store.count("mine", Where(micro_ids=[0])) == 296
    store.close()


def test_a_store_whose_making_was_cut_short_is_made_anew(tmp_path: Path, make_points: MakePoints) -> None:
    (tmp_path / "shard.new" / "wal").mkdir(parents=True)
    (tmp_path / "shard.new" / "wal" / "open-1").write_bytes(b"half")
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a"]))
    assert store.count("mine") == 1
    store.close()


def test_min_score_includes_the_bound_itself(tmp_path: Path, make_points: MakePoints) -> None:
    points = make_points([f"i{i}" for i in range(50)])
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", points)
    hits = store.search("mine", points.vectors[0], 50)
    for place, hit in enumerate(hits):
        assert store.search("mine", points.vectors[0], 50, min_score=hit.score) == hits[: place + 1]
    store.close()


def test_a_second_process_is_told_which_folder_is_taken(tmp_path: Path) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    answer = run(OPEN, tmp_path)
    assert str(tmp_path) in answer.stdout, answer.stderr
    assert "another process" in answer.stdout
    store.close()
    assert run(OPEN, tmp_path).stdout == ""


def test_a_second_opening_in_this_process_is_refused(tmp_path: Path, make_points: MakePoints) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    with pytest.raises(LibraryInUseError, match=tmp_path.name):
        QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a"]))
    assert store.count("mine") == 1
    store.close()


def test_another_dimension_is_refused_and_frees_the_folder(tmp_path: Path) -> None:
    QdrantEdgeStore(tmp_path, 8).close()
    with pytest.raises(EncoderMismatchError, match="dimension 8"):
        QdrantEdgeStore(tmp_path, 9)
    QdrantEdgeStore(tmp_path, 8).close()


def test_a_closed_store_says_so(tmp_path: Path, make_points: MakePoints) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    store.close()
    with pytest.raises(CategoriserError, match="closed"):
        store.count("mine")
    with pytest.raises(CategoriserError, match="closed"):
        store.put("mine", make_points(["a"]))
