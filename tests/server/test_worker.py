"""Work that nobody waits for: put into the queue by services, done by workers, and taken over from those that die."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from categoriser import Collection, Library
from categoriser.catalog import claims
from categoriser.catalog.tables import inbox
from categoriser.errors import CategoriserError
from categoriser.intake import Item
from categoriser.library.takeover import take_over
from categoriser.state.queue import prepare
from categoriser.worker import work
from tests.waiting import wait_until
from tests.whole import check, left_over, picture

Open = Callable[..., Library]


def left(collection: Collection, seeds: range) -> list[str]:
    """Accept pictures that nobody waits for, and that the queue was told of."""
    uploads, row = collection._library.uploads, collection.row
    acceptance = collection._library.pipeline.acceptance
    promised = [uploads.prepare(row, Item(f"{seed}.png", data=picture(seed))) for seed in seeds]
    uploads.promise(row, promised)[1].result(timeout=60)
    wait_until(lambda: not acceptance._committing)  # workers are told after whoever waits for the promise
    return [sha256(picture(seed)).hexdigest()[:32] for seed in seeds]


def worked(library: Library) -> None:
    """Let a worker do all there is to do."""
    work(library, lambda: None, until_empty=True)


def test_a_worker_files_what_a_service_accepted_and_runs_what_is_due(opened: Open, tmp_path: Path) -> None:
    service, worker = opened("classic"), opened("classic")
    prepare(service.storage.database.engine)
    collection = service.collection("a")
    ids = left(collection, range(30))
    assert len(collection) == 0
    worked(worker)
    assert set(check(collection, tmp_path)) == set(ids)
    assert [one.kind for one in collection.versions()][-1] == "run"
    assert left_over(service) == {"inbox": 0, "outbox": 0}
    left(collection, range(3, 4))  # once more
    worked(worker)
    assert len(collection) == 30


def test_what_a_dead_process_had_accepted_is_filed_once(opened: Open, tmp_path: Path) -> None:
    dying, worker = opened("classic"), opened("classic", automatic_runs=False)
    prepare(dying.storage.database.engine)
    left(dying.collection("a"), range(12))
    presence = dying.storage.presence
    assert presence is not None
    with dying.storage.database.write() as connection:  # claimed, and then its process ends
        assert len(claims.claim(connection, presence.name, dying.collection("a").row.id, limit=8)) == 8
    worked(worker)
    assert len(worker.collection("a")) == 4
    presence.close()  # it says no more that it lives
    assert take_over(worker) == 0  # by way of the queue
    worked(worker)
    assert len(check(worker.collection("a"), tmp_path)) == 12
    assert left_over(worker) == {"inbox": 0, "outbox": 0}


def test_without_a_queue_a_service_takes_over_itself(
    opened: Open, settings: dict[str, dict[str, object]], tmp_path: Path
) -> None:
    settings["shared"]["queue"] = False
    dying, one = opened("classic", automatic_runs=False), opened("classic", automatic_runs=False)
    dying.pipeline.feeder.stop()  # accepted, and never filed
    ids = left(dying.collection("a"), range(5))
    assert dying.storage.presence is not None
    assert take_over(one) == 0
    dying.storage.presence.close()
    assert take_over(one) == 5
    wait_until(lambda: len(one.collection("a")) == 5)
    assert set(check(one.collection("a"), tmp_path)) == set(ids)


def test_a_picture_that_kills_is_not_tried_for_ever(opened: Open) -> None:
    one = opened("classic", automatic_runs=False)
    collection = one.collection("a")
    left(collection, range(1))
    for attempt in range(claims.MOST):
        with one.storage.database.write() as connection:
            assert len(claims.claim(connection, f"dead {attempt}", collection.row.id, limit=8)) == 1
    take_over(one)
    (failure,) = collection.failed()
    assert "ended without a word" in failure.reason


def test_what_cannot_be_filed_now_is_tried_again(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    one = opened("classic", automatic_runs=False, uploads={"retry_seconds": 0.01, "longest_retry_seconds": 0.1})
    prepare(one.storage.database.engine)
    collection = one.collection("a")
    left(collection, range(2))
    with monkeypatch.context() as away:
        away.setattr(one.storage.delivery, "ready", _fail)
        worked(one)
    wait_until(lambda: len(collection) == 2 and left_over(one) == {"inbox": 0, "outbox": 0})


def test_what_a_process_has_not_filed_when_it_ends_in_order_is_anybodys(opened: Open) -> None:
    one, two = opened("classic"), opened("classic")
    row = one.collection("a").row
    left(one.collection("a"), range(2))
    presence = one.storage.presence
    assert presence is not None
    with one.storage.database.write() as connection:
        claims.claim(connection, presence.name, row.id, limit=8)
    presence.close()
    with two.storage.database.read() as connection:
        assert connection.execute(sa.select(inbox.c.owner, inbox.c.claims)).all() == [(None, 0)] * 2


def _fail() -> None:
    raise CategoriserError("The store is away.")
