"""Names on real pictures: are they right, do they differ, do they lead back, what do they cost.

The joint space is a stand-in (ConSE): CLIP's real text vectors, and pictures as mixtures of the texts of MobileNetV2's
ImageNet classes. It is no CLIP picture encoder, and knows nothing that is no ImageNet class.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.data import SHARED, real
from benchmarks.measure import row
from categoriser import Collection, Library
from categoriser.naming.atlas import Lexicon
from categoriser.naming.phrases import key_phrases
from categoriser.naming.words import Words

LENGTH = 26.0  # median length of a MobileNetV2 vector before it is scaled to 1
# folders of Caltech-101 that are called otherwise in any vocabulary
CALLED = {
    "airplanes": "airplane",
    "binocular": "binoculars",
    "car_side": "car",
    "Faces": "human face",
    "flamingo_head": "flamingo",
    "sea_horse": "seahorse",
}


def stand_in(folder: Path) -> Path | None:
    """Description of the ready table, or None when its parts are not there."""
    texts, classes = SHARED / "models" / "clip-vitb32-text-vocab", SHARED / "models" / "mobilenetv2-imagenet"
    if not (texts.is_dir() and classes.is_dir()):
        return None
    told = {
        "source": "CLIP ViT-B/32 text vectors, bridged by MobileNetV2's classes (ConSE)",
        "terms": str(texts / "vocab.json"),
        "texts": str(texts / "text_vectors_f16.npy"),
        "bridge": {
            "classes": f"{classes / 'class_vectors.npz'}:W",
            "bias": f"{classes / 'class_vectors.npz'}:b",
            "terms": str(texts / "imagenet1001_to_vocab.npy"),
            "scale": LENGTH,
            "top": 10,
        },
    }
    file = folder / "conse.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def main() -> None:
    """Print the rows; fail when a bar is missed. ``--table FOLDER`` only writes the ready table there."""
    if sys.argv[1:2] == ["--table"]:
        print(stand_in(Path(sys.argv[2])))
        return
    failed = [*_captions()]
    with tempfile.TemporaryDirectory() as temporary:
        table, found = stand_in(Path(temporary)), real("caltech")
        if table is None or found is None:
            row("names on Caltech", "—", "skipped: ../shared is not there")
        else:
            vectors, columns = found
            failed += _caltech(Path(temporary), table, vectors, [str(one) for one in columns["label"]])
    sys.exit(f"missed: {', '.join(failed)}" if failed else 0)


def _caltech(folder: Path, table: Path, vectors: np.ndarray, classes: list[str]) -> list[str]:
    order = np.random.default_rng(0).permutation(len(vectors))
    settings = {"table": str(table), "automatic": False}
    with Library.open(folder / "library", f"vectors:{vectors.shape[1]}", naming=settings) as library:
        collection = library.collection("caltech")
        collection.add_vectors([f"{i}" for i in order], vectors[order])
        collection.run()
        words = library.namers.words_of(collection.row)
        assert words is not None
        report = collection.name_categories()
        right = _right(collection, words, classes)
        names = {one.id: one for one in collection.categories()}
        unique = len({one.label.casefold() for one in names.values()}) / len(names)
        ranks = [collection.why_name(one.id).evidence["rank"] for one in names.values() if not one.provisional]
        alone = _alone(library, collection, words)
        again = collection.name_categories()
    share = right["hit"] / right["asked"]
    spoken = len(names) - report.provisional
    row("majority class has a word in the table: that word, or what it is a kind of", "≥ 60 %",
        f"{share:.0%} of {right['asked']} categories ({right['exact']} the very word); "
        f"{right['smaller']} more are smaller ones of the same class")  # fmt: skip
    row("names that are unique", "100 %", f"{unique:.0%} of {len(names)}")
    row(
        "names that lead to their own category first",
        "100 %",
        f"{sum(one == 1 for one in ranks) / len(ranks):.0%} of {spoken}",
    )
    row("… called by their look only (vectors: no picture to look at)", "—", f"{report.provisional}")
    row("all categories of Caltech named, one session", "—", f"{report.seconds:.2f} s, calls {dict(report.calls)}")
    row(
        "one category named without a language model, processor time",
        "≤ 50 ms",
        f"p50 {np.median(alone):.0f} ms, max {alone.max():.0f} ms",
    )
    row(
        "a second session with nothing new",
        "0 calls",
        f"{sum(again.calls.values())} calls, {1e3 * again.seconds:.0f} ms",
    )
    for name, label in sorted(right["wrong"].items()):
        print(f"|   {name} | | {label} |")
    bars = {
        "right words": share >= 0.6,
        "unique": unique == 1.0,
        "retrieval": all(one == 1 for one in ranks),
        "50 ms": float(np.median(alone)) <= 50,
        "calls": not again.calls,
    }
    return [name for name, met in bars.items() if not met]


def _right(collection: Collection, words: Words, classes: list[str]) -> dict[str, Any]:
    """Categories by majority class: how many were asked about, were called so, or what it is a kind of."""
    members: dict[str, Counter[str]] = {}
    for image_id, category in collection.assignments().items():
        if category is not None:
            members.setdefault(category, Counter())[classes[int(image_id)]] += 1
    lexicon: Lexicon = words.lexicon
    vocabulary = lexicon.vocabulary
    found: dict[str, Any] = {"asked": 0, "exact": 0, "hit": 0, "smaller": 0, "wrong": {}}
    seen: set[str] = set()
    for one in collection.categories():  # largest first
        majority = members[one.id].most_common(1)[0][0]
        place = vocabulary.find(CALLED.get(majority, majority))
        if place is None or place not in lexicon.row_of:
            continue
        if majority in seen:  # names are unique: the word belongs to the largest
            found["smaller"] += 1
            continue
        seen.add(majority)
        called = vocabulary.find(one.label)
        exact = called == place
        hit = exact or called in vocabulary.ancestors(place)[:1]
        found["asked"] += 1
        found["exact"] += exact
        found["hit"] += hit
        if not hit:
            found["wrong"][f"{majority} ({one.size})"] = one.label
    return found


def _alone(library: Library, collection: Collection, words: Words) -> np.ndarray:
    """Processor milliseconds to name one category, the vectors of the words being there and nothing else."""
    from categoriser.maintenance.evidence import gathered
    from categoriser.naming import Case, Chain, Style, Survey

    with library.storage.states.writing(collection.row.id) as state:
        evidence = list(gathered(state).values())
    taken = []
    with threadpool_limits(1):  # else the waiting of idle threads counts as well
        for one in evidence:
            survey = Survey(evidence)  # a new one, so that nothing is left from the last category
            start = time.process_time()
            Chain([words], words.atlas).name(Case(one, survey, Style(), {}))
            taken.append(1e3 * (time.process_time() - start))
    return np.array(taken)


def _captions() -> list[str]:
    """Key phrases of eight descriptions per class against the other classes."""
    missed = []
    for file in ("stl10_object", "ppmi_instrument"):
        path = SHARED / "data" / "captions" / f"{file}.jsonl"
        if not path.is_file():
            row(f"names from captions, {file}", "—", "skipped: ../shared is not there")
            continue
        texts: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            texts.setdefault(one["label"], []).append(one["caption"])
        best = {
            label: key_phrases(own[:8], [some[:8] for other, some in texts.items() if other != label])[0][0]
            for label, own in texts.items()
        }
        hits = sum(label.casefold() in phrase for label, phrase in best.items())
        row(
            f"names from 8 captions per class hold the class, {file}",
            "≥ 80 %",
            f"{hits} of {len(best)}: {', '.join(best.values())}",
        )
        missed += [file] if hits < 0.8 * len(best) else []
    return missed


if __name__ == "__main__":
    main()
