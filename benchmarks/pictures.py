"""Pictures end to end, beside the bare encoder forward on the same pictures, alternating in one run."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.data import SHARED
from benchmarks.measure import row
from categoriser import Library
from categoriser.encoders import open_encoder

MODEL = SHARED / "models" / "mobilenetv2-imagenet" / "mobilenetv2_1.0_224_w8.onnx"
COUNT, ROUNDS, BATCH = 500, 3, 32


def main() -> None:
    """Print the rows, or say what is missing."""
    if not MODEL.is_file():
        sys.exit(f"skipped: needs {MODEL.name} and the pictures of ../shared")
    for name in ("fashion", "caltech"):
        files = sorted(path for path in (SHARED / "data" / name).rglob("*.jp*g"))
        chosen = np.random.default_rng(3).permutation(len(files))[: COUNT * ROUNDS]
        rounds = [[files[i] for i in chosen[k::ROUNDS]] for k in range(ROUNDS)]
        bare, whole = [], []
        for some in rounds:  # A B A B …: a machine that drifts drifts for both
            bare.append(forward_rate(some))
            whole.append(library_rate(some))
        ratios = np.array(whole) / np.array(bare)
        row(
            f"pictures end to end ÷ bare forward, MobileNetV2 ONNX, {name}",
            "≥ 0.85",
            f"{np.median(ratios):.2f} ({np.median(whole):.0f} against {np.median(bare):.0f} pictures/s)",
        )


def forward_rate(files: list[Path]) -> float:
    """Pictures per second of the encoder alone, on pictures that are already prepared."""
    encoder = open_encoder(f"onnx:{MODEL}")
    prepared = np.stack([encoder.prepare(Image.open(path).convert("RGB")) for path in files])
    batches = [prepared[low : low + BATCH] for low in range(0, len(prepared), BATCH)]
    with ThreadPoolExecutor(encoder.parallel_calls) as pool:  # as many calls at a time as use the device best
        list(pool.map(encoder.encode_prepared, batches[: encoder.parallel_calls]))
        start = time.perf_counter()
        list(pool.map(encoder.encode_prepared, batches))
    return len(files) / (time.perf_counter() - start)


def library_rate(files: list[Path]) -> float:
    """Pictures per second from file to durable category, runs included."""
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, f"onnx:{MODEL}") as library:
        collection = library.collection("benchmark")
        collection.add(files[0])  # opens the model
        start = time.perf_counter()
        report = collection.add(files)
        taken = time.perf_counter() - start
        assert len(report.filed) + len(report.known) == len(files), report.refused
        return len(files) / taken


if __name__ == "__main__":
    main()
