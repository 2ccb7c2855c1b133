"""A process that follows the schedule of a database and only notes what it would have run.

Two services cannot own one library folder, so what two processes agree on is tested here without folders: the real
scheduler and the real catalog, with the run itself replaced by a line in a file.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from categoriser.catalog import Database
from categoriser.domain import RunReport
from categoriser.maintenance.schedule import Scheduler
from categoriser.maintenance.timing import Timetable


def recorder(log: Path, seconds: float) -> Callable[..., RunReport]:
    """A job that writes down who ran what."""

    def note(line: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def job(collection_id: int, *_: object) -> RunReport:
        note(f"begin {os.getpid()} {collection_id}")
        time.sleep(seconds)
        note(f"end {os.getpid()} {collection_id}")
        return RunReport(spawned=0, split=0, merged=0, moved=0, unsorted=0, categories=0, seconds=seconds)

    return job


def main(url: str, log: str, seconds: str, schedule: str) -> None:
    """Follow the schedule until standard input ends."""
    database = Database(url)
    job = recorder(Path(log), float(seconds))
    timetable = Timetable(schedule, UTC, None, None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with Scheduler(database, timetable, job, turn_seconds=0.1, lease_seconds=2.0):
        sys.stdin.read()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
