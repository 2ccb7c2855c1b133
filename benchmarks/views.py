"""Views of texts beside methods that are told the number of categories, on descriptions that a vision model wrote."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.preprocessing import normalize

from benchmarks.data import SHARED
from benchmarks.measure import row
from categoriser import Library, View

ORDERS = 3
SETS = (("stl10_object", "object", 0.90, 0.943), ("ppmi_instrument", "musical instrument", 0.90, 0.948))
UNLABELLED = (("ppmi_location", "location"),)
# what else a category of a class may rightly be called: kinds of it, and other words for it
_RIGHT = {
    "airplane": "airplane plane jet aircraft biplane airliner seaplane fighter",
    "bird": "bird chicken hen duck owl sparrow eagle parrot peacock ostrich crane goose turkey rooster seagull emu",
    "car": "car van suv convertible sedan vehicle",
    "cat": "cat lion leopard tiger cougar lynx kitten cheetah",
    "deer": "deer elk moose reindeer buck fawn doe antelope",
    "dog": "dog puppy greyhound terrier husky",
    "horse": "horse pony donkey foal",
    "monkey": "monkey gorilla baboon orangutan macaque chimpanzee ape",
    "ship": "ship boat sailboat vessel barge ferry freighter yacht",
    "truck": "truck semi-truck tractor-trailer dumptruck",
}


def main() -> None:
    """Print a row per set and a row for what has no labels."""
    for name, criterion, unknown, told in SETS:
        path = SHARED / "data" / "captions" / f"{name}.jsonl"
        if path.is_file():
            one_set(name, criterion, unknown, told)
    for name, criterion in UNLABELLED:
        if (SHARED / "data" / "captions" / f"{name}.jsonl").is_file():
            texts, _ = _read(name)
            with tempfile.TemporaryDirectory() as folder, Library.open(folder, "classic") as library:
                view = _streamed(library, texts, criterion, seed=0)
                names = ", ".join(f"{one.label} {one.size}" for one in view.categories(limit=14))
                row(f"{name}, no labels", "looks sensible", f"{names}; {view.unsorted()} uncertain")


def one_set(name: str, criterion: str, unknown: float, told: float) -> None:
    """Stream one set in several orders, number of categories unknown and given."""
    texts, classes = _read(name)
    number = len(set(classes))
    for wanted, bar in ((None, unknown), (number, told)):
        scores, found, right, seconds = [], [], [], []
        for seed in range(ORDERS):
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder, Library.open(folder, "classic") as library:
                view = _streamed(library, texts, criterion, seed=seed, wanted=wanted)
                places = view.assignments()
                scores.append(agreement(classes, [places[str(i)] for i in range(len(texts))]))
                found.append(sum(one.size >= 5 for one in view.categories()))
                right.append(_rightly_named(view, classes))
            seconds.append(time.perf_counter() - start)
        peer = _k_means(texts, number)
        row(
            f"{name} ({len(texts):,} texts, {number} classes), number {'unknown' if wanted is None else 'given'}",
            f"ACC ≥ {bar:.3f}",
            f"ACC {' '.join(f'{acc:.3f}' for acc, _, _ in scores)}, NMI {np.mean([nmi for _, nmi, _ in scores]):.3f}, "
            f"ARI {np.mean([ari for _, _, ari in scores]):.3f}, categories ≥ 5 {'/'.join(map(str, found))}, "
            f"rightly named {np.mean(right):.0%}; k-means told the number on TF-IDF {agreement(classes, peer)[0]:.3f}; "
            f"{np.mean(seconds):.0f} s",
        )


def agreement(truth: Sequence[str], found: Sequence[str | None]) -> tuple[float, float, float]:
    """Accuracy by the best one-to-one matching, NMI and ARI; what is Unsorted is a category of its own each."""
    alone = [place if place is not None else f"\0{i}" for i, place in enumerate(found)]
    classes, rows = np.unique(truth, return_inverse=True)
    places, columns = np.unique(alone, return_inverse=True)
    counts = np.zeros((len(classes), len(places)), np.int64)
    np.add.at(counts, (rows, columns), 1)
    accuracy = counts[linear_sum_assignment(-counts)].sum() / len(truth)
    return accuracy, normalized_mutual_info_score(rows, columns), adjusted_rand_score(rows, columns)


def _streamed(library: Library, texts: Sequence[str], criterion: str, *, seed: int, wanted: int | None = None) -> View:
    view = library.text_collection("texts", criterion=criterion, categories=wanted)
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    view.add_texts({str(i): texts[i] for i in order})
    view.run()
    return view


def _rightly_named(view: View, classes: Sequence[str]) -> float:
    """Share of categories of at least five texts whose name is the class of most of them, or another word for it."""
    members: dict[str, Counter[str]] = {}
    for image_id, place in view.assignments().items():
        if place is not None:
            members.setdefault(place, Counter())[classes[int(image_id)].lower()] += 1
    named = [one for one in view.categories() if one.size >= 5]
    hits = 0
    for one in named:
        usual = members[one.id].most_common(1)[0][0]
        hits += one.label.lower().split(" & ")[0] in _RIGHT.get(usual, usual).split()
    return hits / len(named)


def _k_means(texts: Sequence[str], number: int) -> list[str]:
    counted = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2).fit_transform(texts)
    reduced = normalize(TruncatedSVD(100, random_state=0).fit_transform(counted))
    return [str(label) for label in KMeans(number, n_init=10, random_state=0).fit_predict(reduced)]


def _read(name: str) -> tuple[list[str], list[str]]:
    path = SHARED / "data" / "captions" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [one["caption"] for one in rows], [str(one["label"]) for one in rows]


if __name__ == "__main__":
    main()
