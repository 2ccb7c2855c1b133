"""Runs an evaluation: every order through a library of its own that is thrown away, or a collection as it is."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from PIL import Image as Pillow

from categoriser.domain import FloatMatrix, Granularity
from categoriser.errors import NotFoundError
from categoriser.evaluation.metrics import JUDGED, Confusion, confusion, order_agreement, scores, spawning
from categoriser.evaluation.orders import Arrival, arrival_order
from categoriser.evaluation.replay import Replay, replay
from categoriser.evaluation.report import Evaluation, Outcome, Shown, Waiting
from categoriser.evaluation.shape import Shape, shape
from categoriser.evaluation.subject import Subject
from categoriser.evaluation.zero_shot import NO_VOCABULARY, ZeroShot, zero_shot
from categoriser.library import Collection, Library
from categoriser.library.adding import Progress

SHOWN_CATEGORIES = 36
SHOWN_PICTURES = 12  # of each
_SIDE = 112  # pixels of a thumbnail on the contact sheet
_PAGE = 1000  # vectors read at a time
_UNNAMED = {"automatic": False}  # it is groups that are looked at, and their cost


class Audience(Protocol):
    """Whoever watches."""

    def progress(self, label: str) -> AbstractContextManager[Progress]:
        """Show a bar; it is told the number done and of all."""
        ...


class Nobody:
    """Watches nothing."""

    def progress(self, label: str) -> AbstractContextManager[Progress]:
        """See ``Audience.progress``."""
        return nullcontext(lambda done, total: None)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to evaluate. ``orders``: how many; order i is drawn with the seed ``seed`` + i; "given" there is but one."""

    encoder: str | None = None  # None: that of the settings; ready vectors need none
    granularity: Granularity | None = None
    orders: int = 3
    arrival: Arrival = "random"
    seed: int = 0
    vocabulary: Sequence[str] | None = None
    pictures: bool = True  # make a contact sheet


def evaluate_subject(subject: Subject, plan: Plan, audience: Audience | None = None) -> Evaluation:
    """Stream a subject in each order through the real library, and measure.

    Raises:
        ConfigurationError: the plan does not fit the subject.
        MissingWeightsError: the encoder cannot be opened.
    """
    audience = audience or Nobody()
    orders = [
        arrival_order(plan.arrival, subject.classes, len(subject), plan.seed + i)
        for i in range(1 if plan.arrival == "given" else plan.orders)
    ]
    spec = plan.encoder if subject.vectors is None else f"vectors:{subject.vectors.shape[1]}"
    outcomes: list[Outcome] = []
    replays: list[Replay] = []
    with (
        tempfile.TemporaryDirectory(prefix="categoriser-evaluate-") as folder,
        # never the database that the environment may name: everything made here is thrown away
        Library.open(
            folder, spec, granularity=plan.granularity, automatic_runs=True, database="", naming=_UNNAMED
        ) as library,
    ):
        encoder = library.encoder
        for number, order in enumerate(orders):
            collection = library.collection(f"order {number}")
            with audience.progress(f"Order {number + 1} of {len(orders)}") as advance:
                done = replay(collection, subject, order, advance)
            replays.append(done)
            name = plan.arrival if plan.arrival == "given" else f"{plan.arrival} {plan.seed + number}"
            vectors, ids = stored_vectors(library, collection, list(done.final))
            found = [done.final[image_id] for image_id in ids]
            reads = encoder if subject.vectors is None else None
            words = zero_shot(vectors, found, reads, plan.vocabulary)
            outcomes.append(_outcome(name, subject, done, shape(vectors, found), words))
            if number == 0:
                sheet = _contact_sheet(collection, subject) if plan.pictures and subject.vectors is None else ()
            library.delete_collection(collection.name)
        granularity = library.settings.granularity
    first = replays[0]
    classes = subject.classes
    return Evaluation(
        name=subject.name,
        images=len(first.final),
        classes=None if classes is None else len(set(classes) - {None}),
        encoder=encoder.id,
        granularity=granularity,
        outcomes=outcomes,
        order_ari=_between(replays),
        sizes=_sizes(list(first.final.values())),
        confusion=None if classes is None else _confusion(subject, first),
        refused=first.refused,
        sheet=sheet,
    )


def evaluate_collection(library: Library, name: str, vocabulary: Sequence[str] | None) -> Evaluation:
    """Measure what can be measured of a collection as it is, without classes and without changing it.

    Raises:
        NotFoundError: there is no such collection.
        MissingWeightsError: there is a vocabulary, and the collection's encoder cannot be opened.
    """
    collection = library.collection(name, create=False)
    row = collection.row
    assigned = collection.assignments()
    groups = list(assigned.values())
    vectors, ids = stored_vectors(library, collection, list(assigned))
    found = [assigned[image_id] for image_id in ids]
    sizes = _sizes(groups)
    words: ZeroShot | str = NO_VOCABULARY
    if vocabulary is not None:
        words = zero_shot(vectors, found, library.encoder_of(row), vocabulary)
    outcome = Outcome(
        order="as it is",
        images=len(groups),
        categories=_large(sizes),
        all_categories=len(sizes),
        unsorted=_unsorted(groups),
        final=None,
        shape=shape(vectors, found),
        zero_shot=words,
    )
    return Evaluation(
        name=collection.name,
        images=len(groups),
        classes=None,
        encoder=row.encoder_id,
        granularity=row.granularity,
        outcomes=[outcome],
        order_ari=None,
        sizes=sizes,
        sheet=_contact_sheet(collection, None),
    )


def stored_vectors(library: Library, collection: Collection, image_ids: Sequence[str]) -> tuple[FloatMatrix, list[str]]:
    """Unit vectors [n, d] of a collection's images and the ids they belong to, as far as the store has them."""
    row = collection.row
    store = library.storage.store(row)
    parts = [store.fetch(row.key, image_ids[low : low + _PAGE]) for low in range(0, len(image_ids), _PAGE)]
    found = [image_id for part in parts for image_id in part.image_ids]
    vectors = [part.vectors for part in parts if len(part)]
    return np.concatenate(vectors) if vectors else np.empty((0, row.dimension), np.float32), found


def _outcome(name: str, subject: Subject, done: Replay, compact: Shape | str, words: ZeroShot | str) -> Outcome:
    groups, told = list(done.final.values()), list(done.at_arrival.values())
    truth, arrived = _truth(subject, list(done.final)), _truth(subject, list(done.at_arrival))
    sizes = _sizes(groups)
    return Outcome(
        order=name,
        images=len(groups),
        categories=_large(sizes),
        all_categories=len(sizes),
        unsorted=_unsorted(groups),
        final=None if truth is None else scores(truth, groups),
        shape=compact,
        zero_shot=words,
        online=None if arrived is None else scores(arrived, told),
        unsorted_at_arrival=_unsorted(told),
        spawning=None if truth is None else spawning(truth, groups, _born(groups)),
        waiting=_waiting(done),
        flips_per_image=done.flips_per_image,
        churn=done.churn(follow_merges=False),
        churn_beside_merges=done.churn(follow_merges=True),
        churn_with_tentative=done.churn(follow_merges=False, tentative=True),
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        steps=done.steps,
    )


def _unsorted(groups: Sequence[str | None]) -> float:
    return sum(group is None for group in groups) / max(1, len(groups))


def _large(sizes: Sequence[int]) -> int:
    return sum(size >= JUDGED for size in sizes)


def _sizes(groups: Sequence[str | None]) -> list[int]:
    return sorted(Counter(group for group in groups if group is not None).values(), reverse=True)


def _born(groups: Sequence[str | None]) -> dict[str, int]:
    """Categories are numbered in the order in which they are spawned."""
    return {group: int(group.rpartition("-")[2]) for group in set(groups) if group is not None}


def _truth(subject: Subject, ids: Sequence[str]) -> list[str | None] | None:
    return None if subject.classes is None else [subject.classes[int(image_id)] for image_id in ids]


def _waiting(done: Replay) -> Waiting | None:
    images = list(done.waited.values())
    return Waiting(median=float(np.median(images)), most=max(images)) if images else None


def _between(replays: Sequence[Replay]) -> float | None:
    pairs = [order_agreement(one.final, other.final) for one, other in combinations(replays, 2)]
    return float(np.mean(pairs)) if pairs else None


def _confusion(subject: Subject, done: Replay) -> Confusion:
    groups = list(done.final.values())
    named = {group: f"Category {number + 1}" for group, number in _born(groups).items()}  # as people know them
    return confusion(_truth(subject, list(done.final)) or [], [None if one is None else named[one] for one in groups])


def _contact_sheet(collection: Collection, subject: Subject | None) -> list[Shown]:
    """The largest categories with their most typical pictures."""
    assigned = collection.assignments()
    members: dict[str, list[str]] = {}
    for image_id, category in assigned.items():
        if category is not None:
            members.setdefault(category, []).append(image_id)
    shown = []
    for one in collection.categories(limit=SHOWN_CATEGORIES):
        own = members.get(one.id, [])
        chosen = list(dict.fromkeys([*one.exemplars, *own]))[:SHOWN_PICTURES]
        thumbnails = [small for image_id in chosen if (small := _thumbnail(collection, image_id)) is not None]
        known = [] if subject is None else [name for name in _truth(subject, own) or [] if name is not None]
        most, count = Counter(known).most_common(1)[0] if known else (None, 0)
        if thumbnails:
            share = count / len(known) if known else None
            shown.append(Shown(one.label, one.size, most, share, thumbnails))
    return shown


def _thumbnail(collection: Collection, image_id: str) -> bytes | None:
    try:
        path = collection.thumbnail(image_id)
    except NotFoundError:
        return None
    with Pillow.open(path) as picture:
        small = picture.convert("RGB")
        small.thumbnail((_SIDE, _SIDE))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=72)
    return out.getvalue()
