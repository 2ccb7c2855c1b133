"""What an evaluation found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from categoriser.domain import Refused
from categoriser.evaluation.metrics import Confusion, Scores, Spawning
from categoriser.evaluation.replay import Step
from categoriser.evaluation.shape import Shape
from categoriser.evaluation.zero_shot import ZeroShot


@dataclass(frozen=True, slots=True)
class Waiting:
    """Images of a class that came before there was a category for it.

    A class has a category from the run on after which it makes up at least half of one; classes of at least 5 images.
    """

    median: float
    most: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One order of arrival, or a collection as it is. Where a part cannot be had there is None, or the reason."""

    order: str
    images: int
    categories: int  # with at least 5 images
    all_categories: int
    unsorted: float  # share of images at the end
    final: Scores | None
    shape: Shape | str
    zero_shot: ZeroShot | str
    online: Scores | None = None
    unsorted_at_arrival: float | None = None
    spawning: Spawning | None = None
    waiting: Waiting | None = None
    flips_per_image: float | None = None
    churn: float | None = None  # settled images whose category changed, per run above 1,000 images, as a share
    churn_beside_merges: float | None = (
        None  # without those who followed their category into the one it was merged with
    )
    churn_with_tentative: float | None = None  # and those whose category was only the best guess at arrival
    seconds: float | None = None
    peak_mb: float | None = None
    steps: Sequence[Step] = ()


@dataclass(frozen=True, slots=True)
class PeerScore:
    """Another method on the same vectors; noise counts as singletons. ``skipped`` says why there is nothing."""

    name: str
    accuracy: float | None = None
    nmi: float | None = None
    ari: float | None = None
    categories: int | None = None
    unsorted: float | None = None
    seconds: float | None = None
    note: str = ""
    partial: bool = False  # it saw only the first images, because it is slow
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A category of the contact sheet with JPEG thumbnails, and the class that most of it belongs to."""

    label: str
    size: int
    most: str | None
    share: float | None
    thumbnails: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All orders of one subject. Sizes, confusion and contact sheet are those of the first order."""

    name: str
    images: int
    classes: int | None
    encoder: str
    granularity: str
    outcomes: Sequence[Outcome]
    order_ari: float | None  # mean adjusted Rand index between the groupings of two orders
    sizes: Sequence[int]  # of all categories, largest first
    confusion: Confusion | None = None
    refused: Sequence[Refused] = ()
    peers: Sequence[PeerScore] = ()
    sheet: Sequence[Shown] = ()

    def mean(self, key: str) -> float | None:
        """Mean of a measure over the orders that have it."""
        values = [value for outcome in self.outcomes if (value := MEASURES[key].of(outcome)) is not None]
        return float(np.mean(values)) if values else None

    def as_data(self) -> dict[str, object]:
        """Everything but pictures, for JSON."""
        counts = None
        if self.confusion is not None:
            counts = {
                "categories": self.confusion.categories,
                "classes": self.confusion.classes,
                "counts": self.confusion.counts.tolist(),
            }
        return {
            "name": self.name,
            "images": self.images,
            "classes": self.classes,
            "encoder": self.encoder,
            "granularity": self.granularity,
            "mean": {key: self.mean(key) for key in MEASURES},
            "order_ari": self.order_ari,
            "orders": self.outcomes,
            "sizes": self.sizes,
            "confusion": counts,
            "peers": self.peers,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of an outcome, and how people read it."""

    title: str
    of: Callable[[Outcome], float | None]
    form: str = "{:.3f}"
    percent: bool = False

    def text(self, value: float | None) -> str:
        """The number as people read it."""
        if value is None:
            return "–"
        return f"{100 * value:.1f} %" if self.percent else self.form.format(value)


def _final(name: str) -> Callable[[Outcome], float | None]:
    return lambda outcome: None if outcome.final is None else getattr(outcome.final, name)


def _online(name: str) -> Callable[[Outcome], float | None]:
    return lambda outcome: None if outcome.online is None else getattr(outcome.online, name)


def _shape(name: str) -> Callable[[Outcome], float | None]:
    return lambda outcome: None if isinstance(outcome.shape, str) else getattr(outcome.shape, name)


MEASURES: Final[dict[str, Measure]] = {
    "accuracy": Measure("accuracy (best matching)", _final("accuracy")),
    "nmi": Measure("NMI", _final("nmi")),
    "ari": Measure("ARI", _final("ari")),
    "bcubed_f": Measure("B³ F", _final("bcubed_f")),
    "bcubed_precision": Measure("B³ precision", _final("bcubed_precision")),
    "bcubed_recall": Measure("B³ recall", _final("bcubed_recall")),
    "purity": Measure("purity", _final("purity")),
    "online_accuracy": Measure("accuracy at arrival", _online("accuracy")),
    "online_nmi": Measure("NMI at arrival", _online("nmi")),
    "online_ari": Measure("ARI at arrival", _online("ari")),
    "online_bcubed_f": Measure("B³ F at arrival", _online("bcubed_f")),
    "online_purity": Measure("purity at arrival", _online("purity")),
    "categories": Measure("categories of 5 or more", lambda outcome: outcome.categories, "{:,.0f}"),
    "all_categories": Measure("categories", lambda outcome: outcome.all_categories, "{:,.0f}"),
    "unsorted_at_arrival": Measure("Unsorted at arrival", lambda outcome: outcome.unsorted_at_arrival, percent=True),
    "unsorted": Measure("Unsorted at the end", lambda outcome: outcome.unsorted, percent=True),
    "spawn_precision": Measure(
        "spawn precision", lambda outcome: None if outcome.spawning is None else outcome.spawning.precision
    ),
    "spawn_recall": Measure(
        "spawn recall", lambda outcome: None if outcome.spawning is None else outcome.spawning.recall
    ),
    "waiting": Measure(
        "images of a class before its category",
        lambda outcome: None if outcome.waiting is None else outcome.waiting.median,
        "{:.1f}",
    ),
    "flips": Measure("category changes per image", lambda outcome: outcome.flips_per_image),
    "churn": Measure("churn per run", lambda outcome: outcome.churn, percent=True),
    "churn_beside_merges": Measure(
        "churn per run beside merges", lambda outcome: outcome.churn_beside_merges, percent=True
    ),
    "churn_with_tentative": Measure(
        "churn per run with tentative ones", lambda outcome: outcome.churn_with_tentative, percent=True
    ),
    "silhouette": Measure("silhouette (cosine)", _shape("silhouette")),
    "calinski_harabasz": Measure("Calinski–Harabasz", _shape("calinski_harabasz"), "{:,.1f}"),
    "davies_bouldin": Measure("Davies–Bouldin (0 is best)", _shape("davies_bouldin"), "{:.2f}"),
    "zero_shot": Measure(
        "agreement with words",
        lambda outcome: None if isinstance(outcome.zero_shot, str) else outcome.zero_shot.agreement,
    ),
    "seconds": Measure("seconds", lambda outcome: outcome.seconds, "{:,.1f}"),
    "peak_mb": Measure("memory, growth in MB", lambda outcome: outcome.peak_mb, "{:,.0f}"),
}
