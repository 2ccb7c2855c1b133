"""Streams images into a collection and watches: what each is told on arrival, and what every run changes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from categoriser.domain import Filed, IntVector, Refused
from categoriser.evaluation.memory import PeakMemory
from categoriser.evaluation.metrics import JUDGED, Scores, represented, scores
from categoriser.evaluation.subject import Subject
from categoriser.library import Collection
from categoriser.library.adding import Progress
from categoriser.maintenance import run_due_at

_PAGE = 5000  # events
COUNTED_ABOVE = 1000  # images; runs of smaller collections may rearrange them

Assignment = dict[str, str | None]  # image id → category id, None for Unsorted


@dataclass(frozen=True, slots=True)
class Step:
    """One run, and the grouping after it.

    ``moved``: images that were settled in a category before the run and are in another one, or none, after it.
    ``relocated``: those of them that did not just follow their category into the one it was merged into.
    ``reconsidered``: those that were in a category tentatively and are in another one, or none. Scores are over the
    images so far.
    """

    images: int
    moved: int
    relocated: int
    reconsidered: int
    categories: int  # with at least 5 images
    unsorted: float  # share of images
    now: Scores | None  # of the grouping after the run
    online: Scores | None  # of what the images were told on arrival


@dataclass(slots=True)
class Replay:
    """What came of one order. Images are named by their place in the subject, as text."""

    at_arrival: Assignment = field(default_factory=dict)  # in order of arrival
    final: Assignment = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    flips: Counter[str] = field(default_factory=Counter)  # image id → how often a run changed its category
    waited: dict[str, int] = field(default_factory=dict)  # class → images of it seen before it had a category
    refused: list[Refused] = field(default_factory=list)
    seconds: float = 0.0  # of the library alone, runs included
    peak_mb: float | None = None  # growth of resident memory

    def churn(self, *, follow_merges: bool, tentative: bool = False) -> float | None:
        """Mean share of the images then present that a run moved, over runs of more than 1,000; None without any.

        Args:
            follow_merges: do not count images whose category was merged into the one they are in now.
            tentative: count those too whose category was tentative.
        """
        runs = [step for step in self.steps if step.images > COUNTED_ABOVE]
        counts = [
            ((step.relocated if follow_merges else step.moved) + tentative * step.reconsidered) / step.images
            for step in runs
        ]
        return float(np.mean(counts)) if counts else None

    @property
    def flips_per_image(self) -> float:
        """How often a run changed an image's category, on average."""
        return sum(self.flips.values()) / max(1, len(self.final))


def replay(collection: Collection, subject: Subject, order: IntVector, progress: Progress | None = None) -> Replay:
    """Stream a subject into an empty collection that runs by itself, with one more run for what came after the last.

    Batches end where the next run is due, so that every run falls between two batches and can be seen: between runs no
    image changes its category, and what one is told on arrival is its category until the next run.
    """
    watch = _Watch(collection, subject)
    done = 0
    with PeakMemory() as memory:
        while done < len(order):
            room = max(1, run_due_at(collection.row.images_at_run) - watch.weighing)
            watch.add(order[done : done + room])
            done = min(done + room, len(order))
            if progress is not None:
                progress(done, len(order))
        watch.finish()
    watch.result.peak_mb = memory.growth_mb
    return watch.result


class _Watch:
    """Adds batches and keeps the books."""

    def __init__(self, collection: Collection, subject: Subject) -> None:
        self.result = Replay()
        self.weighing = 0  # images that are stacked on no other
        self._collection = collection
        self._subject = subject
        self._version = collection.row.taxonomy_version
        self._cursor = 0
        self._present: Assignment = {}
        self._tentative: set[str] = set()  # images that the next run decides anew about
        self._seen: Counter[str] = Counter()  # images so far by class

    def add(self, places: IntVector) -> None:
        """Add one batch, and look at what a run left if one came."""
        started = time.perf_counter()
        answers = self._send(places)
        self.result.seconds += time.perf_counter() - started
        for answer in answers:
            if isinstance(answer, Refused):
                self.result.refused.append(answer)
            elif not answer.known:
                self.result.at_arrival[answer.image_id] = self._present[answer.image_id] = answer.category
                if answer.tentative:
                    self._tentative.add(answer.image_id)
                self.weighing += answer.stacked_on is None
                name = self._class(answer.image_id)
                if name is not None:
                    self._seen[name] += 1
        if self._collection.row.taxonomy_version != self._version:
            self._after_run()

    def finish(self) -> None:
        """The last run, unless nothing came since the one before."""
        if not self.result.steps or self.result.steps[-1].images < len(self._present):
            started = time.perf_counter()
            self._collection.run()
            self.result.seconds += time.perf_counter() - started
            self._after_run()
        self.result.final = dict(self._present)
        for name, images in self._seen.items():
            self.result.waited.setdefault(name, images)
        self.result.waited = {name: n for name, n in self.result.waited.items() if self._seen[name] >= JUDGED}

    def _send(self, places: IntVector) -> Sequence[Filed | Refused]:
        if self._subject.vectors is not None:
            return self._collection.add_vectors([str(i) for i in places], self._subject.vectors[places])
        report = self._collection.add([replace(self._subject.items[i], image_id=str(i)) for i in places])
        return [*report.filed, *report.known, *report.refused]

    def _after_run(self) -> None:
        before = self._present
        after = self._collection.assignments()
        merged = self._merges()
        moved = relocated = reconsidered = 0
        for image_id, old in before.items():
            if old is None or after[image_id] == old:
                continue
            self.result.flips[image_id] += 1
            if image_id in self._tentative:
                reconsidered += 1
                continue
            moved += 1
            relocated += _survivor(old, merged) != after[image_id]
        self._present = after
        self._tentative.clear()
        self._version = self._collection.row.taxonomy_version
        sizes = Counter(category for category in after.values() if category is not None)
        self._note_classes()
        self.result.steps.append(
            Step(
                images=len(after),
                moved=moved,
                relocated=relocated,
                reconsidered=reconsidered,
                categories=sum(size >= JUDGED for size in sizes.values()),
                unsorted=sum(category is None for category in after.values()) / max(1, len(after)),
                now=self._scores(after),
                online=self._scores(self.result.at_arrival),
            )
        )

    def _merges(self) -> dict[str, str]:
        """Categories that were merged away since the last look → where they lead."""
        merged: dict[str, str] = {}
        while page := self._collection.events(after=self._cursor, limit=_PAGE):
            self._cursor = page[-1].cursor
            for event in page:
                if event.kind == "merge":
                    merged.update(dict.fromkeys(event.detail["losers"], event.detail["category"]))
        return merged

    def _note_classes(self) -> None:
        if self._subject.classes is not None and self._present:
            truth = [self._class(image_id) for image_id in self._present]
            for name in represented(truth, list(self._present.values())):
                self.result.waited.setdefault(name, self._seen[name])

    def _scores(self, found: Mapping[str, str | None]) -> Scores | None:
        if self._subject.classes is None:
            return None
        return scores([self._class(image_id) for image_id in found], list(found.values()))

    def _class(self, image_id: str) -> str | None:
        return None if self._subject.classes is None else self._subject.classes[int(image_id)]


def _survivor(category: str, merged: Mapping[str, str]) -> str:
    while category in merged:
        category = merged[category]
    return category
