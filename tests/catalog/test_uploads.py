"""Tables of the upload hook, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import categoriser.catalog
from categoriser import Library
from categoriser.catalog import Database, collections, idempotency, inbox, objects, together, uploads
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.idempotency import Attempt
from categoriser.catalog.tables_uploads import inbox_bytes, upload_items
from tests.api.conftest import serving
from tests.api.test_respond_async import finished, send
from tests.whole import check, picture

ENTRY = {"image_id": "x", "sha256": "0" * 64, "name": "n", "source": None, "stored": True, "metadata": None}


@pytest.fixture
def other(database: Database) -> CollectionRow:
    """Another empty collection."""
    with database.write() as connection:
        return collections.create(
            connection, "b", encoder_id="classic", encoder_spec="classic", dimension=4, granularity="balanced"
        )


def test_a_promise_is_kept_on_every_database(url: str | sa.URL, tmp_path: Path) -> None:
    database = None if str(url).startswith("sqlite") else sa.make_url(url).render_as_string(hide_password=False)
    with Library.open(tmp_path / "library", encoder="classic", database=database) as library:
        with serving(library) as client:
            answer = send(client, "a", picture(1), picture(2)[:200], picture(3), picture(1))
            upload = finished(client, answer.headers["location"])
            assert [one["status"] for one in upload["results"]] == ["filed", "refused", "filed", "filed"]
            retried = client.post("/v1/collections/a/failed/retry", json={})
            assert retried.json()["retried"] == 1
            finished(client, answer.headers["location"])
        check(library.collection("a"), tmp_path)


def test_bytes_stay_as_long_as_their_entry_waits(database: Database, collection: CollectionRow) -> None:
    with database.write() as connection:
        first, second = inbox.accept(connection, collection.id, [ENTRY, ENTRY])
        inbox.keep_bytes(connection, {first: b"one", second: b"two"})
        for number, data in ((first, b"one"), (second, b"two")):
            assert inbox.with_bytes(connection, number) == (inbox.get(connection, number), data)
        inbox.settle(connection, [first])
    with database.read() as connection:
        assert connection.execute(sa.select(inbox_bytes.c.data)).scalars().all() == [b"two"]


def test_of_statements_that_go_together_one_failure_undoes_all(database: Database, collection: CollectionRow) -> None:
    item = {"token": "t", "place": 0, "name": "n", "image_id": None, "inbox_id": None, "code": None, "reason": None}
    row = {"collection_id": collection.id, "token": "t", "accepted_at": 1.0}
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection, together(connection):
        uploads.note(connection, [row], [item, item])  # the same place twice
    with database.read() as connection:
        assert uploads.find(connection, collection.id, "t") is None
    with database.write() as connection, together(connection):
        uploads.note(connection, [row], [item, {**item, "place": 1}])
    with database.read() as connection:
        assert len(uploads.items(connection, ["t"])) == 2


def test_an_upload_tells_what_became_of_its_pictures(
    database: Database, collection: CollectionRow, other: CollectionRow
) -> None:
    token = uploads.new_token()
    with database.write() as connection:
        waiting, fetched, failed = inbox.accept(
            connection, collection.id, [ENTRY, {**ENTRY, "image_id": None, "sha256": None, "url": "https://x"}, ENTRY]
        )
        plain = {"token": token, "name": "n", "image_id": None, "code": None, "reason": None}
        items = [{**plain, "place": place, "inbox_id": n} for place, n in enumerate([waiting, fetched, failed, None])]
        row = {"collection_id": collection.id, "token": token, "accepted_at": 100.0}
        uploads.note(connection, [row], items)
        inbox.fetched(connection, fetched, image_id="content", sha256="1" * 64)
        inbox.defer(connection, waiting, "busy", 200.0)
        inbox.fail(connection, failed, "Broken.", "unreadable_picture")
    with database.read() as connection:
        assert uploads.find(connection, other.id, token) is None
        assert uploads.page(connection, other.id) == []
        found = uploads.items(connection, [token])
        assert [one["waiting"] for one in found] == [True, True, False, False]
        assert (found[0]["attempts"], found[0]["next_at"], found[0]["problem"]) == (1, 200.0, "busy")
        assert found[1]["image_id"] == "content"
        assert (found[2]["code"], found[2]["reason"]) == ("unreadable_picture", "Broken.")
    with database.write() as connection:
        assert uploads.expire(connection, 99.0) == 0
        assert uploads.expire(connection, 101.0) == 0  # some of it waits
        inbox.settle(connection, [waiting, fetched])
        assert uploads.expire(connection, 101.0) == 1
        assert connection.execute(sa.select(upload_items.c.token)).all() == []


def test_failed_entries_are_retried_and_discarded_in_their_collection_alone(
    database: Database, collection: CollectionRow, other: CollectionRow
) -> None:
    with database.write() as connection:
        numbers = inbox.accept(connection, collection.id, [ENTRY, {**ENTRY, "stored": False}])
        (theirs,) = inbox.accept(connection, other.id, [ENTRY])
        for number in (*numbers, theirs):
            inbox.fail(connection, number, "Broken.")
        assert inbox.count_failed(connection, collection.id) == (2, 1)
        assert inbox.count_failed(connection, collection.id, [theirs]) == (0, 0)
        assert [one["kept"] for one in inbox.failed(connection, collection.id)] == [False, False]
        assert (
            inbox.retry(connection, collection.id, [*numbers, theirs]) == numbers[:1]
        )  # nothing was kept of the other
        assert inbox.discard(connection, collection.id, [theirs]) == (0, [])
        assert inbox.discard(connection, collection.id) == (1, ["0" * 64])
        assert inbox.waiting(connection, collection.id) == 1
        assert inbox.count_failed(connection, other.id) == (1, 1)


def test_a_key_belongs_to_its_collection_and_caller(
    database: Database, collection: CollectionRow, other: CollectionRow
) -> None:
    mine = Attempt(collection.id, "anna", "key", "f", "me", 100.0)
    with database.write() as connection:
        assert idempotency.begin(connection, mine) is None
        for free in (
            Attempt(collection.id, "bob", "key", "f", "me", 1.0),
            Attempt(other.id, "anna", "key", "f", "me", 1.0),
        ):
            assert idempotency.begin(connection, free) is None
        taken = idempotency.begin(connection, mine)
        assert taken is not None
        assert (taken.status, taken.fingerprint, taken.owner) == (None, "f", "me")
        assert not idempotency.release(connection, mine, "somebody else")
        idempotency.finish(connection, mine, 201, {"location": "/x"}, b"\x00body")
        answered = idempotency.begin(connection, mine)
        assert answered is not None
        assert (answered.status, answered.headers, answered.body) == (201, {"location": "/x"}, b"\x00body")
        assert not idempotency.release(connection, mine, "me")  # it was answered
        assert idempotency.expire(connection, 50.0) == 2
        collections.delete(connection, collection.id)
        assert idempotency.find(connection, mine) is None


def test_objects_keep_their_newest_state_and_what_has_to_go(
    database: Database, collection: CollectionRow, other: CollectionRow
) -> None:
    digest = objects.digest_of("b", "k" * 1024)
    state = {"digest": digest, "bucket": "b", "key": "k", "version": None, "etag": "1", "sequencer": None}
    with database.write() as connection:
        objects.put(connection, collection.id, [{**state, "image_id": "i1", "outdated": None, "at": 1.0}])
        objects.put(connection, collection.id, [{**state, "image_id": None, "outdated": ["i1", "i2"], "at": 2.0}])
        assert objects.find(connection, other.id, [digest]) == {}
        assert [one["outdated"] for one in objects.outdated(connection)] == [["i1", "i2"]]
        objects.settle(connection, collection.id, digest, ["i1"])
        assert [one["outdated"] for one in objects.outdated(connection)] == [["i2"]]
        objects.settle(connection, collection.id, digest, ["i2"])
        assert objects.outdated(connection) == []


def test_the_migration_goes_back_and_forth_and_loses_no_accepted_picture(
    database: Database, collection: CollectionRow
) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(categoriser.catalog.__file__).parent / "migrations"))

    def move(step: object, target: str) -> None:
        with database.write() as connection:
            config.attributes["connection"] = connection
            step(config, target)  # type: ignore[operator]

    with database.write() as connection:
        (number,) = inbox.accept(connection, collection.id, [ENTRY])
        inbox.keep_bytes(connection, {number: b"bytes"})
    with pytest.raises(RuntimeError, match="let the service file them"):
        move(command.downgrade, "0007")
    with database.write() as connection:
        inbox.settle(connection, [number])
        (kept,) = inbox.accept(connection, collection.id, [ENTRY])
    move(command.downgrade, "0007")
    move(command.upgrade, "head")
    with database.read() as connection:
        assert [one["id"] for one in inbox.pending(connection)] == [kept]
