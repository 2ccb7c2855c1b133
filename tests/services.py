"""A service as a process of its own, as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def service(library: Path, log: IO[bytes], *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start it with the encoder classic; gives the process and its address, and kills it at the end if need be."""
    command = [sys.executable, "-m", "categoriser", "serve", "--port", "0", "--json", "--library", str(library)]
    command += ["--encoder", "classic", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["listening"]
        finally:
            process.kill()
