"""Pictures under way, a lane for each collection: they leave in the order they came in, filed together if possible."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from categoriser.errors import CategoriserError, NotFoundError
from categoriser.pipeline.acceptance import Acceptance
from categoriser.pipeline.collection_queue import CollectionQueue
from categoriser.pipeline.courtesy import Courtesy
from categoriser.pipeline.due_runs import run_due
from categoriser.pipeline.feeding import passing
from categoriser.pipeline.filing import Arrival, file_arrivals
from categoriser.pipeline.jobs import Job, stopping
from categoriser.pipeline.kept import forget
from categoriser.state import Storage

_AFTER_YOU: Final = 0.0003  # seconds: what is left to do here would let who was answered wait for the interpreter

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lane:
    """One collection's pictures under way, in order of arrival."""

    jobs: deque[Job] = field(default_factory=deque)
    draining: bool = False
    rounds: int = 0  # of filing, each with the run that it made due


class Lanes:
    """Files what is ready at the head of each lane; thread-safe, and one thread at a time for a collection."""

    def __init__(
        self,
        storage: Storage,
        acceptance: Acceptance,
        courtesy: Courtesy,
        filed: Callable[[int], None] | None,
        *,
        automatic_runs: bool,
    ) -> None:
        """``filed`` is told the collection after each batch; ``acceptance`` takes what cannot be filed now."""
        self._storage = storage
        self._acceptance = acceptance
        self._courtesy = courtesy
        self._filed = filed
        self._automatic_runs = automatic_runs
        processors = os.cpu_count() or 1
        self._writers = ThreadPoolExecutor(processors + 1, "file")
        # these stand back now and then, and must take the place of no others
        self._later_writers = ThreadPoolExecutor(processors, "file-later")
        self._runs = CollectionQueue(partial(run_due, storage), "run", threads=processors)
        self._lanes: dict[int, _Lane] = {}
        self._changed = threading.Condition()  # notified when a round is over
        self._closed = False
        self._abandoned = False

    def enter(self, job: Job, begin: Callable[[], None]) -> None:
        """Give a picture its place; ``begin`` is called in the order of the places.

        Raises:
            CategoriserError: the library is closed.
            StoppingError: everything under way was given up.
        """
        with self._changed:
            if self._closed:
                raise CategoriserError("The library is closed; open it again to add pictures.")
            if self._abandoned:
                raise stopping()
            lane = self._lanes.setdefault(job.collection.id, _Lane())
            lane.jobs.append(job)
            try:
                begin()
            except BaseException:
                lane.jobs.pop()
                self._close_if_empty(job.collection.id, lane)
                raise

    def ready(self, *jobs: Job) -> None:
        """They have a vector, an error or an answer: each leaves as soon as those before it are ready."""
        for job in jobs:
            job.ready = True
        for collection_id in {job.collection.id for job in jobs}:
            self._drain_soon(collection_id)

    @property
    def are_idle(self) -> bool:
        """Whether no picture is under way and no run follows one."""
        with self._changed:
            return not self._lanes and self._runs.is_empty

    @property
    def under_way(self) -> int:
        """Pictures that were taken and are not filed yet."""
        with self._changed:
            return sum(len(lane.jobs) for lane in self._lanes.values())

    def settle(self, collection_id: int) -> None:
        """Wait for the run, if any, that follows what was answered last: answers do not wait for it."""
        with self._changed:
            lane = self._lanes.get(collection_id)
            if lane is not None:
                begun = lane.rounds
                self._changed.wait_for(lambda: lane.rounds > begun or self._lanes.get(collection_id) is not lane)
        self._runs.settle(collection_id)

    def wait_idle(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way, at most so long if told; returns whether that came."""
        begun = time.monotonic()
        with self._changed:
            if not self._changed.wait_for(lambda: not self._lanes, seconds):
                return False
        left = None if seconds is None else max(0.0, seconds - (time.monotonic() - begun))
        return self._runs.wait_empty(left)

    def abandon(self) -> list[Job]:
        """Let nobody in any more, forget the runs and give what is under way back; it has not been answered yet."""
        with self._changed:
            self._abandoned = True
            left = [job for lane in self._lanes.values() for job in lane.jobs if not job.future.done()]
        self._runs.forget()  # they are due again when something comes
        return left

    def admit_no_more(self) -> None:
        """Whoever comes now is told that the library is closed."""
        with self._changed:
            self._closed = True

    def close(self) -> None:
        """File what is ready, and what is due after it; the rest has to be ready by now."""
        self._writers.shutdown()
        self._later_writers.shutdown()
        self._runs.close()

    def _drain_soon(self, collection_id: int) -> None:
        with self._changed:
            lane = self._lanes.get(collection_id)
            if lane is None or lane.draining or not lane.jobs or not lane.jobs[0].ready:
                return
            lane.draining = True
            writers = self._later_writers if lane.jobs[0].unhurried else self._writers
        writers.submit(self._drain, collection_id, lane)

    def _drain(self, collection_id: int, lane: _Lane) -> None:
        """File what is ready at the head of a lane, as long as there is any."""
        while True:
            with self._changed:
                jobs = []
                while lane.jobs and lane.jobs[0].ready:
                    jobs.append(lane.jobs.popleft())
                if not jobs:
                    lane.draining = False
                    self._close_if_empty(collection_id, lane)
                    return
            left = []
            for job in jobs:
                if job.future.done():  # given up, or known
                    self._forget(job)
                else:
                    left.append(job)
            with self._courtesy.giving_way() if left and all(job.unhurried for job in left) else nullcontext():
                self._file(collection_id, left)
            with self._changed:
                lane.rounds += 1
                self._changed.notify_all()

    def _close_if_empty(self, collection_id: int, lane: _Lane) -> None:
        """The guard is held."""
        if not lane.jobs and not lane.draining:
            del self._lanes[collection_id]
            self._changed.notify_all()

    def _file(self, collection_id: int, jobs: list[Job]) -> None:
        left = self._sound(jobs)
        if not left:
            return
        try:
            self._file_sound(collection_id, left)
        except BaseException as error:  # the inbox still has them: they are filed after a restart
            if isinstance(error, NotFoundError):  # of a collection that was deleted meanwhile nothing may stay
                self._storage.drop_files(jobs[0].collection.key)
            else:
                _log.exception("a batch of %d pictures could not be filed", len(left))
            for job in left:
                self._refuse(job, error)
            return
        self._tell_filed(collection_id)

    def _sound(self, jobs: list[Job]) -> deque[Job]:
        """Those that can be filed, once their files are written; the others are refused."""
        sound: deque[Job] = deque()
        for job in jobs:
            problem = job.error or (None if job.kept is None else job.kept.problem())
            if problem is not None or job.vector is None:
                self._refuse(job, problem or RuntimeError("a picture left the encoder without a vector"))
            else:
                sound.append(job)
        return sound

    def _file_sound(self, collection_id: int, left: deque[Job]) -> None:
        """File what is left, and take out of it what is answered."""
        arrivals = [
            Arrival(job.image_id, job.vector, job.facts, job.inbox_id, job.kept)
            for job in left
            if job.vector is not None
        ]
        begun = time.perf_counter()
        for outcomes in file_arrivals(
            self._storage,
            collection_id,
            [arrivals],
            automatic_runs=self._automatic_runs,
            soon=None if any(job.exactly for job in left) else self._runs.put,
        ):
            part = [left.popleft() for _ in outcomes]
            self._storage.observer.stage("file", begun, time.perf_counter(), [job.origin for job in part])
            for job, outcome in zip(part, outcomes, strict=True):  # at once: a run may follow
                job.answer(outcome)
            if not all(job.unhurried for job in part):
                time.sleep(_AFTER_YOU)
            begun = time.perf_counter()

    def _refuse(self, job: Job, error: BaseException) -> None:
        """Answer with an error; what is worth another attempt waits for it in the inbox."""
        if job.kept is not None and passing(error):
            job.kept.problem()  # what is written later would outlast whatever becomes of the entry
            try:
                accepting = self._acceptance.accept(job.collection, job.kept.entry, job.kept.data)
                job.inbox_id, job.kept = accepting.result()[0], None
            except Exception as problem:  # then it is over, as whoever asks is told
                _log.warning("a picture that could not be filed (%s) could not be kept either: %s", error, problem)
                error = problem  # the other one may say that it was kept
        self._forget(job)
        job.answer(error)

    def _forget(self, job: Job) -> None:
        """Delete the files, if any, that were kept for a picture that is not filed."""
        if job.kept is None:
            return
        try:
            forget(self._storage, job.collection, job.kept)
        except Exception:  # `categoriser doctor` finds them
            _log.warning("files of a picture that was given up could not be deleted", exc_info=True)

    def _tell_filed(self, collection_id: int) -> None:
        if self._filed is None:
            return
        try:
            self._filed(collection_id)
        except Exception:  # the pictures are filed; whoever follows them comes up to date later
            _log.exception("what follows collection %d could not be brought up to date", collection_id)
