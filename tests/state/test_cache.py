"""What lies in the state folder is only a cache: a restart, with or without it, changes no assignment."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from categoriser import Library, MissingVectorsError
from categoriser.state import EngineState
from categoriser.state.vector_file import VectorFile
from tests.prepared import copy_of
from tests.whole import check, clusters

NAMES = [f"v{i}" for i in range(700)]
VECTORS = clusters(900, 16, centres=12)


def _state(folder: Path) -> Path:
    return next((folder / "state").iterdir())


def _vectors(state: Path) -> Path:
    (found,) = state.glob("vectors*")
    return found


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def _lying(name: str, place: Any, value: int) -> Callable[[Path], None]:
    def lie(state: Path) -> None:
        with np.load(state / "lists.npz") as stored:
            kept = {one: stored[one].copy() for one in stored}
        kept[name][place] = value
        np.savez(state / "lists.npz", **kept)

    return lie


def _renamed(state: Path) -> None:
    _vectors(state).rename(state / "vectors-0.f32")


def _of_an_earlier_version(state: Path) -> None:
    """Where a row was its position."""
    with np.load(state / "lists.npz") as stored:
        rows, near, cosines = stored["rows"], stored["neighbours"], stored["cosines"]
    number, width = int(rows[-1]) + 1, near.shape[1]
    before = {
        "ids": np.full((number, width), -1, np.int32),
        "cosines": np.full((number, width), -9, np.float32),
    }
    before["ids"][rows], before["cosines"][rows] = np.where(near >= 0, rows[near], -1), cosines
    np.savez(state / "lists.npz", **before)
    vectors = np.zeros((number, 16), np.float32)
    vectors[rows] = np.fromfile(_vectors(state), np.float32).reshape(-1, 16)[: len(rows)]
    _vectors(state).unlink()
    vectors.tofile(state / "vectors.f32")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "nothing": lambda state: None,
    "all deleted": shutil.rmtree,
    "lists deleted": lambda state: (state / "lists.npz").unlink(),
    "vectors deleted": lambda state: _vectors(state).unlink(),
    "lists truncated": lambda state: _truncate(state / "lists.npz"),
    "vectors truncated": lambda state: _truncate(_vectors(state)),
    "vectors emptied": lambda state: _vectors(state).write_bytes(b""),
    "lists zero": lambda state: _zero(state / "lists.npz"),
    "vectors zero": lambda state: _zero(_vectors(state)),
    "vectors noise": lambda state: _noise(_vectors(state)),
    "lists out of range": _lying("neighbours", (5, 0), 10**6),
    "rows out of order": _lying("rows", 5, 3),
    "a row that is not there": _lying("rows", -1, 10**9),
    "vectors of another name": _renamed,
    "a row that is missing": _lying("rows", 0, 0),
    "nothing, by an earlier version": _of_an_earlier_version,
    "vectors odd length": lambda state: _vectors(state).write_bytes(_vectors(state).read_bytes()[:-3]),
}


def _recall(state: EngineState) -> float:
    """Share of the true neighbours (vectors 100 to 130 are deleted) that are in the lists."""
    here = state.grouping.present()
    vector_of = np.full(state.grouping.length + 1, -1)  # the last one is for nobody
    vector_of[here] = [one for one in range(700) if not 100 <= one < 130]
    lists = np.full((700, state.grouping.lists.k), -1)
    lists[vector_of[here]] = vector_of[state.grouping.lists.ids[here]]
    cosines = VECTORS[:700] @ VECTORS[:700].T
    np.fill_diagonal(cosines, -9)
    cosines[:, 100:130] = -9
    nearest = np.argsort(-cosines, axis=1)[:, : lists.shape[1]]
    rows = [row for row in range(700) if not 100 <= row < 130]
    return float(np.mean([np.isin(nearest[row], lists[row]).mean() for row in rows]))


def seven_hundred(folder: Path) -> None:
    with Library.open(folder, encoder="vectors:16") as library:
        library.collection("a").add_vectors(NAMES, VECTORS[:700])


def six_hundred_and_seventy(folder: Path) -> None:
    copy_of(seven_hundred, folder)
    with Library.open(folder, encoder="vectors:16") as library:
        library.collection("a").delete(NAMES[100:130])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_anew(damage: str, tmp_path: Path) -> None:
    with Library.open(copy_of(six_hundred_and_seventy, tmp_path / "library"), encoder="vectors:16") as library:
        collection = library.collection("a")
        before = check(collection, tmp_path)
        with library.storage.states.writing(collection.row.id) as state:
            recall = _recall(state)
    DAMAGES[damage](_state(tmp_path / "library"))
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("a")
        assert check(collection, tmp_path) == before
        with library.storage.states.writing(collection.row.id) as state:
            assert _recall(state) >= recall - 0.01
        collection.add_vectors([f"w{i}" for i in range(200)], VECTORS[700:])
        collection.run()
        collection.delete("w3")
        assert len(check(collection, tmp_path)) == 869


def test_an_older_cache_than_the_catalog_is_completed(tmp_path: Path) -> None:
    copy_of(seven_hundred, tmp_path / "library")
    older = tmp_path / "older"
    shutil.copytree(_state(tmp_path / "library"), older)
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("a")
        collection.delete(NAMES[:50])
        collection.add_vectors([f"w{i}" for i in range(200)], VECTORS[700:])
        before = check(collection, tmp_path)
    shutil.copytree(older, _state(tmp_path / "library"), dirs_exist_ok=True)
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        collection = library.collection("a")
        assert check(collection, tmp_path) == before
        with library.storage.states.writing(collection.row.id) as state:
            assert not (
                state.vectors.matrix @ VECTORS[:50].T > 0.9999
            ).any()  # deleted vectors are not kept in the cache either


def test_missing_vectors_are_told_and_the_collection_can_still_be_deleted(tmp_path: Path) -> None:
    copy_of(seven_hundred, tmp_path / "library")
    shutil.rmtree(tmp_path / "library" / "state")
    shutil.rmtree(tmp_path / "library" / "vectors")
    with Library.open(tmp_path / "library", encoder="vectors:16") as library:
        with pytest.raises(MissingVectorsError, match="700 vectors"):
            library.collection("a").run()
        assert library.delete_collection("a") == 700


def test_few_open_collections_serve_many_under_threads(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:16", open_collections=1, idle_minutes=0.0001) as library:
        failures: list[BaseException] = []

        def work(thread: int) -> None:
            try:
                for step in range(12):
                    collection = library.collection(f"c{(thread + step) % 5}")
                    first = 10 * (12 * thread + step)
                    names = [f"t{thread} {step} {i}" for i in range(10)]
                    collection.add_vectors(names, VECTORS[np.arange(first, first + 10) % 900])
                    collection.search(vector=VECTORS[first % 900])
                    if step % 4 == 3:
                        collection.run()
                        collection.delete(names[:3])
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
            assert not thread.is_alive()
        assert failures == []
        assert len(library.storage.states._slots) <= 1
        counts = [len(check(library.collection(f"c{i}"), tmp_path)) for i in range(5)]
        assert sum(counts) == 6 * (120 - 9)


def test_a_vector_file_grows_reads_and_clears(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "vectors", 16, 0)
    for start in range(0, 900, 90):
        file.append(VECTORS[start : start + 90])
    np.testing.assert_array_equal(file.matrix, VECTORS)
    file.clear(np.array([3, 4]))
    file.flush()
    again = VectorFile(tmp_path / "vectors", 16, 900)
    assert not again.matrix[3:5].any()
    np.testing.assert_array_equal(again.matrix[5:], VECTORS[5:])
    with pytest.raises(ValueError, match="read-only"):
        again.matrix[0, 0] = 1
