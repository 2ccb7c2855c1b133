"""Pictures of all collections: read and decoded in a pool, encoded in batches across requests, filed in order (lanes).

Only so many may be under way; more wait (or are told that we are busy), so memory is bounded whatever comes in.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed, FloatVector
from categoriser.encoders import Encoder, takes_ready_vectors, takes_texts
from categoriser.errors import BusyError, ConfigurationError
from categoriser.intake import Fetcher, FetchLimits, Item, Limits
from categoriser.pipeline.acceptance import Acceptance
from categoriser.pipeline.courtesy import Courtesy
from categoriser.pipeline.encoding import EncoderThreads
from categoriser.pipeline.fair_threads import FairThreads
from categoriser.pipeline.feeding import Feeder, passing
from categoriser.pipeline.jobs import Job, stopping
from categoriser.pipeline.lanes import Lanes
from categoriser.pipeline.reception import Accepted, Fetchers, Reception, Submission
from categoriser.settings import Settings
from categoriser.state import Storage

EncoderOf = Callable[[CollectionRow], Encoder]


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
        self._encoder_of = encoder_of
        self._settings = settings
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
        decoding = settings.decode_threads or 2 * (os.cpu_count() or 1) + 4
        self._readers = FairThreads(decoding, "decode")
        self._later = FairThreads(decoding, "decode-later", give_way=True)  # for what nobody waits for
        self._room = threading.BoundedSemaphore(settings.waiting_limit)
        self._lanes = Lanes(storage, self.acceptance, self._courtesy, filed, automatic_runs=settings.automatic_runs)
        self._reading = 0  # pictures that were taken and are not with the encoder yet
        self._reading_guard = threading.Lock()
        self._encoding: dict[str, EncoderThreads] = {}
        self._encoding_guard = threading.Lock()

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
        # handed over, not kept in the job: the bytes of an upload are needed no longer than they are read
        submission = Submission(item, inbox_id, promised=promised, accepted=accepted)
        context = copy_context()  # the caller's, so that what is logged there says for which request
        readers, receive = (self._later, self._receive_later) if job.unhurried else (self._readers, self._receive)
        with self._reading_guard:
            self._reading += 1
        try:
            self._lanes.enter(job, lambda: readers.submit(collection.id, lambda: context.run(receive, job, submission)))
        except BaseException:
            self._read_one()
            self._room.release()
            raise
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
        return self._lanes.are_idle

    @property
    def under_way(self) -> int:
        """Pictures that were taken and are not filed yet."""
        return self._lanes.under_way

    def settle(self, collection: CollectionRow) -> None:
        """Wait for the run, if any, that follows what was answered last: answers do not wait for it."""
        self._lanes.settle(collection.id)

    def wait_idle(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way, at most so long if told; returns whether that came."""
        return self._lanes.wait_idle(seconds)

    def abandon(self) -> int:
        """Give up what is under way; those who wait are told so. Returns for how many pictures.

        What was accepted stays in the inbox and is filed by the next process. A part that is being written is finished.
        """
        left = self._lanes.abandon()
        self.feeder.stop()
        for job in left:
            job.answer(stopping())
        return len(left)

    def close(self) -> None:
        """Finish what is under way and stop."""
        self.acceptance.end_promises()
        self.feeder.close()
        self._lanes.admit_no_more()
        self._readers.close()
        self._later.close()
        self._reception.close()
        for thread in self._encoding.values():
            thread.close()
        self._lanes.close()
        self.acceptance.close()  # what could not be filed was accepted there
        self._fetchers.close()

    def _receive_later(self, job: Job, submission: Submission) -> None:
        with self._courtesy.giving_way():
            self._receive(job, submission)

    def _receive(self, job: Job, submission: Submission) -> None:
        try:
            received = self._read(job, submission)
        except BaseException as error:  # whatever it is belongs to this picture, not to the thread
            received, job.error = None, error
        job.inbox_id, kept = submission.inbox_id, job.kept
        self._read_one()  # first: an encoder call that waits for it would wait for its own picture
        if received is not None:
            encoder, prepared = received
            encoder.put(job, prepared)
        if kept is not None:  # while it is encoded; whoever finishes with it waits for this
            kept.show(self._storage.media, job.collection.key)
        if received is None:
            self._lanes.ready(job)

    def _read_one(self) -> None:
        with self._reading_guard:
            self._reading -= 1

    def _read(self, job: Job, submission: Submission) -> tuple[EncoderThreads, npt.NDArray[Any]] | None:
        """What is to be encoded, and by what; None when nothing is."""
        observer, begun = self._storage.observer, time.perf_counter()
        if job.future.done():  # given up
            raise stopping()
        encoder = self._encoder_of(job.collection)
        received = self._reception.receive(job.collection, submission, encoder)
        if isinstance(received, Filed):
            observer.stage("read", begun, time.perf_counter(), [job.origin])
            job.answer(received)  # at once; it keeps its place until those before it are done
            return None
        observer.stage("read", begun, received.read_at, [job.origin])
        observer.stage("decode", received.read_at, time.perf_counter(), [job.origin])
        job.image_id, job.facts, job.kept = received.image_id, received.facts, received.kept
        if received.prepared is None:  # it came with its vector
            job.vector = received.vector
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
        self._lanes.ready(*jobs)

    def _done(self, job: Job, future: Future[Filed]) -> None:
        self._room.release()
        error = future.exception()
        if job.inbox_id is not None and error is not None and passing(error):  # accepted: it waits for another attempt
            self.feeder.come_back(job.collection, job.inbox_id, error)
        observer = self._storage.observer
        observer.answered(error or future.result())
        observer.stage("answer", job.submitted, time.perf_counter(), [job.origin])
