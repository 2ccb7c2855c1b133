"""Pictures under way: read and decoded in a pool, encoded in batches across requests, filed per collection in order.

Only so many may be under way; more wait (or are told that we are busy), so memory is bounded whatever comes in.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy.typing as npt

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed, FloatVector
from categoriser.encoders import Encoder, takes_ready_vectors, takes_texts
from categoriser.errors import (
    BusyError,
    CategoriserError,
    ConfigurationError,
    NotFoundError,
)
from categoriser.intake import Fetcher, FetchLimits, Item, Limits
from categoriser.pipeline.acceptance import Acceptance
from categoriser.pipeline.collection_queue import CollectionQueue
from categoriser.pipeline.courtesy import Courtesy
from categoriser.pipeline.due_runs import run_due
from categoriser.pipeline.encoding import EncoderThreads
from categoriser.pipeline.fair_threads import FairThreads
from categoriser.pipeline.feeding import Feeder, passing
from categoriser.pipeline.filing import Arrival, file_arrivals
from categoriser.pipeline.jobs import Job, stopping
from categoriser.pipeline.kept import forget
from categoriser.pipeline.reception import Accepted, Fetchers, Reception
from categoriser.settings import Settings
from categoriser.state import Storage

EncoderOf = Callable[[CollectionRow], Encoder]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lane:
    """One collection's pictures under way, in order of arrival."""

    jobs: deque[Job] = field(default_factory=deque)
    draining: bool = False
    rounds: int = 0  # of filing, each with the run that it made due


def no_pictures(collection: str, encoder_id: str) -> ConfigurationError:
    """The refusal of pictures by a collection of ready vectors or of texts."""
    if takes_texts(encoder_id):
        return ConfigurationError(
            f"Collection {collection!r} groups texts and takes no pictures: add texts to it, "
            "or add the pictures to the collection that it is a view of."
        )
    return ConfigurationError(
        f"Collection {collection!r} takes ready vectors ({encoder_id}) and no pictures: add its vectors from Python "
        "with add_vectors, or add the pictures to a collection of another encoder."
    )


class Pipeline:
    """Files pictures of all collections of a library."""

    def __init__(
        self, storage: Storage, encoder_of: EncoderOf, settings: Settings, filed: Callable[[int], None] | None = None
    ) -> None:
        """``filed`` is told the collection after each batch, before those who wait for it."""
        self._storage = storage
        self._filed = filed
        self._encoder_of = encoder_of
        self._settings = settings
        processors = os.cpu_count() or 1
        downloads = FetchLimits(max_bytes=settings.max_bytes, seconds=settings.fetch_seconds)
        self._fetchers = Fetchers(
            Fetcher(downloads, allow_private=settings.allow_private_addresses),
            Fetcher(replace(downloads, redirects=0), allow_private=True),
        )
        limits = Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
        self.feeder = Feeder(
            storage, self._submit_waiting, settings.uploads, most=max(1, min(settings.waiting_limit // 2, 64))
        )
        self.tell = self.feeder.tell  # whoever files what is durable in the inbox; a deployment may name another
        self._courtesy = Courtesy()
        self.acceptance = Acceptance(storage, self._told, self._courtesy)
        self._reception = Reception(storage, self._fetchers, limits, settings.thumbnail_side, self.acceptance)
        # more than processors, because each of them also waits for the disk; what they accept meanwhile shares a commit
        decoding = settings.decode_threads or 2 * processors + 4
        self._readers = FairThreads(decoding, "decode")
        self._later = FairThreads(decoding, "decode-later", give_way=True)  # for what nobody waits for
        self._writers = ThreadPoolExecutor(processors + 1, "file")
        # these stand back now and then, and must take the place of no others
        self._later_writers = ThreadPoolExecutor(processors, "file-later")
        self._runs = CollectionQueue(partial(run_due, storage), "run", threads=processors)
        self._room = threading.BoundedSemaphore(settings.waiting_limit)
        self._lanes: dict[int, _Lane] = {}
        self._reading = 0  # pictures that were taken and are not with the encoder yet
        self._lanes_guard = threading.Condition()  # notified when a round is over
        self._encoding: dict[str, EncoderThreads] = {}
        self._encoding_guard = threading.Lock()
        self._closed = False
        self._abandoned = False

    def submit(
        self,
        collection: CollectionRow,
        item: Item | None,
        *,
        inbox_id: int | None = None,
        wait: bool = True,
        exactly: bool = False,
        promised: bool = True,
        accepted: Accepted | None = None,
    ) -> Future[Filed]:
        """Take a picture; the future answers once it is filed, durable and searchable, or says why it cannot be.

        The future cannot be cancelled: what is accepted is filed.

        Args:
            collection: where it goes.
            item: what it is; None: what the inbox has.
            inbox_id: it was accepted earlier under this number.
            wait: with too much under way wait for room, or raise BusyError at once.
            exactly: a run that growth makes due is done before anything else is filed, so that the same pictures in the
                same order always lead to the same categories.
            promised: it lies durable in the inbox before anything else is done; without, before the future answers.
            accepted: called in another thread with the image id once the picture is durable in the inbox, from when on
                it will be filed even if this process is killed.

        Raises:
            ConfigurationError: the collection takes ready vectors.
            BusyError: there is no room and ``wait`` is False.
            StoppingError: everything under way was given up.
            CategoriserError: the pipeline is closed.
        """
        if takes_ready_vectors(collection.encoder_id):
            raise no_pictures(collection.name, collection.encoder_id)
        if not self._room.acquire(blocking=wait):
            raise BusyError("More pictures are waiting than may wait; send this one again in a few seconds.")
        job = Job(
            collection,
            self._storage.observer.here(),
            time.perf_counter(),
            inbox_id=inbox_id,
            unhurried=item is None,
            exactly=exactly,
        )
        job.future.set_running_or_notify_cancel()
        with self._lanes_guard:
            if self._closed:
                self._room.release()
                raise CategoriserError("The library is closed; open it again to add pictures.")
            if self._abandoned:
                self._room.release()
                raise stopping()
            self._lanes.setdefault(collection.id, _Lane()).jobs.append(job)
            self._reading += 1
            # handed over, not kept in the job: the bytes of an upload are needed no longer than they are read
            context = copy_context()  # the caller's, so that what is logged there says for which request
            readers, receive = (self._later, self._receive_later) if job.unhurried else (self._readers, self._receive)
            readers.submit(collection.id, lambda: context.run(receive, job, item, inbox_id, accepted, promised))
        if not job.unhurried:
            self._courtesy.begin()
            job.future.add_done_callback(lambda _: self._courtesy.end())
        job.future.add_done_callback(lambda future: self._done(job, future))
        return job.future

    def _told(self, collection: CollectionRow, numbers: Sequence[int], sizes: Sequence[int]) -> None:
        self.tell(collection, numbers, sizes)

    def _submit_waiting(self, collection: CollectionRow, number: int) -> Future[Filed]:
        return self.submit(collection, None, inbox_id=number)

    @property
    def idle(self) -> bool:
        """Whether no picture is under way and no run follows one."""
        with self._lanes_guard:
            return not self._lanes and self._runs.is_empty

    @property
    def under_way(self) -> int:
        """Pictures that were taken and are not filed yet."""
        with self._lanes_guard:
            return sum(len(lane.jobs) for lane in self._lanes.values())

    def settle(self, collection: CollectionRow) -> None:
        """Wait for the run, if any, that follows what was answered last: answers do not wait for it."""
        with self._lanes_guard:
            lane = self._lanes.get(collection.id)
            if lane is not None:
                begun = lane.rounds
                self._lanes_guard.wait_for(lambda: lane.rounds > begun or self._lanes.get(collection.id) is not lane)
        self._runs.settle(collection.id)

    def wait_idle(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way, at most so long if told; returns whether that came."""
        begun = time.monotonic()
        with self._lanes_guard:
            if not self._lanes_guard.wait_for(lambda: not self._lanes, seconds):
                return False
        left = None if seconds is None else max(0.0, seconds - (time.monotonic() - begun))
        return self._runs.wait_empty(left)

    def abandon(self) -> int:
        """Give up what is under way; those who wait are told so. Returns for how many pictures.

        What was accepted stays in the inbox and is filed by the next process. A part that is being written is finished.
        """
        with self._lanes_guard:
            self._abandoned = True
            left = [job for lane in self._lanes.values() for job in lane.jobs if not job.future.done()]
        self.feeder.stop()
        self._runs.forget()  # they are due again when something comes
        for job in left:
            job.answer(stopping())
        return len(left)

    def close(self) -> None:
        """Finish what is under way and stop."""
        self.acceptance.end_promises()
        self.feeder.close()
        with self._lanes_guard:
            self._closed = True
        self._readers.close()
        self._later.close()
        self._reception.close()
        self.acceptance.close()
        for thread in self._encoding.values():
            thread.close()
        self._writers.shutdown()
        self._later_writers.shutdown()
        self._runs.close()
        self._fetchers.close()

    def _receive_later(
        self, job: Job, item: Item | None, inbox_id: int | None, accepted: Accepted | None, promised: bool
    ) -> None:
        with self._courtesy.giving_way():
            self._receive(job, item, inbox_id, accepted, promised)

    def _receive(
        self, job: Job, item: Item | None, inbox_id: int | None, accepted: Accepted | None, promised: bool
    ) -> None:
        try:
            received = self._read(job, item, inbox_id, accepted, promised)
        except BaseException as error:  # whatever it is belongs to this picture, not to the thread
            received = None
            self._finish_early(job, error)
        with self._lanes_guard:
            self._reading -= 1  # first: an encoder call that waits for it would wait for its own picture
        if received is not None:
            encoder, prepared = received
            encoder.put(job, prepared)

    def _read(
        self, job: Job, item: Item | None, inbox_id: int | None, accepted: Accepted | None, promised: bool
    ) -> tuple[EncoderThreads, npt.NDArray[Any]] | None:
        """What is to be encoded, and by what; None when the picture is done with."""
        observer, begun = self._storage.observer, time.perf_counter()
        if job.future.done():  # given up
            self._finish_early(job, stopping())
            return None
        encoder = self._encoder_of(job.collection)
        received = self._reception.receive(job.collection, item, encoder, inbox_id, accepted, promised=promised)
        if isinstance(received, Filed):
            observer.stage("read", begun, time.perf_counter(), [job.origin])
            self._answer(job, received)
            return None
        observer.stage("read", begun, received.read_at, [job.origin])
        observer.stage("decode", received.read_at, time.perf_counter(), [job.origin])
        job.image_id, job.inbox_id, job.facts = received.image_id, received.inbox_id, received.facts
        job.kept = received.kept
        if received.prepared is None:  # it came with its vector
            job.vector, job.ready = received.vector, True
            self._drain_soon(job.collection.id)
            return None
        return self._encoder_thread(encoder), received.prepared

    def _encoder_thread(self, encoder: Encoder) -> EncoderThreads:
        with self._encoding_guard:
            thread = self._encoding.get(encoder.id)
            if thread is None:
                thread = EncoderThreads(encoder, self._settings, self._storage, self._encoded, lambda: self._reading)
                self._encoding[encoder.id] = thread
            return thread

    def _encoded(self, jobs: list[Job], vectors: Sequence[FloatVector | Exception]) -> None:
        for job, vector in zip(jobs, vectors, strict=True):
            if isinstance(vector, Exception):
                job.error = vector
            else:
                job.vector = vector
            job.ready = True
        for collection_id in {job.collection.id for job in jobs}:
            self._drain_soon(collection_id)

    def _finish_early(self, job: Job, error: BaseException) -> None:
        job.error, job.ready = error, True
        self._drain_soon(job.collection.id)

    def _answer(self, job: Job, filed: Filed) -> None:
        """Answer a picture that was known: it keeps its place until those before it are done, then leaves."""
        job.answer(filed)
        job.ready = True
        self._drain_soon(job.collection.id)

    def _drain_soon(self, collection_id: int) -> None:
        with self._lanes_guard:
            lane = self._lanes.get(collection_id)
            if lane is None or lane.draining or not lane.jobs or not lane.jobs[0].ready:
                return
            lane.draining = True
            writers = self._later_writers if lane.jobs[0].unhurried else self._writers
        writers.submit(self._drain, collection_id, lane)

    def _drain(self, collection_id: int, lane: _Lane) -> None:
        """File what is ready at the head of a lane, as long as there is any."""
        while True:
            with self._lanes_guard:
                jobs = []
                while lane.jobs and lane.jobs[0].ready:
                    jobs.append(lane.jobs.popleft())
                if not jobs:
                    lane.draining = False
                    if not lane.jobs:
                        del self._lanes[collection_id]
                        self._lanes_guard.notify_all()
                    return
            for job in jobs:
                if job.kept is not None and job.future.done():  # given up
                    self._forget(job)
            jobs = [job for job in jobs if not job.future.done()]
            with self._courtesy.giving_way() if all(job.unhurried for job in jobs) else nullcontext():
                self._file(collection_id, jobs)
            with self._lanes_guard:
                lane.rounds += 1
                self._lanes_guard.notify_all()

    def _file(self, collection_id: int, jobs: list[Job]) -> None:
        filing: list[Job] = []
        arrivals = []
        for job in jobs:
            problem = job.error or (None if job.kept is None else job.kept.problem())
            if problem is not None or job.vector is None:
                self._refuse(job, problem or RuntimeError("a picture left the encoder without a vector"))
            else:
                filing.append(job)
                arrivals.append(Arrival(job.image_id, job.vector, job.facts, job.inbox_id, job.kept))
        if not arrivals:
            return
        unanswered, begun = deque(filing), time.perf_counter()
        try:
            for outcomes in file_arrivals(
                self._storage,
                collection_id,
                [arrivals],
                automatic_runs=self._settings.automatic_runs,
                soon=None if any(job.exactly for job in filing) else self._runs.put,
            ):
                part = [unanswered.popleft() for _ in outcomes]
                self._storage.observer.stage("file", begun, time.perf_counter(), [job.origin for job in part])
                for job, outcome in zip(part, outcomes, strict=True):  # at once: a run may follow
                    job.answer(outcome)
                begun = time.perf_counter()
        except BaseException as error:  # the inbox still has them: they are filed after a restart
            if isinstance(error, NotFoundError):  # of a collection that was deleted meanwhile nothing may stay
                self._storage.drop_files(filing[0].collection.key)
            else:
                _log.exception("a batch of %d pictures could not be filed", len(unanswered))
            for job in unanswered:
                self._refuse(job, error)
            return
        self._tell_filed(collection_id)

    def _refuse(self, job: Job, error: BaseException) -> None:
        """Answer with an error; what is worth another attempt waits for it in the inbox."""
        if job.kept is not None and passing(error):
            try:
                accepting = self.acceptance.accept(job.collection, job.kept.entry, job.kept.data)
                job.inbox_id, job.kept = accepting.result()[0], None
            except Exception as problem:  # then it is over, as whoever asks is told
                _log.warning("a picture that could not be filed could not be kept either: %s", problem)
        if job.kept is not None and not isinstance(error, NotFoundError):
            self._forget(job)
        job.answer(error)

    def _forget(self, job: Job) -> None:
        """Delete the files of a picture that is not filed."""
        try:
            if job.kept is not None:
                forget(self._storage, job.collection, job.kept)
        except Exception:  # `categoriser doctor` finds them
            _log.warning("files of a picture that was given up could not be deleted", exc_info=True)

    def _done(self, job: Job, future: Future[Filed]) -> None:
        self._room.release()
        error = future.exception()
        if job.inbox_id is not None and error is not None and passing(error):  # accepted: it waits for another attempt
            self.feeder.come_back(job.collection, job.inbox_id, error)
        observer = self._storage.observer
        observer.answered(error or future.result())
        observer.stage("answer", job.submitted, time.perf_counter(), [job.origin])

    def _tell_filed(self, collection_id: int) -> None:
        if self._filed is None:
            return
        try:
            self._filed(collection_id)
        except Exception:  # the pictures are filed; whoever follows them comes up to date later
            _log.exception("what follows collection %d could not be brought up to date", collection_id)
