"""Uploads and searches over HTTP: how long an answer takes, how many a second, and what users cost each other.

``python -m benchmarks.http [PART …] [--postgresql]``: with the catalog in a PostgreSQL of its own instead of SQLite.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.data import generated
from benchmarks.http_load import (
    Load,
    Service,
    ask,
    bare_service,
    drive,
    drive_on,
    own_library,
    photos,
    request,
    service,
    upload,
    wait_for_images,
)
from benchmarks.measure import milliseconds, row
from categoriser import Library
from categoriser.encoders import open_encoder
from categoriser.intake import Item

ENCODER = "classic"
SOME, MANY = 400, 1000
POSTGRESQL = "--postgresql" in sys.argv
RATES = (10.0, 30.0)  # uploads a second of 20 clients together, where they do not send as fast as they can
WARM = 20


def main() -> None:
    """Print the rows of the parts named, or of all."""
    parts = {
        "answers": answers,
        "durable": durable,
        "throughput": throughput,
        "search": search,
        "users": users,
        "thousand": thousand,
    }
    for name in [one for one in sys.argv[1:] if one in parts] or parts:
        parts[name]()


def answers() -> None:
    """How long 202 and 201 take, here and in a service that does nothing but what none can leave out; how many 202."""
    pictures = photos(2 * SOME + MANY)
    single = single_image_time(pictures[:50])
    row("encoder alone, one picture (prepared and encoded)", "", f"p50 {single:.1f} ms")
    with ExitStack() as stack:  # deleted at the end: for minutes after it, ext4 needs a millisecond for each new file
        for rate in RATES:  # one after the other: the machine's speed changes from minute to minute
            folder, peers = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
            with service(folder, ENCODER, postgresql=POSTGRESQL) as running:
                promised, filed = _answered(running, pictures, rate)
            with bare_service(peers) as running:
                bare_promised, bare_filed = _answered(running, pictures, rate)
            row(
                f"202, 20 clients, {rate:.0f} uploads/s together, filing beside it",
                "p50 ≤ 5 ms",
                f"{_told(promised)}; bare service {_told(bare_promised)}",
            )
            row(
                f"201, 20 clients, {rate:.0f} uploads/s together",
                f"p50 ≤ {single + 10:.1f} ms",
                f"{_told(filed)}; bare service {_told(bare_filed)}",
            )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with service(folder, ENCODER, postgresql=POSTGRESQL) as running:
            _promises(running, pictures)


def _answered(running: Service, pictures: list[bytes], rate: float) -> tuple[Load, Load]:
    """Loads of 202 and of 201."""
    number = int(min(SOME, 20 * rate)) - WARM
    drive(running, [upload("a", [one]) for one in pictures[:WARM]])
    promised = drive(running, [upload("a", [one], promise=True) for one in pictures[WARM : WARM + number]], rate=rate)
    wait_for_images(running, "a", WARM + number)
    return promised, drive(running, [upload("a", [one]) for one in pictures[SOME : SOME + number]], rate=rate)


def _promises(running: Service, pictures: list[bytes]) -> None:
    """How many pictures a second become durable."""
    drive(running, [upload("warm", [one]) for one in pictures[:WARM]])
    load = drive(running, [upload("c", [one], promise=True) for one in pictures[2 * SOME :]])
    row("202, 20 clients as fast as they can, one picture a request", "≥ 2,000 pictures/s", _told(load, 1))
    before = running.resident_mb()
    wait_for_images(running, "c", MANY)
    row("… resident memory then, and once all are filed", "", f"{before:.0f} MB, {running.resident_mb():.0f} MB")
    batches = [pictures[start : start + 20] for start in range(0, 2 * SOME, 20)]
    load = drive(running, [upload("d", batch, promise=True) for batch in batches])
    row("202, 20 clients as fast as they can, 20 pictures a request", "≥ 2,000 pictures/s", _told(load, 20))
    wait_for_images(running, "d", 2 * SOME)


def durable() -> None:
    """How many pictures a second the inbox takes: the service without HTTP."""
    pictures = photos(2 * MANY)
    for size in (1, 20):
        with (
            tempfile.TemporaryDirectory() as folder,
            own_library(Path(folder), ENCODER, postgresql=POSTGRESQL) as library,
        ):
            target, waiting = library.collection("a").row, deque[Future[list[int]]]()
            library.pipeline.feeder.stop()  # nothing is filed meanwhile
            started = time.perf_counter()
            for start in range(0, len(pictures), size):
                items = [Item(f"{place}.jpg", data=pictures[place]) for place in range(start, start + size)]
                promised = [library.uploads.prepare(target, one) for one in items]
                waiting.append(library.uploads.promise(target, promised)[1])
                if len(waiting) == 20:  # so many clients wait for their answers
                    waiting.popleft().result()
            for one in waiting:
                one.result()
            rate = len(pictures) / (time.perf_counter() - started)
        row(
            f"durable in the inbox, 20 uploads at a time, {size} of {len(pictures[0]) // 1000} kB each",
            "≥ 2,000 pictures/s",
            f"{rate:,.0f} pictures/s",
        )


def single_image_time(pictures: list[bytes]) -> float:
    """Median milliseconds of one picture in the encoder alone."""
    from io import BytesIO

    encoder = open_encoder(ENCODER)
    images = [Image.open(BytesIO(one)).convert("RGB") for one in pictures]
    return float(np.median(milliseconds(lambda i: encoder.encode_prepared(encoder.prepare(images[i])[None]), 50)))


def throughput() -> None:
    """HTTP beside the same pictures given to the library in this process."""
    pictures = photos(MANY, start=10_000)
    with tempfile.TemporaryDirectory() as folder, own_library(Path(folder), ENCODER, postgresql=POSTGRESQL) as library:
        collection = library.collection("a")
        collection.add(photos(20, start=50_000))
        started = time.perf_counter()
        collection.add(pictures)
        own = MANY / (time.perf_counter() - started)
    row("pipeline alone", "", f"{own:.0f} pictures/s")
    for clients, size in ((20, 1), (8, 8)):
        with tempfile.TemporaryDirectory() as folder, service(Path(folder), ENCODER, postgresql=POSTGRESQL) as running:
            drive(running, [upload("a", [one]) for one in photos(20, start=50_000)])
            batches = [pictures[start : start + size] for start in range(0, MANY, size)]
            used = running.processor_seconds()
            load = drive(running, [upload("a", batch) for batch in batches], clients=clients)
            rate = MANY / load.seconds
            row(
                f"the same through HTTP, {clients} clients, {size} pictures a request, answered 201",
                "≥ 90 % of it",
                f"{rate:.0f} pictures/s, {100 * rate / own:.0f} %, p50 {load.p50:.0f} ms, "
                f"{1e3 * (running.processor_seconds() - used) / MANY:.1f} ms of processor each",
            )


def search() -> None:
    """A search through HTTP beside the same one in process."""
    number, dimension = 20_000, 512
    vectors = generated(number, dimension)
    ids = [f"i{place}" for place in range(number)]
    asked = [ids[place] for place in np.random.default_rng(1).choice(number, 300, replace=False)]
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(folder, f"vectors:{dimension}") as library:
            collection = library.collection("a")
            collection.add_vectors(ids, vectors)
            collection.search(image_id=asked[0], limit=10)
            own = float(np.median(milliseconds(lambda i: collection.search(image_id=asked[i], limit=10), 300)))
        with service(Path(folder), f"vectors:{dimension}") as running:
            path = "/v1/collections/a/search"
            wanted = [
                request(path, json.dumps({"image_id": one, "limit": 10}).encode(), "application/json") for one in asked
            ]
            drive(running, wanted[:5], clients=1)
            one = drive(running, wanted, clients=1)
            many = drive(running, wanted, clients=20, rate=60)
    row(f"search at {number:,} × {dimension} in process", "", f"p50 {own:.1f} ms")
    row("… through HTTP, one client", "≤ 10 ms more", f"p50 {one.p50:.1f} ms: {one.p50 - own:.1f} ms more")
    row("… 20 clients, 60/s together", "≤ 10 ms more", f"p50 {many.p50:.1f} ms: {many.p50 - own:.1f} ms more")


def users() -> None:
    """What one user meets while another one imports."""
    bulk, mine = photos(1200, start=20_000), photos(120, start=30_000)
    with tempfile.TemporaryDirectory() as folder, service(Path(folder), ENCODER, postgresql=POSTGRESQL) as running:
        drive(running, [upload("bob", [one]) for one in mine[:20]])
        alone = drive(running, [upload("bob", [one]) for one in mine[20:60]], clients=1, rate=5)
        batches = [upload("anna", bulk[start : start + 20], promise=True) for start in range(0, len(bulk), 20)]
        drive(running, batches, clients=4)
        beside = drive(running, [upload("bob", [one]) for one in mine[60:]], clients=1, rate=5)
        filed = ask(running, "/v1/collections/anna")["images"]
        row("one user's 201, alone", "", f"p50 {alone.p50:.0f} ms, p95 {alone.p95:.0f} ms")
        row(
            "… while another one's import is filed",
            "≤ 2 ×",
            f"p50 {beside.p50:.0f} ms, {beside.p50 / alone.p50:.1f} ×, p95 {beside.p95:.0f} ms "
            f"({filed} of {len(bulk)} filed at the end)",
        )
        wait_for_images(running, "anna", len(bulk))


def thousand() -> None:
    """A thousand small collections on one service."""
    number, each, dimension = 1000, 100, 512
    vectors = generated(number * each, dimension)
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(folder, f"vectors:{dimension}") as library:
            for place in range(number):
                part = vectors[place * each : (place + 1) * each]
                library.collection(f"u{place}").add_vectors([f"i{one}" for one in range(each)], part)
        with service(Path(folder), f"vectors:{dimension}") as running:
            before = running.resident_mb()
            load = asyncio.run(_visit(running, number))
            row(
                f"{number:,} collections of {each} images, each looked at and searched",
                "≤ 1,500 MB",
                f"{running.resident_mb():.0f} MB ({before:.0f} MB at the start), p50 {load.p50:.0f} ms",
            )


async def _visit(running: Service, number: int) -> Load:
    body = json.dumps({"image_id": "i0", "limit": 5}).encode()
    wanted = []
    for place in range(number):
        wanted.append(request(f"/v1/collections/u{place}/categories"))
        wanted.append(request(f"/v1/collections/u{place}/search", body, "application/json"))
    return await drive_on(running, wanted, clients=4)


def _told(load: Load, pictures: int = 0) -> str:
    refused = sum(status >= 300 for status in load.statuses)
    rate = f"{pictures * load.per_second:,.0f} pictures/s, " if pictures else ""
    return f"{rate}p50 {load.p50:.1f} ms, p95 {load.p95:.1f} ms" + (f", {refused} refused" if refused else "")


if __name__ == "__main__":
    main()
