"""Search at 100k: through the micro-cluster lists, within filters, for and against several things: time and recall."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.data import generated, real, without_structure
from benchmarks.measure import milliseconds, row
from categoriser import Collection, Found, Library

N = int(sys.argv[sys.argv.index("--images") + 1]) if "--images" in sys.argv else 100_000
DIMENSION, QUERIES = 512, 300


def main() -> None:
    """Print the rows."""
    one_set("clustered", lambda: generated(N, DIMENSION))
    if "--first" in sys.argv:
        return
    one_set("no structure within classes", lambda: without_structure(N, DIMENSION))
    if real("fashion") is not None:
        one_set("real pictures, interpolated", interpolated)


def interpolated() -> np.ndarray:
    """100k vectors between those of real pictures and their neighbours, rotated into 512 dimensions."""
    sets = [found[0] for name in ("fashion", "caltech", "cifar10") if (found := real(name)) is not None]
    vectors = np.concatenate(sets)
    _, _, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    gram = vectors @ vectors.T
    np.fill_diagonal(gram, -1)
    near = np.argpartition(-gram, 10, axis=1)[:, :10]
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(10):
        base = rng.integers(0, len(vectors), N // 10)
        mixed = vectors[base]
        for _ in range(2):
            other = vectors[near[base, rng.integers(0, 10, len(base))]]
            mixed = mixed + rng.uniform(0, 0.5, (len(base), 1)).astype(np.float32) * (other - vectors[base])
        parts.append(mixed @ axes[:DIMENSION].T)
    result = np.concatenate(parts)
    return (result / np.linalg.norm(result, axis=1, keepdims=True)).astype(np.float32)


def one_set(name: str, make: Callable[[], np.ndarray]) -> None:
    """Rows for one set of vectors."""
    vectors = make()
    rng = np.random.default_rng(5)
    chosen = rng.choice(N, QUERIES, replace=False)
    noise = rng.normal(size=(QUERIES, DIMENSION)).astype(np.float32)
    queries = vectors[chosen] + 0.02 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :15]
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(folder, f"vectors:{DIMENSION}") as library,
    ):
        collection = library.collection("benchmark")
        for low in range(0, N, 10_000):
            facts = [{"n": i % 1000, "camera": {"model": f"m{i % 2}"}} for i in range(low, low + 10_000)]
            collection.add_vectors(
                [str(i) for i in range(low, low + 10_000)], vectors[low : low + 10_000], metadata=facts
            )
        found: list[set[str]] = []
        taken = milliseconds(
            lambda i: found.append(ids(collection.search(vector=queries[i], min_relevance=0))), QUERIES
        )
        recall = np.mean([len(hits & set(map(str, truth[:10]))) / 10 for hits, truth in zip(found, exact, strict=True)])
        row(
            f"search at {N:,} × {DIMENSION}, {name}: through the library",
            "p50 ≤ 2 ms, recall@10 ≥ .99",
            f"p50 {np.median(taken):.2f} ms, p95 {np.percentile(taken, 95):.2f} ms, recall {recall:.4f}",
        )
        taken = milliseconds(lambda i: collection.search(vector=queries[i]), QUERIES)
        row("… only what is relevant, as by default", "", f"p50 {np.median(taken):.2f} ms")
        _filters(collection, queries, vectors)
        store, stored = library.storage.store(collection.row), collection.row
        whole = milliseconds(lambda i: store.search(stored.key, queries[i], 10), 30)
        row("… the same store read completely", "", f"p50 {np.median(whole):.1f} ms, recall 1")
        with library.storage.states.reading(stored.id) as state:
            seen, _ = state.grouping.neighbours(queries)
        recall = np.mean([len(set(a.tolist()) & set(b.tolist())) / 15 for a, b in zip(seen, exact, strict=True)])
        row(f"neighbour recall@15 that inserts see, {name}", "≥ .98", f"{recall:.4f}")


def ids(found: Iterable[Found]) -> set[str]:
    """Of results."""
    return {one.image_id for one in found}


def _filters(collection: Collection, queries: np.ndarray, vectors: np.ndarray) -> None:
    """Rows for filters that leave half of the images, a tenth, a hundredth and a thousandth, and for other searches."""
    number = np.arange(N)
    assigned = list(collection.assignments().values())
    largest = collection.categories()[0]
    for name, wanted, inside in (
        ("metadata that half have", {"metadata": {"camera.model": "m1"}}, number % 2 == 1),
        ("a range that a tenth have", {"metadata": {"n": {"lt": 100}}}, number % 1000 < 100),
        ("a range that a hundredth have", {"metadata": {"n": {"lt": 10}}}, number % 1000 < 10),
        ("a value that a thousandth have", {"metadata": {"n": 7}}, number % 1000 == 7),
        ("the largest category", {"category": largest.id}, np.array([one == largest.id for one in assigned])),
    ):
        rows = np.flatnonzero(inside)
        truth = rows[np.argsort(-(queries[:60] @ vectors[rows].T), axis=1)[:, :10]]
        found, taken = _searched(collection, queries[:60], filter=wanted, min_relevance=0)
        recall = np.mean([len(hits & set(map(str, one))) / 10 for hits, one in zip(found, truth, strict=True)])
        row(
            f"… filtered by {name} ({len(rows):,})",
            "recall@10 ≥ .99",
            f"p50 {np.median(taken):.1f} ms, p95 {np.percentile(taken, 95):.1f} ms, recall {recall:.4f}",
        )
    for name, options in (
        ("two for and one against", {"positives": [{"image_id": "5"}], "negatives": [{"image_id": "9"}]}),
        ("diverse", {"diversity": 0.5, "min_relevance": 0}),
        ("by category", {"group_by": "category", "min_relevance": 0}),
    ):
        _, taken = _searched(collection, queries[:40], **options)
        row(f"… {name}", "", f"p50 {np.median(taken):.1f} ms, p95 {np.percentile(taken, 95):.1f} ms")
    taken = milliseconds(lambda _: collection.facets(["category", "month"]), 5)
    row("facets by category and month, all images", "", f"p50 {np.median(taken):.0f} ms")


def _searched(collection: Collection, queries: np.ndarray, **options: Any) -> tuple[list[set[str]], np.ndarray]:
    """What each query found, and milliseconds."""
    found: list[set[str]] = []
    taken = milliseconds(lambda i: found.append(ids(collection.search(vector=queries[i], **options))), len(queries))
    return found, taken


if __name__ == "__main__":
    main()
