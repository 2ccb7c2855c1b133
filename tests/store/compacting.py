"""What tests of compactions look at: folders, disk, points to the last bit, and whether one is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from categoriser.domain import Points
from categoriser.store import QdrantEdgeStore, compaction
from tests.waiting import wait_until

MakePoints = Callable[..., Points]


def folders(path: Path) -> set[str]:
    """Names of the shards."""
    return {one.name for one in path.iterdir() if one.is_dir()}


def allocated(path: Path) -> int:
    """Bytes on disk; parts of these files are holes."""
    return sum(one.stat().st_blocks * 512 for one in path.rglob("*") if one.is_file())


def assert_same(store: QdrantEdgeStore, collection: str, points: Points) -> None:
    """A collection has these points and no others."""
    found = store.fetch(collection, points.image_ids)
    assert list(found.image_ids) == list(points.image_ids)
    assert (found.vectors == points.vectors).all()
    assert found.micro_ids.tolist() == list(points.micro_ids)
    assert list(found.added_at) == list(points.added_at)
    assert store.count(collection) == len(points)


def settled(store: QdrantEdgeStore) -> None:
    """Wait until the compaction that the deletions started is over."""
    wait_until(idle)
    assert store.deleted() < compaction.WORTH_IT


def idle() -> bool:
    """Whether no compaction goes on beside what is tested."""
    return all(thread.name != "vector-compaction" for thread in threading.enumerate())
