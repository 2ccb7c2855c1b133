"""A compaction that is cut short, by whatever it is, leaves the store as it was or is as good as done."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from categoriser.errors import CategoriserError
from categoriser.store import QdrantEdgeStore, compaction, edge_folder, qdrant_edge
from tests.store.compacting import MakePoints, assert_same, folders, idle
from tests.waiting import wait_until

COMPACT_AND_DIE = """
import os, signal, sys
import numpy as np
from categoriser.domain import Points
from categoriser.store import QdrantEdgeStore, compaction
from categoriser.store.edge_folder import ShardFolder

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

store = QdrantEdgeStore(sys.argv[1], 8)
ids = [f"i{i}" for i in range(300)]
store.put("mine", Points(ids, np.eye(8, dtype=np.float32)[np.arange(300) % 8], np.arange(300), [1.0] * 300))
store.delete("mine", ids[:100])
where, owner = sys.argv[2].rsplit(".", 1), {"Copying": compaction.Copying, "ShardFolder": ShardFolder}
before = getattr(owner[where[0]], where[1])
def late(*arguments):
    before(*arguments)
    die()
setattr(owner[where[0]], where[1], late if sys.argv[3] == "after" else die)
store.compact()
"""


def refused(store: QdrantEdgeStore, path: Path, why: str) -> None:
    """Assert that a compaction ends with an error and leaves no folder behind."""
    with pytest.raises(CategoriserError, match=why):
        store.compact()
    assert folders(path) == {"shard"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["Copying.copy", "Copying.finish", "ShardFolder.switch", "ShardFolder.remove"])
def test_kill_9_at_any_moment_loses_nothing(what: str, when: str, tmp_path: Path) -> None:
    script = [sys.executable, "-c", COMPACT_AND_DIE, str(tmp_path), what, when]
    died = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    store = QdrantEdgeStore(tmp_path, 8)
    ids = [f"i{i}" for i in range(300)]
    assert list(store.fetch("mine", ids).image_ids) == ids[100:]
    assert len(folders(tmp_path)) == 1
    assert store.compact()
    store.close()


def test_a_store_that_is_closed_meanwhile_keeps_what_it_had(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_REST", 1000.0)
    store = QdrantEdgeStore(tmp_path, 8)
    points = make_points([f"i{i}" for i in range(5000)])
    store.put("mine", points)
    points = store.fetch("mine", points.image_ids)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(store.compact()))
    thread.start()
    wait_until(lambda: len(folders(tmp_path)) == 2)
    begun = time.monotonic()
    store.close()
    assert time.monotonic() - begun < 5
    thread.join()
    assert answers == [False]
    assert folders(tmp_path) == {"shard"}
    again = QdrantEdgeStore(tmp_path, 8)
    assert_same(again, "mine", points)
    again.close()


def test_a_point_that_could_not_follow_ends_the_compaction_and_not_the_writing(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(copying: compaction.Copying, stop: threading.Event) -> bool:
        copied = copy(copying, stop)
        monkeypatch.setattr(copying, "_put", lambda _: 1 / 0)
        store.put("mine", make_points(["b"]))
        return copied

    copy = compaction.Copying.copy
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a"]))
    monkeypatch.setattr(compaction.Copying, "copy", slowly)
    refused(store, tmp_path, "could not be copied: division by zero")
    assert store.count("mine") == 2
    store.close()


def test_a_disk_that_fills_up_meanwhile_ends_it(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10 << 30, 10 << 30, 100 << 20])
    monkeypatch.setattr(compaction, "_REST", 0.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points([f"i{i}" for i in range(5000)]))
    refused(store, tmp_path, "100 MB are free")
    assert store.count("mine") == 5000
    store.close()


def test_without_room_for_a_copy_nothing_is_begun_and_deleting_goes_on(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compaction, "WORTH_IT", 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 << 20))
    store = QdrantEdgeStore(tmp_path, 8)
    points = make_points([f"i{i}" for i in range(190)])
    store.put("mine", points)
    for image_id in points.image_ids:
        store.delete("mine", [image_id])
        store.flush()
        wait_until(idle)
    assert caplog.text.count("are needed for a copy and 100 MB are free") == 1  # not again at once
    assert folders(tmp_path) == {"shard"}
    monkeypatch.undo()
    assert store.compact()
    store.close()


def test_a_disk_that_refuses_leaves_the_store_as_it_was(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a", "b"]))
    for part in ("settle", "_made"):
        monkeypatch.setattr(edge_folder, part, refuse)
        refused(store, tmp_path, "No space left")
        monkeypatch.undo()
    store.delete("mine", ["a"])
    assert store.count("mine") == 1
    assert store.compact()
    assert store.count("mine") == 1
    store.close()


def test_whatever_comes_after_the_switch_it_is_one(
    tmp_path: Path, make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a"]))
    for module in (qdrant_edge, edge_folder):
        monkeypatch.setattr(module, "settle", lambda _: None)
    monkeypatch.setattr(edge_folder, "_sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.compact()
    monkeypatch.undo()
    store.put("mine", make_points(["b"]))
    store.close()
    assert folders(tmp_path) == {"shard-1"}
    store = QdrantEdgeStore(tmp_path, 8)
    assert store.count("mine") == 2
    store.close()


@pytest.mark.parametrize("text", [b"", b"\n", b".", b"shard-x", b"../shard", b"\xff\xfe"])
def test_a_pointer_that_names_nothing_is_said_and_nothing_is_touched(
    text: bytes, tmp_path: Path, make_points: MakePoints
) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a"]))
    store.compact()
    store.close()
    (tmp_path / "current").write_bytes(text)
    with pytest.raises(CategoriserError, match="does not name the folder"):
        QdrantEdgeStore(tmp_path, 8)
    (tmp_path / "current").write_text("shard-1")
    store = QdrantEdgeStore(tmp_path, 8)
    assert store.count("mine") == 1
    store.close()


def test_a_lost_folder_is_said_and_no_other_is_touched(tmp_path: Path, make_points: MakePoints) -> None:
    store = QdrantEdgeStore(tmp_path, 8)
    store.put("mine", make_points(["a"]))
    store.compact()
    store.close()
    (tmp_path / "current").unlink()
    with pytest.raises(CategoriserError, match="lacks its folder shard: restore it"):
        QdrantEdgeStore(tmp_path, 8)
    (tmp_path / "current").write_text("shard-1")
    store = QdrantEdgeStore(tmp_path, 8)
    assert store.count("mine") == 1
    store.close()


def test_a_shard_that_does_not_open_leaves_the_others_alone(tmp_path: Path) -> None:
    QdrantEdgeStore(tmp_path, 8).close()
    shutil.copytree(tmp_path / "shard", tmp_path / "shard-1")
    for path in (tmp_path / "shard-1").rglob("segment.json"):
        path.write_text("{")
    (tmp_path / "current").write_text("shard-1")
    with pytest.raises(CategoriserError, match="cannot be opened"):
        QdrantEdgeStore(tmp_path, 8)
    assert folders(tmp_path) == {"shard", "shard-1"}
