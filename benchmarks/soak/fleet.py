"""The processes of a service: started, killed, started again, and measured."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import httpx

_PORT = 18642


class Fleet:
    """One embedded service, or replicas and a worker on PostgreSQL."""

    def __init__(self, folder: Path, commands: dict[str, list[str]], environment: dict[str, str], what: str) -> None:
        self.folder, self.what = folder, what
        self._commands, self._environment = commands, environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: list[str] = []
        self._turn = 0
        self._log = (folder / "log").open("ab")

    @classmethod
    @contextmanager
    def start(cls, folder: Path, *, postgresql: bool, users: int) -> Iterator[Self]:
        """Start the processes, and stop them at the end."""
        if postgresql:
            raise SystemExit("Replicas on PostgreSQL are not there yet.")
        library = folder / "library"
        command = ["serve", "--library", str(library), "--encoder", "classic", "--port", str(_PORT)]
        fleet = cls(folder, {f"http://127.0.0.1:{_PORT}": command}, dict(os.environ), "one embedded service")
        with ExitStack() as stack:
            stack.callback(fleet.stop)
            for name in fleet._commands:
                fleet._begin(name)
            yield fleet

    def headers(self, user: str) -> dict[str, str]:
        """What a user sends with each request."""
        return {}

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
        library = self.folder / "library"
        call = [sys.executable, "-m", "categoriser", "doctor", "--library", str(library)]
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
            _wait_for(name, self._processes[name])


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
