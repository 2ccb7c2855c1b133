"""``python -m benchmarks.quality.encoders``: the same pictures through several encoders, with quality, time and money.

Cost is processor seconds (all cores together, reading, decoding and grouping included) at a price per core and hour.
Encoders on another device than a processor cost more than is counted here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import SHARED
from categoriser.errors import CategoriserError
from categoriser.evaluation import MEASURES, Evaluation, Plan, Subject, evaluate_subject, read_subject

_MODELS = SHARED / "models"
_ENCODERS = (
    "classic",
    f"onnx:{_MODELS}/mobilenetv1-embedder/mobilenetv1_1.0_224_w8.onnx",
    f"onnx:{_MODELS}/mobilenetv2-imagenet/mobilenetv2_1.0_224_w8.onnx",
)
_SHOWN = ("ari", "nmi", "accuracy", "online_accuracy", "categories", "unsorted")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of 1,000 pictures from file to category."""

    seconds: float
    core_seconds: float

    def money(self, price: float) -> float:
        """At a price per core and hour."""
        return self.core_seconds / 3600 * price


def main() -> None:
    """Print a table for each set of pictures."""
    wanted = _arguments()
    columns = ["pictures", "encoder", *(MEASURES[key].title for key in _SHOWN)]
    columns += ["s per 1,000", "core s per 1,000", f"cost per 1,000 at {wanted.price} per core-hour"]
    print(f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|", flush=True)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for source in wanted.source or _sources(Path(folder)):
            subject = read_subject(source, labels=wanted.labels, limit=wanted.limit)
            for encoder in [*_ENCODERS, *wanted.encoder]:
                try:
                    result, cost = one(subject, encoder)
                except CategoriserError as error:
                    print(f"| {subject.name} | {encoder} | skipped: {error} |", flush=True)
                    continue
                cells = [subject.name, _short(encoder), *(MEASURES[key].text(result.mean(key)) for key in _SHOWN)]
                cells += [f"{cost.seconds:.1f}", f"{cost.core_seconds:.1f}", f"{cost.money(wanted.price):.5f}"]
                print(f"| {' | '.join(cells)} |", flush=True)
                means = {key: result.mean(key) for key in MEASURES}
                found.append({"pictures": subject.name, "encoder": encoder, "cost": cells[-1], **means})
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(found, indent=1))


def one(subject: Subject, encoder: str) -> tuple[Evaluation, Cost]:
    """One order of arrival through one encoder; opening it is not counted."""
    evaluate_subject(subject.drawn(8), Plan(encoder=encoder, orders=1, pictures=False))  # files and code are warm then
    cores = time.process_time()
    result = evaluate_subject(subject, Plan(encoder=encoder, orders=1, pictures=False))
    cores = time.process_time() - cores
    share = 1000 / max(1, result.images)
    return result, Cost((result.mean("seconds") or 0.0) * share, cores * share)


def _sources(folder: Path) -> list[Path]:
    """Folders of pictures that are at hand."""
    from categoriser.demo.digits import write_digits

    write_digits(folder / "digits", lambda *_: None)
    return [path for name in ("caltech", "cifar10") if (path := SHARED / "data" / name).is_dir()] + [folder / "digits"]


def _short(encoder: str) -> str:
    kind, _, place = encoder.partition(":")
    return f"{kind}:{Path(place).name}" if place else encoder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.encoders", description=__doc__)
    parser.add_argument("source", nargs="*", type=Path, help="folders by class or tables; else what is at hand")
    parser.add_argument("--encoder", action="append", default=[], help="one more, such as path:FOLDER; may be repeated")
    parser.add_argument("--labels", help="column of the classes, in tables")
    parser.add_argument("--limit", type=int, default=500, help="pictures of each source (500)")
    parser.add_argument("--price", type=float, default=0.04, help="per core and hour, in your currency (0.04)")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
