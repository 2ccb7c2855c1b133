"""Killing the process at any moment loses and doubles nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from categoriser import Collection, Library
from tests.killing import killed
from tests.whole import check, clusters, left_over, pictures

CHILD = Path(__file__).with_name("killed.py")


def killed_after(seconds: float, mode: str, library: Path, source: Path) -> list[str]:
    """Run the child, kill it so long after it began to file (or let it finish); returns the accepted ids."""
    lines = killed([str(CHILD), mode, str(library), str(source)], seconds, began=lambda first: first == "go\n")
    whole_lines = [line.removesuffix("\n") for line in lines if line.endswith("\n")]
    return [line.removeprefix("accepted ") for line in whole_lines if line.startswith("accepted ")]


def settled(library: Library) -> None:
    """Wait until resume has filed what was accepted, and a run that this made due is over."""
    until = time.monotonic() + 60
    while left_over(library)["inbox"] or not library.pipeline.idle:
        assert time.monotonic() < until
        time.sleep(0.05)


def whole(collection: Collection, library: Library, tmp: Path, expected: set[str]) -> dict[str, str | None]:
    assignments = check(collection, tmp)
    assert set(assignments) == expected
    assert left_over(library) == {"inbox": 0, "outbox": 0}
    return assignments


def content_ids(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest()[:32] for path in folder.iterdir()}


@pytest.mark.parametrize(("mode", "seed"), [("folder", 1), ("uploads", 3)])
def test_pictures_survive_kill_at_any_moment(mode: str, seed: int, tmp_path: Path) -> None:
    source = pictures(tmp_path / "pictures", 150, start=1000 * seed)
    ids, rng = content_ids(source), random.Random(seed)
    for _ in range(2):
        accepted = killed_after(rng.uniform(0, 1.5), mode, tmp_path / "library", source)
        with Library.open(tmp_path / "library") as library:
            settled(library)
            collection = library.collection("killed")
            assert set(accepted) <= set(check(collection, tmp_path))  # without sending anything again
            for image in collection.images(limit=1000):
                assert ids[image.name or ""] == image.id
                assert image.source == (str(source / str(image.name)) if mode == "folder" else None)
                assert collection.original(image.id).read_bytes() == (source / str(image.name)).read_bytes()
    with Library.open(tmp_path / "library") as library:
        collection = library.collection("killed")
        report = collection.add(source)
        assert report.inputs == 150
        assert not report.refused
        before = whole(collection, library, tmp_path, set(ids.values()))
    with Library.open(tmp_path / "library") as library:
        assert whole(library.collection("killed"), library, tmp_path, set(ids.values())) == before


@pytest.mark.parametrize("seed", [5])
def test_vectors_survive_kill_at_any_moment(seed: int, tmp_path: Path) -> None:
    vectors, rng = clusters(1200, 16, seed=seed), random.Random(seed)
    np.save(tmp_path / "vectors.npy", vectors)
    for _ in range(2):
        accepted = killed_after(rng.uniform(0, 1.2), "vectors", tmp_path / "library", tmp_path / "vectors.npy")
        with Library.open(tmp_path / "library") as library:
            assert set(accepted) <= set(check(library.collection("killed"), tmp_path, export=False))
    names = [f"v{i}" for i in range(len(vectors))]
    with Library.open(tmp_path / "library") as library:
        collection = library.collection("killed")
        collection.add_vectors(names, vectors)
        before = whole(collection, library, tmp_path, set(names))
        best = collection.search(vector=vectors[7], limit=1)[0]
        assert best.image_id == "v7"
    with Library.open(tmp_path / "library") as library:
        assert whole(library.collection("killed"), library, tmp_path, set(names)) == before


def test_killed_while_it_opens_for_the_first_time(tmp_path: Path) -> None:
    source, rng = pictures(tmp_path / "pictures", 20), random.Random(7)
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), "folder", str(tmp_path / "library"), str(source)],
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        until = time.monotonic() + 30
        while not (tmp_path / "library" / "lock").exists() and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.3))
        child.kill()
        child.wait()
    with Library.open(tmp_path / "library", encoder="classic") as library:
        settled(library)
        collection = library.collection("killed")
        collection.add(source)
        whole(collection, library, tmp_path, set(content_ids(source).values()))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_kills_over_two_thousand_pictures(tmp_path: Path) -> None:
    source = pictures(tmp_path / "pictures", 2000)
    ids, rng = content_ids(source), random.Random(50)
    accepted: set[str] = set()
    for round_ in range(50):
        mode = ("folder", "uploads")[round_ % 2]
        accepted |= set(killed_after(rng.uniform(0, 3), mode, tmp_path / "library", source))
        with Library.open(tmp_path / "library") as library:
            settled(library)
            collection = library.collection("killed")
            present = check(collection, tmp_path)
            assert accepted <= set(present) <= set(ids.values())
            if len(present) > 1500:
                gone = rng.sample(sorted(present), 1000)
                assert collection.delete(gone) == 1000
                accepted -= set(gone)
    with Library.open(tmp_path / "library") as library:
        collection = library.collection("killed")
        collection.add(source)
        before = whole(collection, library, tmp_path, set(ids.values()))
    with Library.open(tmp_path / "library") as library:
        assert whole(library.collection("killed"), library, tmp_path, set(ids.values())) == before
