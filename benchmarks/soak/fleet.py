"""The processes of a service: started, killed, started again, and measured."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import httpx


class Fleet:
    """One embedded service, or replicas and a worker on PostgreSQL."""

    def __init__(self, folder: Path, commands: dict[str, list[str]], environment: dict[str, str], what: str) -> None:
        self.folder, self.what = folder, what
        self._commands, self._environment = commands, environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._keys: dict[str, str] = {}  # user → key
        self._turn = 0
        self._log = (folder / "log").open("ab")

    @classmethod
    @contextmanager
    def start(cls, folder: Path, *, postgresql: bool, users: int) -> Iterator[Self]:
        """Start the processes, and stop them at the end."""
        with ExitStack() as stack:
            fleet = cls._replicas(folder, stack) if postgresql else cls._alone(folder)
            fleet._make_keys(users)
            stack.callback(fleet.stop)
            for name in fleet._commands:
                fleet._begin(name)
            yield fleet

    @classmethod
    def _alone(cls, folder: Path) -> Self:
        environment = _environment(folder)
        return cls(folder, _services(1), environment, "one embedded service")

    @classmethod
    def _replicas(cls, folder: Path, stack: ExitStack) -> Self:
        from tests.postgres import cluster
        from tests.qdrant_stand_in import vector_server

        environment = _environment(folder) | {
            "CATEGORISER_DATABASE": stack.enter_context(cluster()),
            "CATEGORISER_STORE__URL": stack.enter_context(vector_server()),
            "CATEGORISER_STORE__GRPC": "false",
            "CATEGORISER_SHARED__LEASE_SECONDS": "5",
        }
        _call("migrate", "--yes", environment=environment)
        commands = _services(2) | {f"worker {number}": ["worker"] for number in range(2)}
        return cls(folder, commands, environment, "two services and two workers on PostgreSQL")

    def headers(self, user: str) -> dict[str, str]:
        """What a user sends with each request: a key for one collection."""
        return {"Authorization": f"Bearer {self._keys[user]}"}

    def _make_keys(self, users: int) -> None:
        for name in (f"user-{number}" for number in range(users)):
            told = _call("keys", "create", "--scope", f"write:{name}", "--json", environment=self._environment)
            self._keys[name] = json.loads(told)["key"]

    def address(self) -> str:
        """Of the service that is to be asked next."""
        services = [name for name in self._commands if name.startswith("http")]
        self._turn += 1
        return services[self._turn % len(services)]

    def kill(self, rng: random.Random, how: int) -> None:
        """Kill one of the processes and start it again."""
        name = rng.choice(list(self._processes))
        process = self._processes[name]
        process.send_signal(how)
        process.wait()
        self._begin(name)

    def resident_mb(self) -> float:
        """Memory of all processes now: pages that are their own, in MB."""
        total = 0.0
        for process in self._processes.values():
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) / 1024
        return total

    def doctor(self) -> str:
        """Stop everything and ask `categoriser doctor`."""
        self.stop()
        call = [sys.executable, "-m", "categoriser", "doctor"]
        told = subprocess.run(call, capture_output=True, text=True, env=self._environment, check=False)
        return "all agrees" if told.returncode == 0 else f"exit code {told.returncode}: {told.stdout[-300:]}"

    def stop(self) -> None:
        """End all processes as a service manager would."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(120)
        self._processes.clear()

    def _begin(self, name: str) -> None:
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "categoriser", *self._commands[name]],
            stdout=self._log,
            stderr=self._log,
            env=self._environment,
        )
        if name.startswith("http"):
            try:
                _wait_for(name, self._processes[name])
            except SystemExit:
                self._log.flush()
                sys.stderr.write((self.folder / "log").read_text(errors="replace")[-4000:])
                raise


def _services(number: int) -> dict[str, list[str]]:
    """Address → command, on ports that are free: another soak may go on beside this one."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        ports = [one.getsockname()[1] for one in sockets]
    return {f"http://127.0.0.1:{port}": ["serve", "--port", str(port)] for port in ports}


def _environment(folder: Path) -> dict[str, str]:
    return dict(os.environ) | {"CATEGORISER_LIBRARY": str(folder / "library"), "CATEGORISER_ENCODER": "classic"}


def _call(*arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "categoriser", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(f"{address}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            if process.poll() is not None:
                raise SystemExit(f"the service at {address} ended with code {process.returncode}") from None
        time.sleep(0.1)
    raise SystemExit(f"the service at {address} does not answer")
