"""The scheduler: each slot once, fairly, not in quiet hours, and made up for when it was missed."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from categoriser import ConfigurationError, Library
from categoriser.catalog import Database, collections, slots, sqlite_url
from categoriser.catalog.tables import slots as table
from categoriser.domain import RunReport
from categoriser.errors import LeaseLostError
from categoriser.maintenance import run
from categoriser.maintenance.agenda import agenda
from categoriser.maintenance.schedule import RUN, Scheduler
from categoriser.maintenance.timing import Timetable, parse_quiet_hours
from tests.postgres import cluster
from tests.whole import check, clusters

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
        time.sleep(1.0)
        rivals.append(Scheduler(desk.database, hourly, lambda *_: REPORT).turn())
        return REPORT

    hourly = Timetable("every 1h", UTC, None, None)
    with desk.database.write() as connection:
        for one in desk.ids[1:]:
            collections.delete(connection, one)
    Scheduler(desk.database, hourly, job, lease_seconds=0.5).turn()
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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "catalog.sqlite").render_as_string()
    else:
        with cluster() as server:
            yield server


@contextmanager
def replica(url: str, log: Path, seconds: float, schedule: str = "every 366d") -> Iterator[subprocess.Popen[str]]:
    """A process of its own that waits to be told to begin."""
    command = [sys.executable, "-m", "tests.maintenance.replica", url, str(log), str(seconds), schedule]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_run_a_slot_of_each_collection_once(url: str, tmp_path: Path) -> None:
    database, log = Database(url), tmp_path / "log"
    ids = filled(database, 40)
    with replica(url, log, 0.05) as one, replica(url, log, 0.05) as two:
        begin(one)
        begin(two)
        wait_until(lambda: _count(database) == len(ids))
        time.sleep(0.5)  # some more turns
        for process in (one, two):
            process.communicate(timeout=30)
            assert process.returncode == 0
    lines = [line.split() for line in log.read_text().splitlines()]
    begun = Counter(int(number) for word, _, number in lines if word == "begin")
    assert begun == Counter(ids)
    assert {pid for _, pid, _ in lines} == {str(one.pid), str(two.pid)}  # both had a share
    with database.read() as connection:
        assert set(connection.execute(sa.select(table.c.token)).scalars()) == {1}
    database.close()


def test_what_a_killed_process_held_is_taken_over_once(url: str, tmp_path: Path) -> None:
    database, log, other = Database(url), tmp_path / "log", tmp_path / "other"
    filled(database, 1)
    with replica(url, log, 60.0) as killed, replica(url, other, 0.0) as heir:
        begin(killed)
        wait_until(log.exists)
        begin(heir)
        time.sleep(3.0)  # longer than the lease: its heartbeat keeps it
        assert not other.exists()
        killed.send_signal(signal.SIGKILL)
        wait_until(other.exists)
        wait_until(lambda: _count(database) == 1)
        heir.communicate(timeout=30)
    assert other.read_text().count("begin") == 1
    with database.read() as connection:
        (row,) = connection.execute(sa.select(table)).mappings().all()
    assert row["token"] == 2
    assert f":{heir.pid}:" in row["owner"]
    database.close()


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_a_library_runs_its_slots_and_tells_about_them(tmp_path: Path) -> None:
    settings = {"encoder": "vectors:8", "automatic_runs": False, "schedule": "every 366d"}
    with Library.open(tmp_path / "library", **settings) as library:
        photos = library.collection("photos")
        library.collection("empty")
        photos.add_vectors([f"v{i}" for i in range(200)], clusters(200))
        _age(library, created_at=1.0)
        assert photos.categories() == []
        assert photos.schedule().outcome is None
        with library.scheduled():
            wait_until(lambda: all(one.outcome in {"ran", "nothing new"} for one in library.schedule()))
        empty, entry = library.schedule()
        assert (empty.collection, empty.outcome) == ("empty", "nothing new")
        assert entry.report is not None
        assert entry.report["spawned"] == len(photos.categories()) > 1
        assert [one.collection for one in library.schedule(limit=1)] == ["empty"]
        assert [one.collection for one in library.schedule(after="empty")] == ["photos"]
        for change, new in ((lambda: None, False), (lambda: photos.delete(["v3"]), True), (photos.run, False)):
            change()
            assert _has_news(photos) is new
        photos.add_vectors(["new"], clusters(1, seed=9))
        assert _has_news(photos)
        with pytest.raises(ConfigurationError):
            photos.set_schedule("sometimes")
        photos.set_schedule("30 4 * * *")
        assert (photos.schedule().schedule, photos.schedule().own) == ("30 4 * * *", True)
        photos.set_schedule(None)
        assert (photos.schedule().schedule, photos.schedule().own) == ("every 366d", False)


def test_a_run_that_is_fenced_off_changes_nothing(tmp_path: Path) -> None:
    def fence(_: sa.Connection) -> None:
        raise LeaseLostError("too late")

    with Library.open(tmp_path / "library", encoder="vectors:8", automatic_runs=False) as library:
        photos = library.collection("photos")
        photos.add_vectors([f"v{i}" for i in range(200)], clusters(200))
        before, last = check(photos, tmp_path), photos.events(limit=1000)[-1].cursor
        with pytest.raises(LeaseLostError):
            run(library.storage, photos.row.id, fence)
        assert check(photos, tmp_path) == before
        assert photos.events(after=last) == []
        assert photos.row.last_run_at is None
        assert run(library.storage, photos.row.id).spawned > 1


def test_the_service_makes_up_for_a_missed_slot_and_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    with Library.open(folder, encoder="vectors:8", automatic_runs=False) as library:
        library.collection("photos").add_vectors([f"v{i}" for i in range(200)], clusters(200))
        _age(library, created_at=1.0)
    program = [sys.executable, "-m", "categoriser"]
    environment = os.environ | {"CATEGORISER_SCHEDULE": "every 366d", "CATEGORISER_LIBRARY": str(folder)}
    environment["CATEGORISER_ENCODER"] = "classic"
    command = [*program, "serve", "--port", "0", "--json"]
    with ExitStack() as stack:
        service = stack.enter_context(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        stack.callback(service.kill)
        assert service.stdout is not None
        where = json.loads(service.stdout.readline())["listening"]
        client = stack.enter_context(httpx.Client(base_url=where, trust_env=False))
        wait_until(lambda: client.get("/v1/schedule").json()["schedules"][0]["outcome"] == "ran")
        page = client.get("/v1/schedule", params={"limit": 1}).json()
        assert page["next"] == "photos"
        assert client.get("/v1/schedule", params={"after": "photos"}).json() == {"schedules": [], "next": None}
        path = "/v1/collections/photos/schedule"
        changed = client.put(path, json={"schedule": "every 12h"}).json()
        assert (changed["schedule"], changed["own"]) == ("every 12h", True)
        assert client.get(path).json() == changed
        assert client.put(path, json={"schedule": "sometimes"}).status_code == 400
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [*program, "schedule", *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "spawned" in said()
    (entry,) = json.loads(said("--json"))["schedules"]
    assert (entry["schedule"], entry["outcome"]) == ("every 12h", "ran")
    assert entry["report"]["spawned"] > 1
    assert "0 3 * * 1" in said("photos", "--cron", "0 3 * * 1")
    assert "off" in said("photos", "--off")
    assert "(default)" in said("photos", "--default")


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _finished(connection: sa.Connection, slot: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.slot == slot, table.c.kind == RUN)
    return int(connection.execute(query).scalar_one())


def _count(database: Database) -> int:
    with database.read() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.finished_at.is_not(None))
        return int(connection.execute(query).scalar_one())


def _age(library: Library, **values: Any) -> None:
    with library.storage.database.write() as connection:
        for row in collections.page(connection):
            collections.update(connection, row.id, **values)


def _has_news(collection: Any) -> bool:
    with collection._storage.database.read() as connection:
        return collection.row.id not in collections.unchanged(connection, [collection.row.id])
