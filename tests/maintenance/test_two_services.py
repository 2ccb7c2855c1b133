"""Two real services, started for the same library: each slot is run once, whoever is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from categoriser import Library, LibraryInUseError
from categoriser.catalog import Database, sqlite_url
from categoriser.catalog.tables import collections, slots, versions
from tests.postgres import cluster
from tests.waiting import wait_until
from tests.whole import check, clusters

COLLECTIONS = 3


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database outside the library's folder."""
    if request.param == "sqlite":
        yield str(sqlite_url(tmp_path / "shared.sqlite"))
    else:
        with cluster() as url:
            yield url


def filled(folder: Path, database: str) -> None:
    with Library.open(folder, encoder="vectors:8", automatic_runs=False, database=database) as library:
        for number in range(COLLECTIONS):
            vectors = clusters(150, seed=number)
            library.collection(f"user {number}").add_vectors([f"v{i}" for i in range(150)], vectors)


def missed(url: str) -> None:
    """Let the collections be so old that their slot is due."""
    catalog = Database(url)
    with catalog.write() as connection:
        connection.execute(sa.update(collections).values(created_at=1.0))
    catalog.close()


@contextmanager
def service(folder: Path, database: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"CATEGORISER_SCHEDULE": "every 366d", "CATEGORISER_ENCODER": "classic"}
    environment |= {"CATEGORISER_LIBRARY": str(folder), "CATEGORISER_DATABASE": database}
    command = [sys.executable, "-m", "categoriser", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    assert "listening" in said, said
    return str(said["listening"])


def outcomes(where: str) -> list[str]:
    return [one["outcome"] for one in httpx.get(f"{where}/v1/schedule", trust_env=False).json()["schedules"]]


def test_of_two_services_one_runs_and_the_other_takes_over_when_it_is_killed(database: str, tmp_path: Path) -> None:
    filled(tmp_path / "library", database)
    with service(tmp_path / "library", database) as one:
        address(one)
        # the same folder, and a folder of its own
        with service(tmp_path / "library", database) as same, service(tmp_path / "other", database) as other:
            for two in (same, other):
                answer, _ = two.communicate(timeout=60)
                assert two.returncode == 2
                assert json.loads(answer)["error"]["code"] == "library_in_use"
        missed(database)
        one.kill()
        one.wait()
    with service(tmp_path / "library", database) as two:
        where = address(two)
        wait_until(lambda: outcomes(where) == ["ran"] * COLLECTIONS)
        two.kill()
        two.wait()
    with service(tmp_path / "library", database) as three:  # nothing is left to do
        where = address(three)
        assert outcomes(where) == ["ran"] * COLLECTIONS
    with Library.open(tmp_path / "library", automatic_runs=False, database=database) as library:
        with library.storage.database.read() as connection:
            done = connection.execute(sa.select(slots.c.collection_id, slots.c.token)).all()
            runs = (
                connection.execute(sa.select(versions.c.collection_id).where(versions.c.kind == "run")).scalars().all()
            )
        assert len(done) == len(set(runs)) == len(runs) == COLLECTIONS
        for number in range(COLLECTIONS):
            check(library.collection(f"user {number}"), tmp_path)


def test_a_database_has_one_library_and_is_free_again_afterwards(database: str, tmp_path: Path) -> None:
    for _ in range(2):
        with Library.open(tmp_path / "one", encoder="vectors:8", database=database) as library:
            library.collection("a").add_vectors(["v"], clusters(1))
            with pytest.raises(LibraryInUseError, match="open in another library"):
                Library.open(tmp_path / "two", encoder="vectors:8", database=database)
