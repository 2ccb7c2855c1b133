"""Ready vectors through the whole library: ingest rate, cost of the engine, single uploads, runs, memory at 100k."""

from __future__ import annotations

import tempfile
import time

import numpy as np

from benchmarks.data import generated
from benchmarks.measure import milliseconds, resident_mb, row
from categoriser import Library, RunReport
from categoriser.engine import Grouping
from categoriser.observer import Silent

N, DIMENSION, PART = 100_000, 512, 10_000
MEASURED = 33_000


def main() -> None:
    """Print the rows."""
    vectors = generated(N + 1000, DIMENSION)
    ids = [f"image-{i}" for i in range(len(vectors))]
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(folder, f"vectors:{DIMENSION}") as library,
    ):
        collection = library.collection("benchmark")
        runs = Runs()
        library.observe(runs)
        spent, rates = 0.0, []
        for low in range(0, N, PART):
            start = time.perf_counter()
            answers = collection.add_vectors(ids[low : low + PART], vectors[low : low + PART])
            rates.append(PART / (time.perf_counter() - start))
            spent += time.perf_counter() - start
            assert len(answers) == PART
        row(
            f"ready vectors, durable, 0 → {N:,} × {DIMENSION}",
            "≥ 5,000/s",
            f"{N / (spent - sum(runs.seconds)):,.0f}/s beside the runs, {N / spent:,.0f}/s with all "
            f"{len(runs.seconds)} of them",
        )
        row(f"… the last {PART:,}, runs included", "", f"{rates[-1]:,.0f}/s")
        report = collection.run()
        row(f"one full run at {N:,}", "", f"{report.seconds:.1f} s, {report.categories} categories")
        memory = resident_mb()
        row(
            f"resident memory at {N:,} × {DIMENSION}, without the benchmark's own vectors",
            "≤ 1,200 MB",
            f"{memory['VmRSS'] - vectors.nbytes / 2**20:,.0f} MB, of it mapped files "
            f"{memory['VmRSS'] - memory['RssAnon']:,.0f} MB",
        )
        single = milliseconds(lambda i: collection.add_vectors([ids[N + i]], vectors[N + i : N + i + 1]), 500)
        row(
            f"assign + store, one image at a time, answer durable, at {N:,}",
            "p50 ≤ 1.5 ms",
            f"p50 {np.median(single):.2f} ms, p95 {np.percentile(single, 95):.2f} ms",
        )
        batch = milliseconds(
            lambda i: collection.add_vectors(
                ids[N + 500 + 32 * i : N + 532 + 32 * i], vectors[N + 500 + 32 * i : N + 532 + 32 * i]
            ),
            15,
        )
        row("… in batches of 32, per image", "", f"p50 {np.median(batch) / 32:.2f} ms")
        assert len(collection) == N + 980
    engine(vectors)


class Runs(Silent):
    """Seconds that each run of the job took."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def ran(self, report: RunReport | None, images: int, started: float, ended: float) -> None:
        """See Observer."""
        self.seconds.append(ended - started)


def engine(vectors: np.ndarray) -> None:
    """The engine beside the neighbour search, per image, from 67k to 100k: one full cycle of training its cells."""
    grouping, searching = Grouping(DIMENSION), 0.0
    search = grouping.neighbours

    def timed(*arguments: object) -> object:
        nonlocal searching
        start = time.perf_counter()
        found = search(*arguments)  # type: ignore[arg-type]
        searching += time.perf_counter() - start
        return found

    for low in range(0, N, 1000):
        if low == N - MEASURED:
            grouping.run()
            grouping.neighbours = timed  # type: ignore[method-assign, assignment]
            start = time.perf_counter()
        grouping.add(vectors[low : low + 1000])
        if low in {0, 1000, 3000, 7000, 15_000, 30_000, 60_000}:
            grouping.run()
    spent = time.perf_counter() - start
    row(f"engine beside the neighbour search, at {N:,}", "≤ 0.1 ms", f"{1e3 * (spent - searching) / MEASURED:.3f} ms")
    row("… the neighbour search itself, in batches", "", f"{1e3 * searching / MEASURED:.3f} ms")


if __name__ == "__main__":
    main()
