"""Runs at 100k: a full one, one after 1 % new images, what publishing costs, a merge of two large categories, churn."""

from __future__ import annotations

import tempfile
import time

import numpy as np

from benchmarks.data import generated, real
from benchmarks.measure import row
from categoriser import Collection, Library
from categoriser.evaluation import Plan, Subject, evaluate_subject
from categoriser.maintenance import publishing, running

N, DIMENSION = 100_000, 128


def main() -> None:
    """Print the rows."""
    vectors = generated(N + 2000, DIMENSION)
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, f"vectors:{DIMENSION}") as library:
        collection = library.collection("benchmark")
        add(collection, vectors[:N], 0)
        collection.run()
        for category in collection.categories():  # as after a correction: all are looked into again
            collection.hide(category.id, hidden=False)
        full = collection.run()
        add(collection, vectors[N : N + N // 100], N)
        publishing = seconds_in_publish()
        small = collection.run()
        row(
            f"a run after 1 % new images, at {N:,} × {DIMENSION}",
            "≤ 1 s, ≤ 5 % of a full one",
            f"{small.seconds:.2f} s, {small.seconds / full.seconds:.0%} of {full.seconds:.1f} s; "
            f"{small.moved} images moved",
        )
        row("… of that publishing: one transaction, all readers at once", "≤ 50 ms", f"{1e3 * publishing[-1]:.0f} ms")
    two_large()
    for name, column in (("fashion", "subCategory"), ("caltech", "label")):
        churn(name, column)


def add(collection: Collection, vectors: np.ndarray, first: int) -> None:
    """In portions."""
    for low in range(0, len(vectors), 10_000):
        part = vectors[low : low + 10_000]
        collection.add_vectors([str(first + low + i) for i in range(len(part))], part)


def seconds_in_publish() -> list[float]:
    """A list that grows by the duration of every publication from now on, descriptions and the commit included."""
    taken: list[float] = []

    publish = publishing.publish

    def timed(*arguments: object, **options: object) -> object:
        start = time.perf_counter()
        try:
            return publish(*arguments, **options)  # type: ignore[arg-type]
        finally:
            taken.append(time.perf_counter() - start)

    running.publish = timed  # type: ignore[assignment, attr-defined]
    return taken


def two_large() -> None:
    """Merge two categories of 50,000 images each."""
    rng = np.random.default_rng(0)
    centres = np.eye(2, DIMENSION)
    which = rng.integers(0, 2, N)
    vectors = (centres[which] + 0.02 * rng.normal(size=(N, DIMENSION))).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, f"vectors:{DIMENSION}") as library:
        collection = library.collection("benchmark")
        add(collection, vectors, 0)
        collection.run()
        first, second = collection.categories()[:2]
        store, puts = library.storage.store(collection.row), [0]
        put, move = store.put, store.move
        store.put = lambda *a: (puts.__setitem__(0, puts[0] + 1), put(*a))[1]  # type: ignore[method-assign]
        store.move = lambda *a: (puts.__setitem__(0, puts[0] + 1), move(*a))[1]  # type: ignore[method-assign]
        start = time.perf_counter()
        collection.merge(first.id, [second.id])
        seconds = time.perf_counter() - start
        row(
            f"merge of two categories of {first.size:,} and {second.size:,} images",
            "0 vectors written",
            f"{puts[0]} calls to the vector store, {1e3 * seconds:.0f} ms",
        )


def churn(name: str, column: str) -> None:
    """Churn per run in three kinds of order, and how much orders matter."""
    found = real(name)
    if found is None:
        return
    subject = Subject(name, [str(one) for one in found[1][column]], vectors=found[0])
    for arrival in ("random", "by-class", "bursts"):
        result = evaluate_subject(subject, Plan(orders=2, arrival=arrival, pictures=False))
        worst = max(step.moved / step.images for one in result.outcomes for step in one.steps if step.images > 1000)
        row(
            f"churn per run, {name} by {column}, {arrival}",
            "≤ 3 %",
            f"mean {result.mean('churn') or 0:.1%}, largest {worst:.1%}; ARI {result.mean('ari'):.2f}, between two "
            f"orders {result.order_ari or 0:.2f}",
        )


if __name__ == "__main__":
    main()
