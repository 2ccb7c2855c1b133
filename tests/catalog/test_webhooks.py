"""Who is told how far, and who sends: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

import categoriser.catalog
from categoriser.catalog import Database, collections, events, webhooks
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.webhooks import WebhookRow


def add(database: Database, collection_id: int | None, prefix: str | None = None) -> WebhookRow:
    with database.write() as connection:
        return webhooks.create(
            connection,
            url="https://example.org/x",
            kinds=["lock"],
            secret="whsec_x",
            now=1.0,
            collection_id=collection_id,
            prefix=prefix,
        )


def happen(database: Database, collection_id: int, number: int) -> None:
    with database.write() as connection:
        events.append(connection, collection_id, [{"kind": "lock", "category": 0}] * number)


def due(database: Database, now: float = 10.0) -> list[int]:
    with database.read() as connection:
        return [one.id for one in webhooks.due(connection, now)]


def test_a_webhook_is_due_when_something_happened_and_one_sender_has_it(
    database: Database, collection: CollectionRow
) -> None:
    happen(database, collection.id, 2)
    hook = add(database, collection.id)
    assert due(database) == []
    happen(database, collection.id, 3)
    assert due(database) == [hook.id]
    with database.write() as connection:
        first = webhooks.claim(connection, hook, now=10.0, expires_at=20.0)
        assert first is not None
        assert webhooks.claim(connection, first, now=15.0, expires_at=30.0) is None
        assert (webhooks.behind(connection, first), webhooks.waiting(connection, first)) == ([(collection.id, 2)], 3)
    assert (due(database, 15.0), due(database, 21.0)) == ([], [hook.id])
    with database.write() as connection:
        second = webhooks.claim(connection, first, now=21.0, expires_at=30.0)
        assert second is not None
        assert not webhooks.advance(connection, first, collection.id, 5, expires_at=0.0)
        assert webhooks.advance(connection, second, collection.id, 4, expires_at=0.0, failures=1, next_at=50.0)
        assert webhooks.next_turn(connection) == 50.0
    assert (due(database, 49.0), due(database, 51.0)) == ([], [hook.id])
    with database.write() as connection:
        webhooks.rewind(connection, hook.id, 0)
        webhooks.update(connection, hook.id, disabled_at=60.0)
        assert not webhooks.advance(connection, second, collection.id, 5, expires_at=0.0)
    assert due(database, 99.0) == []


def test_a_prefix_finds_collections_that_come_later(database: Database) -> None:
    def made(name: str) -> int:
        with database.write() as connection:
            return collections.create(
                connection, name, encoder_id="c", encoder_spec="c", dimension=4, granularity="fine"
            ).id

    old, other = made("shop/1%"), made("shoq")
    hook = add(database, None, "shop/")
    new = made("shop/2")
    for collection_id in (old, other, new):
        happen(database, collection_id, 1)
    assert due(database) == [hook.id]
    with database.write() as connection:
        mine = webhooks.claim(connection, hook, now=1.0, expires_at=2.0)
        assert mine is not None
        webhooks.adopt(connection, mine)
        assert [collection_id for collection_id, _ in webhooks.behind(connection, mine)] == [old, new]
        for collection_id in (old, new):
            webhooks.advance(connection, mine, collection_id, 1, expires_at=0.0)
    assert due(database) == []
    with database.write() as connection:
        collections.delete(connection, old)
        assert webhooks.waiting(connection, hook) == 0


def test_the_log_of_a_webhook_keeps_the_last_attempts(database: Database, collection: CollectionRow) -> None:
    hook = add(database, collection.id)
    attempt = {"collection_id": collection.id, "message": "m", "kind": "lock", "at": 1.0, "attempt": 1, "seconds": 0.1}
    with database.write() as connection:
        for start in range(0, webhooks.KEPT + 50, 50):
            webhooks.record(
                connection,
                hook.id,
                [{**attempt, "cursor": start + i, "status": 200, "problem": None} for i in range(50)],
            )
        found = webhooks.attempts(connection, hook.id, limit=5000)
        assert [entry["cursor"] for entry, _ in found] == list(range(webhooks.KEPT + 49, 49, -1))
        assert {name for _, name in found} == {"a"}
        page = webhooks.attempts(connection, hook.id, before=found[1][0]["id"], limit=2)
        assert page == found[2:4]


def test_the_migration_goes_back_and_forth(database: Database, collection: CollectionRow) -> None:
    add(database, collection.id)
    config = Config()
    config.set_main_option("script_location", str(Path(categoriser.catalog.__file__).parent / "migrations"))
    for move, target in ((command.downgrade, "0007"), (command.upgrade, "head")):
        with database.write() as connection:
            config.attributes["connection"] = connection
            move(config, target)
    with database.read() as connection:
        assert webhooks.page(connection, collection.id) == []
