"""Fast views: pictures grouped by nothing but their likeness to terms, in the stand-in for a joint space."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.data import real
from benchmarks.measure import row
from benchmarks.naming import stand_in
from benchmarks.views import agreement
from categoriser import Library
from categoriser.naming.table import read_table

_ANIMALS = """beaver butterfly crayfish crocodile dolphin elephant flamingo gerenuk hedgehog kangaroo lobster mayfly
okapi platypus rooster sea_horse wild_cat"""
# labels of a set → the words that are given as terms
SETS = (
    (
        "fashion",
        "subCategory",
        {
            "Topwear": "shirt",
            "Shoes": "shoe",
            "Bags": "handbag",
            "Bottomwear": "trousers",
            "Watches": "watch",
            "Innerwear": "underwear",
            "Jewellery": "jewelry",
            "Fragrance": "perfume",
            "Eyewear": "sunglasses",
            "Flip Flops": "flip-flop",
            "Sandal": "sandal",
            "Wallets": "wallet",
        },
    ),
    (
        "caltech",
        "label",
        dict.fromkeys(_ANIMALS.split(), "animal")
        | dict.fromkeys(["airplanes", "car_side", "ferry", "schooner", "wheelchair"], "vehicle")
        | dict.fromkeys(["euphonium", "grand_piano", "gramophone", "metronome"], "musical instrument")
        | dict.fromkeys(["bonsai", "joshua_tree", "lotus"], "plant")
        | dict.fromkeys(["minaret", "pagoda"], "building"),
    ),
)


def main() -> None:
    """Print a row per set."""
    with tempfile.TemporaryDirectory() as temporary:
        table = stand_in(Path(temporary))
        if table is None:
            row("fast views", "—", "skipped: ../shared is not there")
            return
        for name, column, terms in SETS:
            found = real(name)
            if found is not None:
                _one(Path(temporary) / column, table, found[0], [str(one) for one in found[1][column]], name, terms)


def _one(
    folder: Path, table: Path, vectors: np.ndarray, labels: Sequence[str], name: str, terms: dict[str, str]
) -> None:
    space = read_table(table, f"vectors:{vectors.shape[1]}", vectors.shape[1])
    rows = [place for place, label in enumerate(labels) if label in terms]
    order = np.random.default_rng(0).permutation(rows)[:2000]
    joint = space.images(vectors[order])
    joint /= np.linalg.norm(joint, axis=1, keepdims=True)
    joint -= joint.mean(axis=0)  # pictures and words lie in two cones
    words = list(dict.fromkeys(terms.values()))
    found, known = space.texts(words)
    given = {word: vector for word, vector, there in zip(words, found, known, strict=True) if there}
    truth = [terms[labels[place]] for place in order]
    with Library.open(folder, f"vectors:{joint.shape[1]}", naming={"automatic": False}) as library:
        photos = library.collection("photos")
        photos.add_vectors([str(i) for i in range(len(order))], joint)
        photos.run()
        view = photos.view(f"by {folder.name}", terms=given)
        view.run()
        view.name_categories()
        nearest = np.mean([label == view.text(str(i)) for i, label in enumerate(truth)])
        own, default = view.assignments(), photos.assignments()
        scores = [agreement(truth, [places[str(i)] for i in range(len(order))]) for places in (own, default)]
        names = ", ".join(f"{one.label} {one.size}" for one in view.categories(limit=8))
        count = len(view.categories())
    missing = sorted(set(terms.values()) - set(given))
    row(
        f"fast view of {name} by {folder.name}, {len(given)} terms, {len(order):,} pictures",
        "—",
        f"nearest term right {nearest:.0%}; {count} categories, ACC {scores[0][0]:.2f}, NMI {scores[0][1]:.2f}; the "
        f"collection itself ACC {scores[1][0]:.2f}, NMI {scores[1][1]:.2f}; {names}"
        + (f"; no vector for {json.dumps(missing)}" if missing else ""),
    )


if __name__ == "__main__":
    main()
