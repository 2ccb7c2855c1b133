"""A temporary PostgreSQL cluster from the installed programs; see scripts/install-test-system.sh."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from categoriser.catalog import Database


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """Start a cluster and hand out the SQLAlchemy URL of its database; skip the test where that cannot be.

    Args:
        durable: commits wait for the disk, as they do wherever the data matter; for what is timed.
    """
    programs = _programs()
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed: pip install -e '.[server]'")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a short path: sockets allow 100 bytes
    prefix: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        prefix = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    folder.chmod(0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [*prefix, str(programs / program), *arguments], check=True, capture_output=True, cwd="/", timeout=60
        )

    try:
        call("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync")
        fsync = "on" if durable else "off"
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync={fsync} -c max_connections=200"
        call("pg_ctl", "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str, *, tables: bool = False) -> sa.URL:
    """An empty database of a cluster, or one with our tables: those are made once and copied."""
    name = f"test_{uuid4().hex}"
    _create(server, f"CREATE DATABASE {name}" + (f" TEMPLATE {_with_tables(server)}" if tables else ""))
    return sa.make_url(server).set(database=name)


@cache
def _with_tables(server: str) -> str:
    made = new_database(server)
    Database(made).close()
    return str(made.database)


def _create(server: str, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4].split(".")[0]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is not installed: scripts/install-test-system.sh")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and runuser is missing")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent
