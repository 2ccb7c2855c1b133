"""Runs the job at its times, in any number of processes that share a database: each slot of a collection once.

Nothing is remembered here. At every turn the current slot of each schedule is computed, and SQL knows which collections
have not had it. So a slot that was missed (the service was down, or the hours quiet) is made up for, and of several
only the latest.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Self, TypeAlias

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.engine import Connection

from categoriser.catalog import Database, collections, slots
from categoriser.catalog.slots import DueSlot, Lease
from categoriser.domain import RunReport
from categoriser.errors import LeaseLostError
from categoriser.maintenance.publishing import Fence
from categoriser.maintenance.timing import Timetable, slot_name

RUN: Final = "run"  # the kind of work
SKIPPED: Final = {"skipped": True}  # nothing new since the last run
_TURN_SECONDS: Final = 30.0  # between looks for new schedules and for leases that ran out
_LEASE_SECONDS: Final = 90.0
_BATCH: Final = 100

Job: TypeAlias = Callable[[int, Fence], RunReport]  # collection id

_log = logging.getLogger(__name__)


class Scheduler:
    """Use it as a context manager: leaving it waits for the run under way and starts no other."""

    def __init__(
        self,
        database: Database,
        timetable: Timetable,
        job: Job,
        *,
        clock: Callable[[], float] = time.time,
        turn_seconds: float = _TURN_SECONDS,
        lease_seconds: float = _LEASE_SECONDS,
    ) -> None:
        self._database = database
        self._timetable = timetable
        self._job = job
        self._clock = clock
        self._turn_seconds = turn_seconds
        self._lease_seconds = lease_seconds
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=UTC)  # its job store is in memory
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        self._scheduler.start()
        self._turn_at(time.time())
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._scheduler.shutdown(wait=True)

    def turn(self) -> int:
        """Do all slots that are due now and nobody else does; returns their number."""
        done = 0
        while not self._stopping.is_set():
            batch = self._due()
            taken = self._skip_unchanged(batch)
            for one in batch:
                if one.collection_id not in taken and self._take_one(one):
                    taken.add(one.collection_id)
            done += len(taken)
            if not taken:
                break
        return done

    def _turn(self) -> None:
        following = self._turn_seconds
        try:
            self.turn()
            following = min(following, self._seconds_to_next())
        except Exception:  # a database that is away comes back
            _log.exception("the schedule could not be followed; trying again in %.0f s", following)
        finally:
            if not self._stopping.is_set():
                self._turn_at(time.time() + following)

    def _turn_at(self, moment: float) -> None:
        when = datetime.fromtimestamp(moment, UTC)
        self._scheduler.add_job(self._turn, "date", run_date=when, misfire_grace_time=None)

    def _seconds_to_next(self) -> float:
        now = self._clock()
        with self._database.read() as connection:
            texts = slots.schedules(connection, self._timetable.default)
        timings = [timing for text in texts if (timing := self._timetable.timing(text)) is not None]
        starts = [self._timetable.may_start(timing.following(now)) for timing in timings]
        return max(0.05, min(starts, default=now + self._turn_seconds) - now)

    def _due(self) -> list[DueSlot]:
        now = self._clock()
        if self._timetable.may_start(now) > now:
            return []
        with self._database.read() as connection:
            current = {}
            for text in slots.schedules(connection, self._timetable.default):
                timing = self._timetable.timing(text)
                if timing is not None:
                    moment = timing.latest(now)
                    current[text] = (slot_name(moment), moment)
            used_up = {slot for slot, _ in current.values() if not self._affordable(connection, slot, now)}
            current = {text: one for text, one in current.items() if one[0] not in used_up}
            return slots.due(connection, current, kind=RUN, default=self._timetable.default, now=now, limit=_BATCH)

    def _skip_unchanged(self, batch: Sequence[DueSlot]) -> set[int]:
        """Record slots of collections without anything new as done, all in one transaction."""
        with self._database.read() as connection:
            quiet = collections.unchanged(connection, [one.collection_id for one in batch])
        skipped: set[int] = set()
        if not quiet:
            return skipped
        with self._database.write() as connection:
            for one in sorted(batch, key=lambda one: one.collection_id):  # every replica locks in the same order
                lease = self._claim(connection, one) if one.collection_id in quiet else None
                if lease is not None:
                    slots.finish(connection, lease, now=self._clock(), seconds=0.0, result=SKIPPED)
                    skipped.add(one.collection_id)
        return skipped

    def _take_one(self, one: DueSlot) -> bool:
        now = self._clock()
        if self._stopping.is_set() or self._timetable.may_start(now) > now:
            return False
        with self._database.write() as connection:
            lease = self._claim(connection, one) if self._affordable(connection, one.slot, now) else None
        if lease is None:
            return False
        self._run(lease)
        return True

    def _run(self, lease: Lease) -> None:
        started = time.perf_counter()
        try:
            with self._kept(lease):
                try:
                    result = self._outcome(lease)
                finally:
                    seconds = time.perf_counter() - started
        except BaseException:
            with self._database.write() as connection:
                slots.release(connection, lease)
            raise
        with self._database.write() as connection:
            kept = slots.finish(connection, lease, now=self._clock(), seconds=seconds, result=result)
        if not kept:
            _log.warning("slot %s was taken over from here, or its collection deleted", lease.slot)

    def _outcome(self, lease: Lease) -> Mapping[str, Any]:
        def fence(connection: Connection) -> None:
            if not slots.renew(connection, lease, self._clock() + self._lease_seconds):
                raise LeaseLostError(f"Slot {lease.slot} was taken over by another process; nothing was changed here.")

        try:
            return {"report": dataclasses.asdict(self._job(lease.collection_id, fence))}
        except Exception as error:  # of this collection; the others have their turn
            _log.exception("the run of slot %s failed", lease.slot)
            return {"problem": f"{type(error).__name__}: {error}"}

    @contextmanager
    def _kept(self, lease: Lease) -> Iterator[None]:
        """Renew a lease until the end of the block."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._lease_seconds / 3):
                try:
                    with self._database.write() as connection:
                        if not slots.renew(connection, lease, self._clock() + self._lease_seconds):
                            return
                except Exception:  # the next attempt may come in time; if not, the lease runs out
                    _log.warning("the lease of slot %s could not be renewed", lease.slot, exc_info=True)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _claim(self, connection: Connection, one: DueSlot) -> Lease | None:
        now = self._clock()
        return slots.claim(connection, one, kind=RUN, owner=self.owner, now=now, expires_at=now + self._lease_seconds)

    def _affordable(self, connection: Connection, slot: str, now: float) -> bool:
        budget = self._timetable.budget
        return budget is None or slots.spent(connection, RUN, slot, now) < budget
