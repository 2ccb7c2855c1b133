"""What was answered with 202 is there after ``kill -9``, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from categoriser import Library
from tests.api.conftest import serving
from tests.api.test_respond_async import finished, send
from tests.whole import check, left_over, picture


def test_nothing_that_was_promised_is_lost_or_doubled(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "categoriser", "serve", "--port", "0", "--json", "--encoder", "classic"]
    command += ["--library", str(tmp_path / "library")]
    promised: list[tuple[str, int]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        base = json.loads(process.stdout.readline())["listening"]

        def upload(number: int) -> None:
            with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
                for part in range(5):
                    seeds = [100 * number + 10 * part + one for one in range(3)]
                    try:
                        answer = send(client, "a", *(picture(seed) for seed in seeds))
                    except httpx.HTTPError:
                        return
                    assert answer.status_code == 202
                    promised.append((answer.headers["location"], len(seeds)))
                    if len(promised) == 12:
                        process.send_signal(signal.SIGKILL)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upload, range(4)))
    assert len(promised) >= 12
    with Library.open(tmp_path / "library") as library, serving(library) as client:
        for where, number in promised:
            assert finished(client, where)["filed"] == number
        found = check(library.collection("a"), tmp_path)
        assert len(found) >= sum(number for _, number in promised)
    with Library.open(tmp_path / "library") as library:
        assert left_over(library)["inbox"] == 0
