"""Each slot of a collection is done once, whoever tries; on every database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import categoriser.catalog
from categoriser.catalog import Database, collections, slots
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.slots import DueSlot, Lease
from categoriser.catalog.tables import slots as table

FIRST, SECOND = "2026-03-01T03:00Z", "2026-03-02T03:00Z"


@pytest.fixture
def board(database: Database, collection: CollectionRow) -> Board:
    return Board(database, collection.id)


class Board:
    """The slots of one collection, with one transaction per call."""

    def __init__(self, database: Database, collection_id: int) -> None:
        self.database, self.collection_id = database, collection_id

    def claim(self, slot: str = FIRST, *, owner: str = "one", now: float = 1000.0) -> Lease | None:
        with self.database.write() as connection:
            due = DueSlot(self.collection_id, slot)
            return slots.claim(connection, due, kind="run", owner=owner, now=now, expires_at=now + 60)

    def finish(self, lease: Lease, **result: Any) -> bool:
        with self.database.write() as connection:
            return slots.finish(connection, lease, now=1010.0, seconds=2.0, result=result)

    def renew(self, lease: Lease, until: float) -> bool:
        with self.database.write() as connection:
            return slots.renew(connection, lease, until)

    def rows(self) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.slot)).mappings()]

    def due(self, now: float = 1000.0, slot: str = FIRST, limit: int = 10) -> list[DueSlot]:
        with self.database.read() as connection:
            current = {"every 1d": (slot, 2e10)}
            return slots.due(connection, current, kind="run", default="every 1d", now=now, limit=limit)


def test_a_slot_that_is_held_or_done_is_nobody_elses(board: Board) -> None:
    lease = board.claim()
    assert lease is not None
    assert board.claim(owner="two") is None
    assert board.claim(SECOND, owner="two") is None  # one at a time
    assert board.finish(lease, report={"moved": 3})
    assert board.claim(owner="two") is None
    assert not board.finish(lease)
    (row,) = board.rows()
    assert (row["owner"], row["token"], row["seconds"]) == ("one", 1, 2.0)
    assert row["result"] == {"report": {"moved": 3}}


def test_a_lease_that_ran_out_is_taken_over_and_its_owner_fenced_off(board: Board) -> None:
    late = board.claim(owner="late")
    assert late is not None
    assert board.claim(owner="two", now=1059) is None
    second = board.claim(owner="two", now=1061)
    assert second is not None
    assert second.token > late.token
    assert not board.renew(late, 9999.0)
    assert not board.finish(late, report={"by": "late"})
    assert board.finish(second, report={"by": "two"})
    assert board.rows()[0]["result"] == {"report": {"by": "two"}}


def test_an_owner_may_take_over_from_itself_and_is_fenced_off_too(board: Board) -> None:
    before, after = board.claim(), board.claim(now=2000)
    assert before is not None
    assert after is not None
    assert not board.finish(before)
    assert board.finish(after)


def test_a_renewed_lease_is_kept(board: Board) -> None:
    lease = board.claim()
    assert lease is not None
    assert board.renew(lease, 5000.0)
    assert board.claim(owner="two", now=4999) is None
    assert board.claim(owner="two", now=5001) is not None


def test_a_released_slot_is_taken_at_once(board: Board) -> None:
    lease = board.claim()
    assert lease is not None
    with board.database.write() as connection:
        assert slots.release(connection, lease)
    assert board.claim(owner="two") is not None


def test_a_later_slot_closes_one_that_ran_out_and_an_earlier_one_cannot_be_had_any_more(board: Board) -> None:
    late = board.claim(FIRST, owner="late")
    assert late is not None
    second = board.claim(SECOND, owner="two", now=2000)
    assert second is not None
    assert not board.finish(late)
    assert board.finish(second)
    assert board.claim(FIRST, now=3000) is None
    assert "without a word" in board.rows()[0]["result"]["problem"]


def test_what_ends_every_process_is_given_up(board: Board) -> None:
    for attempt in range(slots.ATTEMPTS):
        assert board.due(now=1000 + 100 * attempt)
        assert board.claim(now=1000 + 100 * attempt) is not None
    assert board.claim(now=5000) is None
    assert board.due(now=5000) == []
    assert "3 of 3 attempts" in board.rows()[0]["result"]["problem"]
    assert board.claim(SECOND, now=5000) is not None


@pytest.mark.parametrize("repetition", range(3))
def test_of_many_that_claim_at_once_one_gets_it(board: Board, repetition: int) -> None:
    start = threading.Barrier(8)

    def claim(number: int) -> Lease | None:
        start.wait()
        return board.claim(owner=str(number))

    with ThreadPoolExecutor(8) as pool:
        leases = [lease for lease in pool.map(claim, range(8)) if lease is not None]
    assert len(leases) == 1
    assert board.rows()[0]["owner"] == leases[0].owner


def test_only_the_latest_finished_slots_are_kept(board: Board) -> None:
    for day in range(1, 29):
        lease = board.claim(f"2026-01-{day:02}T03:00Z")
        assert lease is not None
        assert board.finish(lease)
    kept = [row["slot"] for row in board.rows()]
    assert kept == [f"2026-01-{day:02}T03:00Z" for day in range(29 - slots.KEPT, 29)]
    assert board.claim("2026-01-01T03:00Z") is None  # forgotten, and done nevertheless


def test_what_is_due_comes_in_the_order_of_its_last_turn(database: Database, collection: CollectionRow) -> None:
    with database.write() as connection:
        ids = [collection.id] + [
            collections.create(
                connection, name, encoder_id="c", encoder_spec="c", dimension=4, granularity="balanced"
            ).id
            for name in "bcdef"
        ]
        collections.set_schedule(connection, ids[3], "")
        collections.set_schedule(connection, ids[4], "every 2d")
    boards = [Board(database, one) for one in ids]
    for board, slot, now in ((boards[0], "2026-02-01T03:00Z", 900.0), (boards[1], "2026-02-01T03:00Z", 800.0)):
        lease = board.claim(slot, now=now)
        assert lease is not None
        assert board.finish(lease)
    assert [one.collection_id for one in boards[0].due()] == [ids[2], ids[5], ids[1], ids[0]]
    assert [one.collection_id for one in boards[0].due(limit=2)] == [ids[2], ids[5]]
    lease = boards[2].claim()
    assert lease is not None
    assert [one.collection_id for one in boards[0].due()] == [ids[5], ids[1], ids[0]]
    assert boards[0].due(now=9000)[0].collection_id == ids[2]  # its lease ran out
    boards[2].finish(lease)
    with database.read() as connection:
        assert slots.spent(connection, "run", FIRST, 1000.0) == 2.0
        assert slots.schedules(connection, "every 1d") == ["", "every 1d", "every 2d"]
        assert slots.last(connection, "run", ids)[ids[2]]["slot"] == FIRST


def test_slots_before_the_collection_or_its_schedule_are_not_due(database: Database, collection: CollectionRow) -> None:
    def due(begins: float) -> int:
        with database.read() as connection:
            current = {"every 1d": (FIRST, begins)}
            return len(slots.due(connection, current, kind="run", default="every 1d", now=0.0))

    with database.write() as connection:
        collections.update(connection, collection.id, created_at=500.0)
    assert (due(499.0), due(501.0)) == (0, 1)
    with database.write() as connection:
        collections.update(connection, collection.id, schedule="every 1d", schedule_since=700.0)
    assert (due(699.0), due(701.0)) == (0, 1)


def test_a_deleted_collection_has_no_slots_and_cannot_be_claimed(board: Board) -> None:
    lease = board.claim()
    assert lease is not None
    with board.database.write() as connection:
        collections.delete(connection, board.collection_id)
    assert board.rows() == []
    assert not board.finish(lease)
    assert board.claim() is None


def test_the_migration_goes_back_and_forth_and_keeps_what_was_there(board: Board) -> None:
    board.claim()
    config = Config()
    config.set_main_option("script_location", str(Path(categoriser.catalog.__file__).parent / "migrations"))
    for move, target in ((command.downgrade, "0002"), (command.upgrade, "head")):
        with board.database.write() as connection:
            config.attributes["connection"] = connection
            move(config, target)
    assert board.rows() == []
    with board.database.read() as connection:
        found = collections.get(connection, board.collection_id)
        assert found is not None
        assert (found.name, found.schedule) == ("a", None)
