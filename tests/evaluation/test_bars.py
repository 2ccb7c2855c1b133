"""A small, fast version of every bar of ``python -m benchmarks.quality``: fewer images, one order.

The bounds lie a little under what the engine reaches on these reduced sets; raise them when it gets better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from benchmarks.quality.sets import CASES
from benchmarks.quality.synthetic import shifted, stream
from categoriser.engine.quality import agreement
from categoriser.evaluation import Evaluation, Plan, Subject, evaluate_subject


@dataclass(frozen=True)
class Small:
    """A reduced set and its bounds. ``lost``: accuracy at the end less that at arrival."""

    key: str
    images: int
    ari: float
    nmi: float = 0.0
    categories: tuple[int, int] = (1, 1000)
    unsorted: float = 1.0
    lost: float = 1.0
    churn: float = 1.0


REAL = (
    Small("fashion", 1500, ari=0.67, nmi=0.74, categories=(20, 60), unsorted=0.05, lost=0.06, churn=0.03),
    Small("fashion-fine", 1500, ari=0.26, nmi=0.67, unsorted=0.07, lost=0.08, churn=0.03),
    Small("caltech", 1200, ari=0.74, nmi=0.88, categories=(35, 70), unsorted=0.07, lost=0.29, churn=0.03),
    Small("cifar", 1000, ari=0.14, nmi=0.32, categories=(5, 35), unsorted=0.12, lost=0.10),
    Small("caltech-100", 100, ari=0.42, unsorted=0.25),
    Small("caltech-300", 300, ari=0.68, unsorted=0.13),
    Small("caltech-1000", 1000, ari=0.72, unsorted=0.06),
    Small("look-alikes", 297, ari=0.74),
    Small("caltech-zipf", 333, ari=0.62),
    Small("fashion-zipf", 1500, ari=0.45, churn=0.03),
    Small("footwear", 1221, ari=0.20, churn=0.03),
)
DIGITS = Small("digits", 900, ari=0.82, nmi=0.87, categories=(8, 25), unsorted=0.02)
SYNTHETIC = (
    Small("easy", 2000, ari=0.99, unsorted=0.05, lost=0.09, churn=0.02),
    Small("mid", 2000, ari=0.97, unsorted=0.06, lost=0.15, churn=0.03),
    Small("hard", 2000, ari=0.90, unsorted=0.05, lost=0.13, churn=0.03),
)
COSINES = (0.1, 0.75)  # it is about .5 as generated
SHIFT = 0.03  # ARI that moving the mean may cost
_CASES = {case.key: case for case in CASES}


def replayed(small: Small, subject: Subject, *, given: bool = False) -> Evaluation:
    plan = Plan(granularity=_CASES[small.key].granularity, orders=1, arrival="given" if given else "random")
    return evaluate_subject(subject.drawn(small.images), plan)


def held(small: Small, result: Evaluation) -> None:
    """Assert all bounds at once, so that a failure shows every number."""

    def mean(key: str) -> float:
        return result.mean(key) or 0.0

    lost = mean("accuracy") - mean("online_accuracy")
    low, high = small.categories
    measured = {key: round(mean(key), 3) for key in ("ari", "nmi", "categories", "unsorted", "churn")}
    assert {
        "ari": mean("ari") >= small.ari,
        "nmi": mean("nmi") >= small.nmi,
        "categories": low <= mean("categories") <= high,
        "unsorted": mean("unsorted") <= small.unsorted,
        "lost": lost <= small.lost,
        "churn": mean("churn") <= small.churn,
    } == dict.fromkeys(("ari", "nmi", "categories", "unsorted", "lost", "churn"), True), measured | {"lost": lost}


def often(bars: Sequence[Small], seldom: frozenset[str]) -> list[Any]:
    """As parameters; those that a faster one of the same kind stands for are slow."""
    marks = dict.fromkeys(seldom, pytest.mark.slow)
    return [pytest.param(one, id=one.key, marks=marks.get(one.key, ())) for one in bars]


@pytest.mark.parametrize("small", often(REAL, frozenset(("caltech-1000", "caltech-300", "fashion-zipf", "footwear"))))
def test_real_pictures(small: Small) -> None:
    subjects = _CASES[small.key].load()
    if subjects is None:
        pytest.skip("needs the vectors of ../shared/data/vectors")
    held(small, replayed(small, subjects[0]))


@pytest.mark.parametrize("number", [12, 30])
def test_a_dozen_images_make_neither_one_category_nor_one_each(number: int) -> None:
    subjects = _CASES[f"caltech-{number}"].load()
    if subjects is None:
        pytest.skip("needs the vectors of ../shared/data/vectors")
    result = evaluate_subject(subjects[0], Plan(orders=2))
    assert max(result.sizes, default=0) <= number / 2
    assert sum(size == 1 for size in result.sizes) <= 1


def test_digits_by_look() -> None:
    subjects: Sequence[Subject] = _CASES["digits"].load() or ()
    held(DIGITS, replayed(DIGITS, subjects[0]))


@cache
def start_of_stream(key: str, images: int) -> Subject:
    """The first images of a generated stream."""
    vectors, classes = stream(key, 11)
    return Subject(key, classes[:images], vectors=vectors[:images])


@cache
def as_generated(small: Small) -> Evaluation:
    return replayed(small, start_of_stream(small.key, small.images), given=True)


@pytest.mark.parametrize("small", often(SYNTHETIC, frozenset(("easy", "hard"))))
def test_generated_streams(small: Small) -> None:
    held(small, as_generated(small))


@pytest.mark.parametrize("cosine", [COSINES[1], pytest.param(COSINES[0], marks=pytest.mark.slow)])
def test_the_cosine_of_random_pairs_does_not_matter(cosine: float) -> None:
    small = SYNTHETIC[1]
    subject = start_of_stream(small.key, small.images)
    assert subject.vectors is not None
    moved = replayed(small, replace(subject, vectors=shifted(subject.vectors, cosine)), given=True)
    assert (moved.mean("ari") or 0) >= (as_generated(small).mean("ari") or 0) - SHIFT


def test_it_groups_better_than_k_means_that_knows_the_number() -> None:
    from sklearn.cluster import KMeans

    subject = start_of_stream("mid", 2000)
    truth = [str(name) for name in subject.classes or []]
    told = KMeans(len(set(truth)), n_init=1, random_state=0).fit_predict(np.asarray(subject.vectors))
    assert (as_generated(SYNTHETIC[1]).mean("ari") or 0) > agreement(truth, [str(one) for one in told]).ari
