"""Encoder calls: pictures of all requests in batches, and none that nobody waits for takes long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatVector
from categoriser.encoders import Encoder
from categoriser.pipeline.fair_queue import FairQueue
from categoriser.pipeline.jobs import Job, encoder_failed, stopping
from categoriser.settings import Settings
from categoriser.state import Storage

_UNHURRIED_SECONDS = 0.01  # of an encoder call with pictures for which nobody waits, at most

_Waiting: TypeAlias = tuple[Job, npt.NDArray[Any]]  # with what the encoder takes of its picture

_log = logging.getLogger(__name__)


class EncoderThreads:
    """Collects prepared pictures of all requests into batches for one encoder."""

    def __init__(
        self,
        encoder: Encoder,
        settings: Settings,
        storage: Storage,
        done: Callable[[list[Job], Sequence[FloatVector | Exception]], None],
        coming: Callable[[], int],
    ) -> None:
        """``done`` gets each batch; ``coming``: pictures that are being read, for which a batch may wait a moment."""
        self._coming = coming
        self._encoder = encoder
        self._size = settings.batch_size
        self._wait = settings.batch_wait_ms / 1000
        self._storage = storage
        self._done = done
        self._queue: FairQueue[tuple[int, bool], _Waiting] = FairQueue()
        self._last_unhurried = True
        self._collecting = threading.Lock()
        self._pace = 0.0  # seconds of a call, per picture
        self._threads = [
            threading.Thread(target=self._work, name=f"encode-{i}", daemon=True) for i in range(encoder.parallel_calls)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, job: Job, prepared: npt.NDArray[Any]) -> None:
        """Encode it soon: what the encoder takes of one picture."""
        self._queue.put((job.collection.id, job.unhurried), (job, prepared))

    def close(self) -> None:
        """Encode what waits, and end."""
        self._queue.close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._collect():
            jobs, observer, begun = [job for job, _ in batch], self._storage.observer, time.perf_counter()
            if all(job.future.done() for job in jobs):  # given up: nobody asks for their vectors
                self._done(jobs, [stopping() for _ in jobs])
                continue
            vectors = self._encode([prepared for _, prepared in batch])
            ended = time.perf_counter()
            self._pace = (ended - begun) / len(jobs)
            observer.stage("encode", begun, ended, [job.origin for job in jobs])
            observer.batch(len(jobs), self._size)
            self._done(jobs, vectors)

    def _collect(self) -> list[_Waiting]:
        """The next batch; empty once everything is done."""
        batch: list[_Waiting] = []
        with self._collecting:
            until: float | None = None
            most = self._size
            while len(batch) < most:
                following = self._following(batch, until)
                if following is None:
                    break
                batch.append(following)
                if following[0].unhurried and self._pace > 0:  # whoever comes next waits until this call is over
                    most = min(most, max(1, int(_UNHURRIED_SECONDS / self._pace)))
                until = until or time.monotonic() + self._wait
        return batch

    def _following(self, batch: Sequence[_Waiting], until: float | None) -> _Waiting | None:
        """One more for a batch; those that somebody waits for get no company that only makes the call longer."""
        if batch:
            unhurried = batch[0][0].unhurried
            return self._queue.get(timeout=self._patience(until), among=lambda key: key[1] == unhurried)
        turn = not self._last_unhurried  # in turn, where there are both
        found = self._queue.get(timeout=0, among=lambda key: key[1] == turn) or self._queue.get()
        self._last_unhurried = found is not None and found[0].unhurried
        return found

    def _patience(self, until: float | None) -> float | None:
        """How long to wait for one more picture: for the first without end, for others only if there are any."""
        if until is None:
            return None
        return max(0.0, until - time.monotonic()) if self._coming() else 0.0

    def _encode(self, prepared: list[npt.NDArray[Any]]) -> Sequence[FloatVector | Exception]:
        """A vector for each picture, or why there is none; one that the encoder chokes on does not harm the others."""
        try:
            vectors = self._encoder.encode_prepared(np.stack(prepared))
            return [vectors[place] for place in range(len(prepared))]
        except Exception as error:
            if len(prepared) > 1:
                _log.warning("a batch of %d pictures could not be encoded (%s); one by one", len(prepared), error)
                return [self._encode([one])[0] for one in prepared]
            _log.exception("a picture could not be encoded")
            return [encoder_failed(self._encoder, error)]
