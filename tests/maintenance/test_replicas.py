"""Slots of several processes, and of a whole library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from categoriser import ConfigurationError, Library
from categoriser.catalog import Database, collections, sqlite_url
from categoriser.catalog.tables import slots as table
from categoriser.domain import RunReport
from categoriser.errors import LeaseLostError
from categoriser.maintenance import run
from categoriser.maintenance.timing import Timetable
from tests.maintenance.test_schedule import filled
from tests.postgres import cluster
from tests.waiting import wait_until
from tests.whole import check, clusters

DAY = 86400.0
DAILY = Timetable("every 1d", UTC, None, None)
REPORT = RunReport(spawned=1, split=0, merged=0, moved=2, unsorted=3, categories=4, seconds=0.0)


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


@pytest.mark.slow  # of two services: a shorter way to the same
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
