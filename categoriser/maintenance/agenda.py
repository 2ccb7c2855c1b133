"""When the job ran on collections, and when it will."""

from __future__ import annotations

import time
from collections.abc import Sequence

from categoriser.catalog import Database, slots
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import Outcome, ScheduleEntry
from categoriser.maintenance.schedule import RUN, SKIPPED
from categoriser.maintenance.timing import Timetable, slot_moment, slot_name


def agenda(
    database: Database, timetable: Timetable, rows: Sequence[CollectionRow], now: float | None = None
) -> list[ScheduleEntry]:
    """The schedule, the next and the last scheduled run of each collection."""
    now = time.time() if now is None else now
    with database.read() as connection:
        last = slots.last(connection, RUN, [row.id for row in rows])
    timings = {schedule: timetable.timing(schedule) for schedule in {row.schedule for row in rows}}
    # once for all collections of a schedule: a cron expression takes a while
    around = {
        schedule: None if timing is None else (timing.latest(now), timing.following(now))
        for schedule, timing in timings.items()
    }
    return [_entry(timetable, row, around[row.schedule], last.get(row.id), now) for row in rows]


def _entry(
    timetable: Timetable, row: CollectionRow, around: tuple[float, float] | None, slot: Record | None, now: float
) -> ScheduleEntry:
    result = (slot and slot["result"]) or {}
    outcome = None if slot is None else _outcome(slot, now)
    next_at = None
    if around is not None:
        had = None if slot is None or outcome == "interrupted" else slot["slot"]
        next_at = timetable.may_start(now if _missed(row, around[0], had) else around[1])
    return ScheduleEntry(
        collection=row.name,
        schedule=timetable.default if row.schedule is None else row.schedule,
        own=row.schedule is not None,
        next_at=next_at,
        last_run_at=row.last_run_at,
        last_slot=None if slot is None else slot_moment(slot["slot"]),
        started_at=None if slot is None else slot["started_at"],
        seconds=None if slot is None else slot["seconds"],
        outcome=outcome,
        report=result.get("report"),
        problem=result.get("problem"),
    )


def _missed(row: CollectionRow, current: float, had: str | None) -> bool:
    """Whether the current slot is still to come."""
    since = row.created_at if row.schedule_since is None else row.schedule_since
    return since < current and (had is None or had < slot_name(current))


def _outcome(slot: Record, now: float) -> Outcome:
    if slot["finished_at"] is None:
        return "running" if slot["expires_at"] > now else "interrupted"
    if slot["result"] == SKIPPED:
        return "nothing new"
    return "failed" if "problem" in slot["result"] else "ran"
