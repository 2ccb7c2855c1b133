"""Two services and two workers, real processes on one PostgreSQL, and one of them killed in the middle of its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.catalog.tables import collections, events, inbox, slots
from categoriser.intake import Item
from categoriser.state.queue import prepare
from tests.waiting import wait_until
from tests.whole import check, left_over, picture

NAMES = ("anna", "ben")


@contextmanager
def started(command: str, *options: str, settings: dict[str, Any], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A command of the program, in a process of its own."""
    environment = os.environ | {
        "CATEGORISER_LIBRARY": str(folder),
        "CATEGORISER_ENCODER": "classic",
        "CATEGORISER_SCHEDULE": "every 366d",
        "CATEGORISER_DATABASE": settings["database"],
        "CATEGORISER_STORE__URL": settings["store"]["url"],
        "CATEGORISER_STORE__GRPC": "false",
        "CATEGORISER_STORE__PREFIX": settings["store"]["prefix"],
        "CATEGORISER_SHARED__LEASE_SECONDS": str(settings["shared"]["lease_seconds"]),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "categoriser", command, *options, "--json"],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    assert "error" not in answer, answer
    return answer


def upload(address: str, name: str, seed: int) -> int:
    """Send one picture, again if the service says that it is busy; the status of the last answer."""
    for _ in range(20):
        files = {"file": (f"{seed}.png", picture(seed))}
        answer = httpx.post(f"{address}/v1/collections/{name}/images", files=files, timeout=120, trust_env=False)
        if answer.status_code != 503:
            break
    return answer.status_code


def life(settings: dict[str, Any], folder: Path, *, sent: int, left: int) -> None:
    """Upload to both services into the same collections, leave pictures to the workers, kill one of these."""
    with ExitStack() as processes, Library.open(folder, encoder="classic", **settings) as library:
        prepare(library.storage.database.engine)
        services = [
            processes.enter_context(started("serve", "--port", "0", settings=settings, folder=folder)) for _ in range(2)
        ]
        workers = [processes.enter_context(started("worker", settings=settings, folder=folder)) for _ in range(2)]
        addresses = [str(said(one)["listening"]) for one in services]
        for one in workers:
            said(one)
        rows = {name: library.collection(name).row for name in NAMES}
        with ThreadPoolExecutor(8) as pool:
            uploads = [
                # every tenth picture goes to both services
                pool.submit(upload, addresses[which], name, seed)
                for seed in range(sent)
                for name in NAMES
                for which in ((0, 1) if seed % 10 == 0 else (seed % 2,))
            ]
            for name in NAMES:
                items = [Item(f"{seed}.png", data=picture(seed)) for seed in range(sent, sent + left)]
                library.uploads.promise(rows[name], [library.uploads.prepare(rows[name], one) for one in items])
            victim = workers[0]
            wait_until(lambda: claimed_by(library, victim.pid) > 0 or waiting(library) == 0, 120)
            victim.kill()
            victim.wait()
            statuses = Counter(one.result() for one in uploads)
        assert set(statuses) <= {200, 201}, statuses
        assert sum(statuses.values()) == len(uploads)
        wait_until(lambda: waiting(library) == 0, 200)
        with library.storage.database.write() as connection:  # let the collections be so old that their slot is due
            connection.execute(sa.update(collections).values(created_at=1.0))
        wait_until(lambda: len(finished_slots(library)) == len(NAMES), 200)
        for process in (*services, *workers[1:]):
            process.terminate()
            assert process.wait(timeout=120) == 0
        assert set(Counter(finished_slots(library)).values()) == {1}
        everything: set[str] = set()
        for name in NAMES:
            collection = library.collection(name)
            assert len(check(collection, folder.parent)) == sent + left
            everything |= {one.id for one in collection.categories()}
            assert len(spawned(library, rows[name].id)) == len(set(spawned(library, rows[name].id)))
        assert len(everything) == sum(len(library.collection(name).categories()) for name in NAMES)
        assert left_over(library) == {"inbox": 0, "outbox": 0}
        assert all(not library.collection(name).failed() for name in NAMES)


def waiting(library: Library) -> int:
    with library.storage.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one())


def claimed_by(library: Library, pid: int) -> int:
    query = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.owner.like(f"%:{pid}:%"))
    with library.storage.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def finished_slots(library: Library) -> list[int]:
    query = sa.select(slots.c.collection_id).where(slots.c.finished_at.is_not(None))
    with library.storage.database.read() as connection:
        return list(connection.execute(query).scalars())


def spawned(library: Library, collection_id: int) -> list[int]:
    """Numbers of the categories that ever began, as the log tells."""
    query = sa.select(events.c.category).where(
        events.c.collection_id == collection_id, events.c.kind.in_(("spawn", "split"))
    )
    with library.storage.database.read() as connection:
        return list(connection.execute(query).scalars())


def test_nothing_is_lost_or_doubled_when_a_worker_is_killed(settings: dict[str, Any], tmp_path: Path) -> None:
    life(settings, tmp_path / "library", sent=6, left=8)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_doubled_in_a_long_life(settings: dict[str, Any], tmp_path: Path) -> None:
    life(settings, tmp_path / "library", sent=120, left=120)
