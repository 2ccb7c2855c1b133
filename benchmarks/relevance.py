"""Relevance on real pictures: does a search for what is not there find nothing, and one for what is there find it?

Every fifth class is kept out of the collection and asked for; of the other classes every fifth picture is kept out and
asked for. Pictures are MobileNetV2 vectors. Words are CLIP's real text vectors and pictures their mixtures (see
``benchmarks.naming``), which is a stand-in: it knows nothing but ImageNet's classes, and mistakes one for another.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data import SHARED, real
from benchmarks.measure import row
from benchmarks.naming import CALLED, stand_in
from categoriser import Collection, Library
from categoriser.naming.table import read_table

ASKED = 300


def main() -> None:
    """Print the rows."""
    for name, column in (("caltech", "label"), ("cifar10", "label"), ("fashion", "articleType")):
        found = real(name)
        if found is None:
            row(f"relevance, {name}", "—", "skipped: ../shared is not there")
            continue
        classes = np.array([str(one) for one in found[1][column]])
        with tempfile.TemporaryDirectory() as folder:
            _pictures(name, Path(folder), found[0], classes)
    with tempfile.TemporaryDirectory() as folder:
        _words(Path(folder))


def _pictures(name: str, folder: Path, vectors: np.ndarray, classes: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    names, sizes = np.unique(classes, return_counts=True)
    names = rng.permutation(names[sizes >= 10])
    absent = np.flatnonzero(np.isin(classes, names[::5]))
    kept = np.setdiff1d(np.arange(len(vectors)), absent)
    asked = np.sort(rng.permutation(kept[np.isin(classes[kept], names)])[: len(kept) // 5])
    inside = np.setdiff1d(kept, asked)
    with Library.open(folder / "library", f"vectors:{vectors.shape[1]}") as library:
        collection = library.collection("a")
        collection.add_vectors([str(i) for i in inside], vectors[inside])
        collection.run()
        silent = [not _found(collection, vectors[i]) for i in rng.permutation(absent)[:ASKED]]
        right, shown, reach, any_right = 0, 0, [], []
        for i in rng.permutation(asked)[:ASKED]:
            found = _found(collection, vectors[i])
            good = sum(classes[one] == classes[i] for one in found)
            right, shown = right + good, shown + len(found)
            any_right.append(good > 0)
            reach.append(good / max(1, np.count_nonzero(classes[inside] == classes[i])))
        scale = library.relevance.scales(collection.row, ["image"])["image"]
    row(
        f"{name}: pictures of {len(names[::5])} classes that are not there find nothing",
        "≥ 90 % (the setting says so)",
        f"{np.mean(silent):.0%} of {len(silent)}",
    )
    row(
        f"{name}: pictures of classes that are there find some of them",
        "—",
        f"{np.mean(any_right):.0%} of {len(any_right)}; of what is shown {right / max(1, shown):.0%} is right, "
        f"of the class {np.mean(reach):.0%} is shown; cosines {scale.middle:.3f} ± {scale.width:.3f}",
    )


def _words(folder: Path) -> None:
    bridged, found = stand_in(folder), real("caltech")
    if bridged is None or found is None:
        row("relevance of words", "—", "skipped: ../shared is not there")
        return
    space = read_table(bridged)
    vectors = space.images(found[0])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    classes = np.array([CALLED.get(str(one), str(one)) for one in found[1]["label"]])
    words = sorted({one for one in classes if space.vocabulary.find(one) is not None})
    places = [space.vocabulary.find(one) for one in words]
    # one word for two folders, or folders that are kinds of each other, cannot be kept out by themselves
    words = [one for one, place in zip(words, places, strict=True) if places.count(place) == 1]
    texts = SHARED / "models" / "clip-vitb32-text-vocab"
    table = folder / "joint.json"
    told = {"terms": str(texts / "vocab.json"), "texts": str(texts / "text_vectors_f16.npy")}
    table.write_text(json.dumps(told), encoding="utf-8")
    silent, any_right, right, shown, reach = [], [], 0, 0, []
    for part in range(5):
        out = words[part::5]
        inside = np.flatnonzero(~np.isin(classes, out))
        settings = {"table": str(table), "automatic": False}
        with Library.open(folder / f"library{part}", f"vectors:{vectors.shape[1]}", naming=settings) as library:
            collection = library.collection("a")
            collection.add_vectors([str(i) for i in inside], vectors[inside])
            collection.run()
            silent += [not collection.search(text=one) for one in out]
            for word in words if part == 0 else ():
                if word in out:
                    continue
                hits = [int(one.image_id) for one in collection.search(text=word, limit=1000)]
                good = sum(classes[one] == word for one in hits)
                right, shown = right + good, shown + len(hits)
                any_right.append(good > 0)
                reach.append(good / np.count_nonzero(classes == word))
            if part == 0:
                everything = [one.word for one in space.vocabulary.terms if space.texts([one.word])[1][0]]
                answered = np.mean([bool(collection.search(text=one, limit=1)) for one in everything])
                scale = library.relevance.scales(collection.row, ["text"])["text"]
    row(
        "words for Caltech's classes that are not there find nothing (stand-in)",
        "—",
        f"{np.mean(silent):.0%} of {len(silent)}",
    )
    row(
        "words for classes that are there find some of them (stand-in)",
        "—",
        f"{np.mean(any_right):.0%} of {len(any_right)}; of what is shown {right / max(1, shown):.0%} is right, of the "
        f"class {np.mean(reach):.0%} is shown; cosines {scale.middle:.3f} ± {scale.width:.3f}",
    )
    row(f"of all {len(everything)} words of the vocabulary find something (stand-in)", "—", f"{answered:.0%}")


def _found(collection: Collection, vector: np.ndarray) -> list[int]:
    return [int(one.image_id) for one in collection.search(vector=vector, limit=1000)]


if __name__ == "__main__":
    main()
