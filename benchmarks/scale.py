"""From nothing to a million generated vectors: speed, time of a run, memory and quality along the way.

Not part of ``python -m benchmarks``: takes about half an hour. ``python -m benchmarks.scale [N] [DIMENSION]``
"""

from __future__ import annotations

import sys
import tempfile
import time

import numpy as np

from benchmarks.data import generated_with_classes
from benchmarks.measure import resident_mb, row
from categoriser import Library
from categoriser.engine.quality import agreement

STOPS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
BATCH = 10_000


def main() -> None:
    """Print a row per stop."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else STOPS[-1]
    dimension = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    vectors, truth = generated_with_classes(number, dimension)
    before = resident_mb()["VmRSS"]
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, f"vectors:{dimension}") as library:
        collection = library.collection("benchmark")
        since, started = 0, time.perf_counter()
        for low in range(0, number, BATCH):
            high = min(number, low + BATCH)
            collection.add_vectors([str(i) for i in range(low, high)], vectors[low:high])
            if high not in STOPS and high != number:
                continue
            seconds = time.perf_counter() - started
            run = collection.run()
            filed = collection.assignments()
            sample = np.random.default_rng(0).permutation(high)[:20_000]
            score = agreement([str(truth[i]) for i in sample], [filed[str(i)] for i in sample])
            speed = (high - since) / seconds
            row(
                f"{high:,} × {dimension}",
                "",
                f"{speed:,.0f} vectors/s since the last row, runs included; a run {run.seconds:.1f} s; "
                f"{resident_mb()['VmRSS'] - before:,.0f} MB; {run.categories} categories, ARI {score.ari:.2f}",
            )
            since, started = high, time.perf_counter()


if __name__ == "__main__":
    main()
