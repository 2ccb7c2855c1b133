"""The scheduler: each slot once, fairly, not in quiet hours, and made up for when it was missed."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from categoriser.catalog import Database, collections, slots, sqlite_url
from categoriser.catalog.tables import slots as table
from categoriser.domain import RunReport
from categoriser.maintenance.agenda import agenda
from categoriser.maintenance.schedule import RUN, Scheduler
from categoriser.maintenance.timing import Timetable, parse_quiet_hours
from tests.waiting import wait_until

DAY = 86400.0
DAILY = Timetable("every 1d", UTC, None, None)
REPORT = RunReport(spawned=1, split=0, merged=0, moved=2, unsorted=3, categories=4, seconds=0.0)


class Desk:
    """A database with collections that have something new, a clock to turn, and a note of what was run."""

    def __init__(self, folder: Path, number: int = 3) -> None:
        self.database = Database(sqlite_url(folder / "catalog.sqlite"))
        self.ids = filled(self.database, number)
        self.now = 100 * DAY + 5.0
        self.ran: list[int] = []
        self.during: Callable[[int], None] = lambda _: None
        self.seconds = 0.0

    def job(self, collection_id: int, *_: Any) -> RunReport:
        self.ran.append(collection_id)
        self.during(collection_id)
        return REPORT

    def scheduler(self, timetable: Timetable = DAILY, **options: Any) -> Scheduler:
        return Scheduler(self.database, timetable, self.job, clock=lambda: self.now, **options)

    def turn(self, timetable: Timetable = DAILY) -> list[int]:
        self.ran.clear()
        self.scheduler(timetable).turn()
        return list(self.ran)

    def results(self, collection_id: int) -> list[Any]:
        with self.database.read() as connection:
            query = sa.select(table.c.result).where(table.c.collection_id == collection_id).order_by(table.c.slot)
            return list(connection.execute(query).scalars())


def filled(database: Database, number: int) -> list[int]:
    """Collections that look as if images came since their last run, made long ago."""
    with database.write() as connection:
        ids = [
            collections.create(
                connection, f"c{i:03}", encoder_id="c", encoder_spec="c", dimension=4, granularity="balanced"
            ).id
            for i in range(number)
        ]
        for one in ids:
            collections.update(connection, one, next_row=5, created_at=1.0)
    return ids


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.database.close()


def test_every_slot_is_run_once(desk: Desk) -> None:
    assert desk.turn() == desk.ids
    assert desk.turn() == []
    desk.now += DAY - 6
    assert desk.turn() == []
    desk.now += 2
    assert desk.turn() == desk.ids


def test_of_several_missed_slots_one_is_made_up_for(desk: Desk) -> None:
    desk.turn()
    desk.now += 10 * DAY
    assert desk.turn() == desk.ids
    assert desk.turn() == []
    assert len(desk.results(desk.ids[0])) == 2


def test_nothing_starts_in_quiet_hours_and_afterwards_one_slot_is_made_up_for(desk: Desk) -> None:
    hourly = Timetable("every 1h", UTC, parse_quiet_hours("22:00-06:00", UTC), None)
    desk.now = 100 * DAY + 21.5 * 3600
    assert desk.turn(hourly) == desk.ids
    started = []
    for minute in range(31, 31 + 10 * 60, 10):
        desk.now = 100 * DAY + 21 * 3600 + minute * 60
        started += [minute] if desk.turn(hourly) else []
    assert started == [541, 601]  # 06:01, once for all that were missed, and 07:01


def test_quiet_hours_that_begin_meanwhile_leave_the_rest_for_later(desk: Desk) -> None:
    timetable = Timetable("every 1d", UTC, parse_quiet_hours("01:00-02:00", UTC), None)

    def until_one(_: int) -> None:
        desk.now = 100 * DAY + 3600

    desk.during = until_one
    assert desk.turn(timetable) == desk.ids[:1]
    desk.during = lambda _: None
    desk.now += 3600
    assert desk.turn(timetable) == desk.ids[1:]


def test_who_had_no_turn_within_the_budget_comes_first_in_the_next_slot(desk: Desk, monkeypatch: Any) -> None:
    def tick(_: int) -> None:
        desk.now += 10.0

    # three collections of 10 s each and a budget of 15 s: two have their turn in each slot
    monkeypatch.setattr(slots, "spent", lambda connection, kind, slot, now: 10.0 * _finished(connection, slot))
    budget = dataclasses.replace(DAILY, budget=15.0)
    first, second, third = desk.ids
    desk.during = tick
    turns = []
    for _ in range(4):
        turns.append(desk.turn(budget))
        assert desk.turn(budget) == []
        desk.now += DAY
    assert turns[0] == [first, second]
    assert turns[1] == [third, first]
    assert turns[2] == [second, third]
    assert turns[3] == [first, second]


def test_the_budget_is_what_all_runs_of_a_slot_took(desk: Desk) -> None:
    budget = dataclasses.replace(DAILY, budget=0.05)
    desk.during = lambda _: time.sleep(0.06)
    assert desk.turn(budget) == desk.ids[:1]
    assert desk.turn(budget) == []  # nor another replica


def test_a_collection_without_anything_new_is_skipped_and_that_is_recorded(desk: Desk) -> None:
    def remember(collection_id: int) -> None:
        with desk.database.write() as connection:
            collections.remember_run(connection, collection_id)

    desk.during = remember
    assert desk.turn() == desk.ids
    desk.now += DAY
    with desk.database.write() as connection:
        collections.update(connection, desk.ids[1], next_cursor=9)
    assert desk.turn() == [desk.ids[1]]
    assert desk.results(desk.ids[0])[1] == {"skipped": True}
    with desk.database.read() as connection:
        rows = collections.page(connection)
    entries = agenda(desk.database, DAILY, rows, desk.now)
    assert [one.outcome for one in entries] == ["nothing new", "ran", "nothing new"]
    assert entries[0].seconds == 0.0
    assert entries[1].report is not None
    assert entries[1].report["moved"] == 2


def test_a_run_that_fails_is_recorded_and_does_not_stop_the_others(desk: Desk) -> None:
    def fail(collection_id: int) -> None:
        if collection_id == desk.ids[0]:
            raise OSError("the disk is gone")

    desk.during = fail
    assert desk.turn() == desk.ids
    with desk.database.read() as connection:
        entry, other, _ = agenda(desk.database, DAILY, collections.page(connection), desk.now)
    assert (entry.outcome, entry.problem) == ("failed", "OSError: the disk is gone")
    assert other.outcome == "ran"


def test_each_collection_may_have_its_own_schedule(desk: Desk) -> None:
    with desk.database.write() as connection:
        for one, schedule in zip(desk.ids, ("", "every 1h", None), strict=True):
            collections.update(connection, one, schedule=schedule)
    assert desk.turn() == desk.ids[1:]
    desk.now += 3600
    assert desk.turn() == [desk.ids[1]]
    off = dataclasses.replace(DAILY, default="")
    desk.now += DAY
    assert desk.turn(off) == [desk.ids[1]]
    with desk.database.read() as connection:
        entries = agenda(desk.database, off, collections.page(connection), desk.now)
    assert [(one.schedule, one.own) for one in entries] == [("", True), ("every 1h", True), ("", False)]
    assert [one.next_at is None for one in entries] == [True, False, True]
    assert entries[1].next_at == 101 * DAY + 7200


def test_what_was_missed_is_next_now_or_after_the_quiet_hours(desk: Desk) -> None:
    quiet = dataclasses.replace(DAILY, quiet=parse_quiet_hours("23:00-02:00", UTC))
    with desk.database.read() as connection:
        rows = collections.page(connection)
    assert agenda(desk.database, DAILY, rows, desk.now)[0].next_at == desk.now
    assert agenda(desk.database, quiet, rows, desk.now)[0].next_at == 100 * DAY + 7200


def test_who_lost_its_lease_publishes_nothing_and_records_nothing(desk: Desk) -> None:
    fenced: list[str] = []

    def job(collection_id: int, fence: Any) -> RunReport:
        desk.now += 1000.0  # a long sleep without a heartbeat
        other = Scheduler(desk.database, DAILY, lambda *_: REPORT, clock=lambda: desk.now)
        other.turn()
        with desk.database.write() as connection:
            collections.update(connection, collection_id, granularity="broad")
            try:
                fence(connection)
            except Exception as error:
                fenced.append(type(error).__name__)
                raise
        return REPORT

    with desk.database.write() as connection:
        for one in desk.ids[1:]:
            collections.delete(connection, one)
    Scheduler(desk.database, DAILY, job, clock=lambda: desk.now).turn()
    assert fenced == ["LeaseLostError"]
    assert [set(result) for result in desk.results(desk.ids[0])] == [{"report"}]
    with desk.database.read() as connection:
        row = collections.get(connection, desk.ids[0])
        assert row is not None
        assert row.granularity == "balanced"
        assert connection.execute(sa.select(table.c.token)).scalar_one() == 2


def test_a_run_longer_than_its_lease_keeps_it(desk: Desk) -> None:
    rivals: list[int] = []

    def job(*_: Any) -> RunReport:
        time.sleep(3.0)
        rivals.append(Scheduler(desk.database, hourly, lambda *_: REPORT).turn())
        return REPORT

    hourly = Timetable("every 1h", UTC, None, None)
    with desk.database.write() as connection:
        for one in desk.ids[1:]:
            collections.delete(connection, one)
    Scheduler(desk.database, hourly, job, lease_seconds=2.0).turn()  # seconds: a busy machine renews late
    assert rivals == [0]


def test_leaving_waits_for_the_run_under_way_and_starts_no_other(desk: Desk) -> None:
    begun = threading.Event()

    def slow(_: int) -> None:
        begun.set()
        time.sleep(0.3)

    desk.during = slow
    with desk.scheduler():
        assert begun.wait(10)
    assert desk.ran == desk.ids[:1]
    assert "report" in desk.results(desk.ids[0])[0]
    assert desk.results(desk.ids[1]) == []


def test_a_database_that_is_away_for_a_while_stops_nothing(desk: Desk) -> None:
    scheduler = desk.scheduler(turn_seconds=0.1)
    works, broken = scheduler._due, iter([True, True])

    def due() -> Any:
        if next(broken, False):
            raise ConnectionError("away")
        return works()

    scheduler._due = due  # type: ignore[method-assign]
    with scheduler:
        wait_until(lambda: desk.ran == desk.ids)


# ---- two processes ---------------------------------------------------------------------------------------------------


def _finished(connection: sa.Connection, slot: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.slot == slot, table.c.kind == RUN)
    return int(connection.execute(query).scalar_one())
