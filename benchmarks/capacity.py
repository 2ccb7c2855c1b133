"""What a million pictures need: ``measure`` writes capacity.json; from it the tables of docs/capacity.md are computed.

python -m benchmarks.capacity measure        some minutes, also on a busy machine
python -m benchmarks.capacity [--gb-month 0.08 --cpu-hour 0.04 --ram-gb-hour 0.005]
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.data import generated
from benchmarks.measure import resident_mb
from categoriser import Library
from categoriser.domain import Filed
from categoriser.telemetry.metrics import STAGES, Metrics

FILE = Path(__file__).with_name("capacity.json")
VECTORS, DIMENSION, PICTURES, COLLECTIONS = 10_000, 512, 150, 60
# from the table of benchmarks/README.md, whose machine had two cores: figures that a small library cannot show
KNOWN = {
    "pictures_per_second_2_cores": (63.0, "pictures end to end, MobileNetV2 on ONNX, fashion"),
    "ready_vectors_per_second_2_cores": (2440.0, "ready vectors, durable, 0 → 100,000 × 512, beside the runs"),
    "search_ms_at_100k": (2.8, "search at 100,000 × 512 through the library, p50"),
    "full_run_seconds_at_100k": (5.3, "one full run at 100,000 × 512"),
    "resident_mb_at_100k": (928.0, "resident memory at 100,000 × 512, the program included"),
    "own_resident_mb_at_100k": (633.0, "of that without mapped files"),
}
MILLION = 1_000_000


def measure() -> dict[str, Any]:
    """Sizes on disk and in memory per image and per collection, and what the metrics cost."""
    found: dict[str, Any] = {name: {"value": value, "of": of} for name, (value, of) in KNOWN.items()}

    def note(name: str, value: float, of: str) -> None:
        found[name] = {"value": round(value, 4), "of": of}

    def grown(kind: str) -> float:
        return (after[kind] - before[kind]) * 1024 * 1024

    what = f"{VECTORS:,} × {DIMENSION} ready vectors, clustered"
    vectors = generated(VECTORS, DIMENSION)
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(folder, f"vectors:{DIMENSION}", automatic_runs=False) as library:
            collection = library.collection("benchmark")
            collection.add_vectors(["warm"], vectors[:1])
            before = resident_mb()
            for start in range(0, VECTORS, 1024):
                part = vectors[start : start + 1024]
                collection.add_vectors([f"image-{start + i:012}" for i in range(len(part))], part)
            collection.run()
            after = resident_mb()
        note(
            "memory_bytes_per_image",
            grown("VmRSS") / VECTORS,
            f"resident, with what a run needs; {what}",
        )
        note("own_memory_bytes_per_image", grown("RssAnon") / VECTORS, f"not mapped; {what}")
        for name in ("catalog.sqlite", "vectors", "state"):
            key = f"{name.removesuffix('.sqlite')}_disk_bytes_per_image"
            note(key, on_disk(Path(folder) / name) / VECTORS, what)
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(folder, "classic") as library:
            library.collection("benchmark").add([photo(seed) for seed in range(PICTURES)])
        what = f"{PICTURES} generated JPEG of 640 × 480, encoder classic"
        note("thumbnail_disk_bytes_per_image", on_disk(Path(folder) / "thumbnails") / PICTURES, what)
        note("original_bytes_per_image", on_disk(Path(folder) / "originals") / PICTURES, what)
        note("picture_catalog_disk_bytes", on_disk(Path(folder) / "catalog.sqlite") / PICTURES, what)
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(folder, f"vectors:{DIMENSION}", open_collections=COLLECTIONS) as library:
            library.collection("first").add_vectors(["a"], vectors[:1])
            before = resident_mb()
            for number in range(COLLECTIONS):
                library.collection(f"user-{number}").add_vectors([f"i{i}" for i in range(100)], vectors[:100])
            after = resident_mb()
        note(
            "memory_mb_per_open_collection_of_100",
            grown("VmRSS") / 1e6 / COLLECTIONS,
            f"{COLLECTIONS} collections of 100 images, all in memory",
        )
    note("metrics_microseconds_per_picture", metrics_cost(), "all stages of one picture in a batch of its own")
    return found


def metrics_cost() -> float:
    """What counting one picture costs, in µs of one processor."""
    metrics, filed, times = Metrics(), Filed("a", None), 20_000
    started = time.process_time()
    for _ in range(times):
        metrics.here()
        for stage in STAGES:
            metrics.stage(stage, 0.0, 0.01, [None])
        metrics.batch(1, 32)
        metrics.answered(filed)
        metrics.request("POST", "/v1/collections/{collection}/images", 201, 0.01, None)
    return 1e6 * (time.process_time() - started) / times


def on_disk(path: Path) -> int:
    """Bytes that a file or a folder takes, holes not counted."""
    return sum(512 * one.stat().st_blocks for one in (path, *path.rglob("*")) if one.is_file())


def photo(seed: int) -> bytes:
    """A JPEG with structure and a little noise."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize((640, 480))
    noise = rng.integers(-12, 12, (480, 640, 1))
    out = io.BytesIO()
    Image.fromarray((np.asarray(coarse, np.int16) + noise).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def tables(found: dict[str, Any], prices: argparse.Namespace) -> str:
    """The measured figures, and what follows from them by multiplying."""
    value = {name: one["value"] for name, one in found.items()}
    lines = ["| measured | value | of |", "|---|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {one['value']:,} | {one['of']} |" for name, one in found.items()]
    catalog = max(value["catalog_disk_bytes_per_image"], value["picture_catalog_disk_bytes"])
    disk = (
        catalog
        + value["vectors_disk_bytes_per_image"]
        + value["state_disk_bytes_per_image"]
        + value["thumbnail_disk_bytes_per_image"]
    )
    days = MILLION / value["pictures_per_second_2_cores"] / 86400
    whole = disk * MILLION / 1e9
    memory, own = (value[f"{name}_at_100k"] * 1024**2 * 10 / 1e9 for name in ("resident_mb", "own_resident_mb"))
    filing = MILLION / value["ready_vectors_per_second_2_cores"] / 60
    counted = value["metrics_microseconds_per_picture"]
    share = counted * value["pictures_per_second_2_cores"] / 1e4 / 2
    parts = (
        ("catalog", catalog),
        *((name, value[f"{name}_disk_bytes_per_image"]) for name in ("vectors", "state", "thumbnail")),
    )
    rows = [
        (
            "disk without originals",
            f"{whole:.1f} GB",
            " + ".join(f"{name} {size:,.0f}" for name, size in parts) + " bytes",
        ),
        (
            "originals, if they are kept",
            f"{value['original_bytes_per_image'] * MILLION / 1e9:,.0f} GB",
            f"at {value['original_bytes_per_image']:,.0f} bytes each; put yours",
        ),
        (
            "memory with every collection open",
            f"{memory:.1f} GB",
            f"ten times that of 100,000; {own:.1f} GB are its own, the rest mapped files, which the system may drop",
        ),
        (
            "encoding and filing",
            f"{days:.1f} days of 2 cores",
            f"at {value['pictures_per_second_2_cores']:.0f} pictures/s (MobileNetV2); another encoder in proportion",
        ),
        ("filing ready vectors", f"{filing:.0f} minutes of 2 cores", "in one collection or many"),
        ("backup", f"{whole:.1f} GB and the originals", "the first; later ones what is new, catalog and vectors"),
        ("metrics", f"{counted * MILLION / 1e6:.0f} s of a core", f"{share:.3f} % of two cores that encode and file"),
        ("disk, each month", f"{whole * prices.gb_month:.2f}", f"at {prices.gb_month} a GB-month"),
        ("memory, each month", f"{memory * 730 * prices.ram_gb_hour:.2f}", f"at {prices.ram_gb_hour} a GB-hour"),
        ("encoding, once", f"{48 * days * prices.cpu_hour:.2f}", f"at {prices.cpu_hour} a core-hour"),
    ]
    lines += ["", "| computed, per million pictures of 512 numbers | | how |", "|---|---|---|"]
    lines += [f"| {what} | {much} | {how} |" for what, much, how in rows]
    lines += [
        "",
        "| computed | disk without originals | memory, 64 open at a time | days of 2 cores to encode all |",
        "|---|---|---|---|",
    ]
    for users, pictures in ((1_000, 1_000), (100_000, 100), (1_000_000, 100)):
        images = users * pictures
        state = max(value["memory_mb_per_open_collection_of_100"], value["memory_bytes_per_image"] * pictures / 1e6)
        took = images / value["pictures_per_second_2_cores"] / 86400
        lines.append(
            f"| {users:,} users of {pictures:,} pictures | {disk * images / 1e9:,.1f} GB | {64 * state:,.0f} MB beside "
            f"the encoder and mapped files of the store | {took:,.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, or compute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["measure", "compute"], default="compute")
    parser.add_argument("--gb-month", type=float, default=0.08)
    parser.add_argument("--cpu-hour", type=float, default=0.04)
    parser.add_argument("--ram-gb-hour", type=float, default=0.005)
    chosen = parser.parse_args()
    if chosen.what == "measure":
        FILE.write_text(json.dumps(measure(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not FILE.exists():
        sys.exit("There are no measured figures yet: python -m benchmarks.capacity measure")
    print(tables(json.loads(FILE.read_text(encoding="utf-8")), chosen))


if __name__ == "__main__":
    main()
