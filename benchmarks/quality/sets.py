"""The sets, each with the bars it is held against."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.data import real
from benchmarks.quality import synthetic
from categoriser.domain import Granularity
from categoriser.evaluation import Subject

_FOOTWEAR = ("Casual Shoes", "Sports Shoes", "Heels", "Flip Flops", "Sandals", "Formal Shoes", "Flats")
_LOOK_ALIKES = ("kangaroo", "elephant", "okapi", "gerenuk", "wild_cat", "beaver")
_SEEDS = (11, 12, 13)


@dataclass(frozen=True, slots=True)
class Bars:
    """What has to be reached; None: not asked for."""

    ari: float | None = None
    nmi: float | None = None
    categories: tuple[int, int] | None = None  # of at least 5 images
    unsorted: float | None = None  # share at the end, at most
    near: str | None = None  # key of the set whose ARI must not be missed by more than .03
    sane: bool = False  # no category with most of the images, no flood of single ones


@dataclass(frozen=True, slots=True)
class Case:
    """A set. ``load`` gives one subject that is streamed in several orders, or several in the order they are in.

    The bars of other methods are held against the mean of all orders, or against ours on the first of several subjects.
    """

    key: str
    name: str
    load: Callable[[], Sequence[Subject] | None]  # None: its files are not there
    bars: Bars
    granularity: Granularity = "balanced"
    all_peers: bool = True  # else only those that have a bar
    quick: bool = True


def digit_vectors() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 1,797 digits as pictures through the ``classic`` encoder; kept in the temporary folder."""
    from sklearn.datasets import load_digits

    from categoriser.demo.digits import write_digits
    from categoriser.encoders import open_encoder

    encoder = open_encoder("classic")
    folder = Path(tempfile.gettempdir()) / "categoriser-quality"
    kept = folder / f"digits-{encoder.id.replace(':', '-')}.npy"
    target = load_digits().target
    if not kept.is_file():
        write_digits(folder / "digits", lambda *_: None)
        numbers = {int(path.stem): path for path in (folder / "digits").rglob("*.png")}
        pictures = []
        for number in range(len(target)):
            with Image.open(numbers[number]) as picture:
                pictures.append(picture.convert("RGB"))
        np.save(kept, encoder.encode_images(pictures))
    return np.load(kept), target


def _digits() -> Sequence[Subject]:
    vectors, target = digit_vectors()
    return [Subject("digits", [str(digit) for digit in target], vectors=vectors)]


def _real(
    file: str, column: str, choose: Callable[[np.ndarray], np.ndarray] | None = None
) -> Callable[[], Sequence[Subject] | None]:
    """Vectors of real pictures, or those of them that ``choose`` gives the places of."""

    def load() -> Sequence[Subject] | None:
        found = real(file)
        if found is None:
            return None
        vectors, columns = found
        classes = columns[column]
        places = np.arange(len(vectors)) if choose is None else choose(classes)
        return [Subject(file, [str(name) for name in classes[places]], vectors=vectors[places])]

    return load


def _first(number: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda classes: np.random.default_rng(77).permutation(len(classes))[:number]


def _of(names: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda classes: np.flatnonzero(np.isin(classes, names))


def _zipf(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    """Class sizes after Zipf's law, the largest as large as there is one, none below 3."""

    def choose(classes: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(5)
        names = np.unique(classes)
        rng.shuffle(names)
        largest = max(int((classes == name).sum()) for name in names)
        sizes = largest / np.arange(1, len(names) + 1) ** exponent
        return np.concatenate(
            [
                rng.permutation(np.flatnonzero(classes == name))[: max(3, int(size))]
                for name, size in zip(names, sizes, strict=True)
            ]
        )

    return choose


def _generated(kind: str, cosine: float | None = None) -> Callable[[], Sequence[Subject]]:
    def load() -> Sequence[Subject]:
        subjects = []
        for seed in _SEEDS:
            vectors, classes = synthetic.stream(kind, seed)
            moved = vectors if cosine is None else synthetic.shifted(vectors, cosine)
            subjects.append(Subject(f"{kind} {seed}", classes, vectors=moved))
        return subjects

    return load


def _few(number: int, bars: Bars) -> Case:
    return Case(f"caltech-{number}", f"Caltech, {number:,} images", _real("caltech", "label", _first(number)), bars)


_GENERATED: Mapping[str, float] = {"easy": 0.99, "mid": 0.98, "hard": 0.65}

CASES: Sequence[Case] = (
    Case("fashion", "fashion, subCategory", _real("fashion", "subCategory"), Bars(0.72, 0.75, (20, 80))),
    Case(
        "fashion-fine",
        "fashion, articleType, dial fine",
        _real("fashion", "articleType"),
        Bars(0.34, 0.69),
        granularity="fine",
        all_peers=False,
    ),
    Case("caltech", "Caltech", _real("caltech", "label"), Bars(0.84, 0.90, (40, 80))),
    Case("cifar", "CIFAR-10", _real("cifar10", "label"), Bars(0.18, 0.30, unsorted=0.20)),
    Case("digits", "digits, classic", _digits, Bars(0.70, 0.78, (10, 25))),
    *(
        Case(kind, f"synthetic {kind}", _generated(kind), Bars(bar), all_peers=kind == "hard", quick=kind == "easy")
        for kind, bar in _GENERATED.items()
    ),
    *(
        Case(
            f"{kind}-{cosine}",
            f"synthetic {kind}, random pairs {cosine}",
            _generated(kind, cosine),
            Bars(bar - 0.03, near=kind),
            all_peers=False,
            quick=False,
        )
        for kind, bar in _GENERATED.items()
        for cosine in (0.1, 0.5, 0.75)
    ),
    _few(12, Bars(sane=True)),
    _few(30, Bars(sane=True)),
    _few(100, Bars(0.50, unsorted=0.20)),
    _few(300, Bars(0.70, unsorted=0.20)),
    _few(1000, Bars(0.73, unsorted=0.20)),
    Case("look-alikes", "Caltech, six look-alikes", _real("caltech", "label", _of(_LOOK_ALIKES)), Bars(0.83)),
    Case("caltech-zipf", "Caltech, Zipf", _real("caltech", "label", _zipf(1.0)), Bars(0.67)),
    Case("fashion-zipf", "fashion, Zipf", _real("fashion", "subCategory", _zipf(0.7)), Bars(0.55)),
    Case("footwear", "fashion, footwear", _real("fashion", "articleType", _of(_FOOTWEAR)), Bars(0.27)),
)
