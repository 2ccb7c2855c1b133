"""``python -m benchmarks.soak``: a service under uploads, searches, runs and edits, whose processes are killed.

At the end of it every picture that was acknowledged is there once, in its own collection and in no other, all counts
agree, and the memory of the processes has not grown. Each user has a collection, which is kept at the same size by
deleting, so that whatever grows is a leak. For the second half nothing is killed: that is where memory is read.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.measure import row
from benchmarks.soak.fleet import Fleet
from benchmarks.soak.user import User, final


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--users", type=int, default=6)
    parser.add_argument("--postgresql", action="store_true", help="replicas on a PostgreSQL of its own")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Soak, and say what came of it."""
    wanted = _arguments()
    rng, stop = random.Random(wanted.seed), threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        Fleet.start(Path(folder), postgresql=wanted.postgresql, users=wanted.users) as fleet,
    ):
        users = [User(number, fleet, stop) for number in range(wanted.users)]
        for user in users:
            user.thread.start()
        begun, kills, memory = time.monotonic(), 0, []
        length = 60 * wanted.minutes
        while (now := time.monotonic() - begun) < length:
            if now < length / 2:
                time.sleep(rng.uniform(3, 12))
                fleet.kill(rng, signal.SIGKILL)
                kills += 1
            else:
                time.sleep(min(5.0, length - now))
                memory.append((time.monotonic() - begun, fleet.resident_mb()))
            done: Counter[str] = sum((user.done for user in users), Counter())
            print(
                f"\r{now:5.0f} s, {kills} kills, {fleet.resident_mb():.0f} MB, {dict(done)}",
                end="",
                file=sys.stderr,
                flush=True,
            )
        stop.set()
        for user in users:
            user.thread.join()
        print(file=sys.stderr)
        outcomes = [final(user) for user in users]
        foreign = _foreign(users)
        wrong = [line for user in users for line in user.wrong]
        doctor = fleet.doctor()
    done = sum((user.done for user in users), Counter())
    what = f"{wanted.minutes:g} minutes, {wanted.users} users, {fleet.what}, {kills} processes killed: {dict(done)}"
    slope, level = _growth(memory)
    row(f"soak, {what}: lost", "0", str(sum(lost for lost, _ in outcomes)))
    row("soak: doubled", "0", str(sum(doubled for _, doubled in outcomes)))
    row("soak: reads of another's collection", "0", str(foreign))
    row("soak: answers that should not be", "0", str(len(wrong)))
    row("soak: memory in the second half", "flat", f"{level:.0f} MB, {slope:+.1f} MB a minute")
    row("soak: `categoriser doctor` afterwards", "all agrees", doctor)
    for line in wrong[:20]:
        print(f"- {line}")
    sys.exit(1 if wrong or foreign or any(lost or doubled for lost, doubled in outcomes) else 0)


def _foreign(users: list[User]) -> int:
    """How many of the reads of another's collection with one's own key succeed, where there are keys."""
    count = 0
    for user in users:
        other = users[(users.index(user) + 1) % len(users)]
        strangers = user.http.headers.get("Authorization") is not None
        for path in (f"{other.name}", f"{other.name}/images", f"{other.name}/export") if strangers else ():
            answer = user.http.get(f"{user.fleet.address()}/v1/collections/{path}")
            count += answer.status_code < 400
    return count + sum("was shown" in line for user in users for line in user.wrong)


def _growth(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """MB a minute, by least squares over the last two thirds of what was read, and the mean."""
    part = np.array(memory[len(memory) // 3 :] or [(0.0, 0.0)])
    if len(part) < 3:
        return 0.0, float(part[:, 1].mean())
    return float(np.polyfit(part[:, 0] / 60, part[:, 1], 1)[0]), float(part[:, 1].mean())


if __name__ == "__main__":
    main()
