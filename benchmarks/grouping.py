"""Grouping quality through the real library, number of categories unknown, beside k-means that is told it."""

from __future__ import annotations

import tempfile
import time

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from benchmarks.data import real
from benchmarks.measure import row
from categoriser import Library
from categoriser.engine.quality import agreement

SETS = (("fashion", "subCategory", 0.60), ("caltech", "label", 0.75), ("cifar10", "label", 0.14))
ORDERS = 3


def main() -> None:
    """Print a row per set."""
    pixels, digit = load_digits(return_X_y=True)
    one_set("digits, unit pixels", pixels / np.linalg.norm(pixels, axis=1, keepdims=True), digit, 0.75)
    for name, column, bar in SETS:
        found = real(name)
        if found is not None:
            one_set(f"{name} by {column}, MobileNetV2", found[0], found[1][column], bar)


def one_set(name: str, vectors: np.ndarray, truth: np.ndarray, bar: float) -> None:
    """Stream one set in several random orders."""
    classes = [str(value) for value in truth]
    scores, numbers, seconds = [], [], []
    for seed in range(ORDERS):
        order = np.random.default_rng(seed).permutation(len(vectors))
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, Library.open(folder, f"vectors:{vectors.shape[1]}") as library:
            collection = library.collection("benchmark")
            collection.add_vectors([str(i) for i in order], vectors[order])
            collection.run()
            filed = collection.assignments()
            numbers.append(sum(category.size >= 5 for category in collection.categories()))
        seconds.append(time.perf_counter() - start)
        scores.append(agreement(classes, [filed[str(i)] for i in range(len(vectors))]))
    told = KMeans(len(set(classes)), n_init=3, random_state=0).fit_predict(vectors)
    peer = agreement(classes, [str(label) for label in told])
    row(
        f"{name} ({len(vectors):,} images, {len(set(classes))} classes)",
        f"ARI ≥ {bar:.2f}",
        f"ARI {' '.join(f'{score.ari:.2f}' for score in scores)} (k-means told the number {peer.ari:.2f}), "
        f"NMI {np.mean([score.nmi for score in scores]):.2f}, categories ≥ 5 images "
        f"{'/'.join(map(str, numbers))}, {np.mean(seconds):.0f} s",
    )


if __name__ == "__main__":
    main()
