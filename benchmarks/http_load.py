"""A service in a process of its own, and clients that cost little beside it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from categoriser import Library


@dataclass(frozen=True)
class Service:
    """A running service."""

    host: str
    port: int
    process: int

    def resident_mb(self) -> float:
        """Its memory now."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def processor_seconds(self) -> float:
        """What it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def service(folder: Path, encoder: str, *, postgresql: bool = False) -> Iterator[Service]:
    """Start it on a library and stop it; ``postgresql``: with the catalog in a server of its own."""
    command = ["-m", "categoriser", "serve", "--port", "0", "--json", "--library", str(folder), "--encoder", encoder]
    with _catalog(postgresql) as settings:
        environment = {f"CATEGORISER_{name.upper()}": value for name, value in settings.items()}
        with _running(command, dict(os.environ) | environment) as running:
            yield running


@contextmanager
def own_library(folder: Path, encoder: str, *, postgresql: bool = False) -> Iterator[Library]:
    """The same without a service, in this process."""
    with _catalog(postgresql) as settings, Library.open(folder, encoder, **settings) as library:
        yield library


@contextmanager
def _catalog(postgresql: bool) -> Iterator[dict[str, Any]]:
    """Settings of a library."""
    if not postgresql:
        yield {}
        return
    from tests.postgres import cluster

    with cluster(durable=True) as url:
        yield {"database": url}


def bare_service(folder: Path) -> AbstractContextManager[Service]:
    """The peer: a service that does nothing but what no upload service can leave out."""
    return _running(["-m", "benchmarks.bare_service", str(folder)], dict(os.environ))


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Service]:
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())["listening"]
        host, _, port = told.removeprefix("http://").rpartition(":")
        try:
            yield Service(host, int(port), process.pid)
        finally:
            process.terminate()
            process.wait()


class Client:
    """One connection that is kept."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a whole request."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._service.host, self._service.port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await reader.readexactly(length)

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()


def request(path: str, body: bytes = b"", kind: str = "", *, promise: bool = False) -> bytes:
    """A whole request: a POST where there is a body."""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    if promise:
        head += "Prefer: respond-async\r\n"
    return (head + "\r\n").encode() + body


def upload(collection: str, pictures: Sequence[bytes], *, promise: bool = False) -> bytes:
    """An upload: one raw picture, or several as multipart."""
    path = f"/v1/collections/{collection}/images"
    if len(pictures) == 1:
        return request(path, pictures[0], "image/jpeg", promise=promise)
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    body = b"".join(head + one + b"\r\n" for one in pictures) + b"--b--\r\n"
    return request(path, body, "multipart/form-data; boundary=b", promise=promise)


@dataclass
class Load:
    """What clients met."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def p50(self) -> float:
        """Median."""
        return float(np.median(self.milliseconds))

    @property
    def p95(self) -> float:
        """95 of 100 are quicker."""
        return float(np.percentile(self.milliseconds, 95))

    @property
    def per_second(self) -> float:
        """Requests."""
        return len(self.milliseconds) / self.seconds


def drive(service: Service, requests: Sequence[bytes], *, clients: int = 20, rate: float = 0.0) -> Load:
    """Send all requests from so many clients: each as soon as its last is answered, or together ``rate`` a second."""
    return asyncio.run(drive_on(service, requests, clients=clients, rate=rate))


async def drive_on(service: Service, requests: Sequence[bytes], *, clients: int = 20, rate: float = 0.0) -> Load:
    """The same within an event loop."""
    load, left = Load(), iter(requests)
    rng = np.random.default_rng(0)

    async def work(place: int) -> None:
        client = Client(service)
        pause = clients / rate if rate else 0.0
        due = time.perf_counter() + pause * place / clients
        for one in left:
            if pause:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                due = max(time.perf_counter(), due + pause * rng.uniform(0.5, 1.5))
            started = time.perf_counter()
            status, _ = await client.send(one)
            load.milliseconds.append(1e3 * (time.perf_counter() - started))
            load.statuses.append(status)
        client.close()

    started = time.perf_counter()
    await asyncio.gather(*(work(place) for place in range(clients)))
    load.seconds = time.perf_counter() - started
    return load


def ask(service: Service, path: str) -> Any:
    """The JSON at a path."""

    async def once() -> Any:
        client = Client(service)
        try:
            return json.loads((await client.send(request(path)))[1])
        finally:
            client.close()

    return asyncio.run(once())


def wait_for_images(service: Service, collection: str, number: int, seconds: float = 600.0) -> None:
    """Until so many are filed."""
    until = time.perf_counter() + seconds
    while ask(service, f"/v1/collections/{collection}")["images"] < number:
        if time.perf_counter() > until:
            raise TimeoutError(f"{collection} does not come to {number} images")
        time.sleep(0.2)


def photos(number: int, *, start: int = 0, side: int = 320) -> list[bytes]:
    """Different JPEG pictures of about 20 kB."""
    made = []
    for seed in range(start, start + number):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = np.clip(smooth + rng.integers(-12, 12, smooth.shape), 0, 255).astype(np.uint8)
        out = BytesIO()
        Image.fromarray(noisy).save(out, "JPEG", quality=80)
        made.append(out.getvalue())
    return made
