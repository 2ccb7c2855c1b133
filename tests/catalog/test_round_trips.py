"""Statements that are sent together, on every database: what they answer later, and what one failure does to all."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.catalog import Database, collections, events, inbox, outbox, taxonomy, together
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Points
from categoriser.errors import CategoriserError, NotFoundError
from categoriser.intake import Item
from tests.catalog.test_uploads import ENTRY
from tests.postgres import new_database
from tests.waiting import wait_until
from tests.whole import check, picture

_CUT = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :of")


def _points(*image_ids: str) -> Points:
    count = len(image_ids)
    return Points(image_ids, np.eye(4, dtype=np.float32)[np.arange(count)], np.arange(count), [1.0] * count)


def test_what_is_asked_in_between_is_answered_at_the_end(database: Database, collection: CollectionRow) -> None:
    with database.write() as connection:
        taxonomy.create(connection, collection.id, range(5))
        taxonomy.change(connection, collection.id, {n: {"label": f"c{n}"} for n in range(5)})
        with together(connection):
            first = outbox.put_later(connection, collection, _points("a"))
            labels = taxonomy.labels_later(connection, collection.id, {3, 1, 99})
            failed = inbox.have_failed_later(connection, [collection.id, collection.id + 1])
            second = outbox.put_later(connection, collection, _points("b", "c"))
            nothing = taxonomy.labels_later(connection, collection.id, [])
        orders = [first(), second()]
        assert labels() == {1: "c1", 3: "c3"}
        assert failed() == {collection.id: False}
        assert nothing() == {}
    with database.read() as connection:
        stored = outbox.unfinished(connection)
    assert [(one.id, one.image_ids) for one in stored] == [(one.id, one.image_ids) for one in orders]


def test_a_failure_undoes_all_and_is_told_as_what_it_is(database: Database, collection: CollectionRow) -> None:
    entry = {"kind": "attach", "image_id": "x"}

    def fail() -> None:
        with database.write() as connection, together(connection):
            outbox.put_later(connection, collection, _points("a"))
            inbox.accept_all(connection, [{**ENTRY, "collection_id": 10**9}], [5])
            events.append(connection, collection.id, [entry])
            taxonomy.labels_later(connection, collection.id, [1])

    with pytest.raises(sa.exc.IntegrityError):
        fail()
    with database.write() as connection:  # the connection is as good as new
        assert outbox.unfinished(connection) == []
        events.append(connection, collection.id, [entry, entry])
        events.append(connection, collection.id, [entry])
        cursors = [one["cursor"] for one in events.page(connection, collection.id, after=-1)]
    assert cursors == list(range(cursors[0], cursors[0] + 3))


def test_numbers_that_were_taken_ahead_are_nobody_elses(database: Database, collection: CollectionRow) -> None:
    mine, theirs = inbox.Numbers(), inbox.Numbers()
    entries, numbers = [{**ENTRY, "collection_id": collection.id}], list[int]()
    for count, ahead in ((1, mine), (300, theirs), (1, mine), (400, mine), (2, theirs)):
        with database.write() as connection:
            taken = ahead.take(connection, count)
            numbers += inbox.accept_all(connection, count * entries, taken)
        with database.write() as connection:  # and those that the database gives by itself
            numbers += inbox.accept(connection, collection.id, [ENTRY])
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM inbox")).scalar_one() == len(set(numbers)) == 709


def _promise(library: Library, collection: CollectionRow, number: int) -> Future[list[int]]:
    promised = library.uploads.prepare(collection, Item(f"{number}.jpg", data=picture(number)))
    return library.uploads.promise(collection, [promised])[1]


def test_a_collection_that_is_deleted_takes_no_other_uploads_with_it(url: str | sa.URL, tmp_path: Path) -> None:
    database = None if str(url).startswith("sqlite") else sa.make_url(url).render_as_string(hide_password=False)
    with Library.open(tmp_path / "library", encoder="classic", database=database) as library:
        gone, there = library.collection("gone").row, library.collection("there")
        library.delete_collection("gone")
        told = [(_promise(library, gone, i), _promise(library, there.row, i)) for i in range(12)]
        for lost, kept in told:
            with pytest.raises(NotFoundError, match="'gone' was deleted meanwhile"):
                lost.result()
            assert len(kept.result()) == 1
        library.pipeline.wait_idle()
        library.settle(there.row)
        assert len(check(there, tmp_path)) == 12


def test_what_failed_is_forgotten_once_the_same_is_sent_again(url: str | sa.URL, tmp_path: Path) -> None:
    database = None if str(url).startswith("sqlite") else sa.make_url(url).render_as_string(hide_password=False)
    with Library.open(tmp_path / "library", encoder="classic", database=database) as library:
        collection = library.collection("a")
        for data in (picture(1)[:300], picture(2)[:300], picture(1)[:300]):
            promised = [library.uploads.prepare(collection.row, Item("x", data=data))]
            (number,) = library.uploads.promise(collection.row, promised)[1].result()
            wait_until(lambda number=number: number in [one.cursor for one in collection.failures().page()])
        assert collection.failures().count() == (2, 2)


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_a_connection_that_is_cut_off_between_statements_fails_as_all_writing_does(
    postgres_url: str, pause: float
) -> None:
    url = new_database(postgres_url, tables=True)
    database, other = Database(url), sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")

    def write(connection: sa.Connection) -> None:
        collection = collections.create(connection, "a", encoder_id="c", encoder_spec="c", dimension=4, granularity="")
        with together(connection):
            outbox.put_later(connection, collection, _points("a"))
            with other.connect() as server:
                server.execute(_CUT, {"of": url.database})
            time.sleep(pause)
            events.append(connection, collection.id, [{"kind": "attach"}])
            taxonomy.labels_later(connection, collection.id, [1])

    with pytest.raises(CategoriserError, match="nothing was changed"), database.write() as connection:
        write(connection)
    with database.write() as connection:
        assert outbox.unfinished(connection) == []
    database.close()
    other.dispose()


def test_connections_that_the_server_cuts_off_are_replaced(postgres_url: str, tmp_path: Path) -> None:
    url = new_database(postgres_url)
    database, soon = url.render_as_string(hide_password=False), {"retry_seconds": 0.01, "longest_retry_seconds": 0.1}
    with Library.open(tmp_path / "library", encoder="classic", database=database, uploads=soon) as library:
        collection = library.collection("a")
        collection.add([picture(0)])
        engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        for number in range(1, 6):
            with engine.connect() as connection:
                connection.execute(_CUT, {"of": url.database})
            with suppress(CategoriserError, sa.exc.DBAPIError):  # this one is not promised
                _promise(library, collection.row, number).result()
            _promise(library, collection.row, 10 * number).result()
        engine.dispose()
        wait_until(lambda: {f"{10 * n}.jpg" for n in range(1, 6)} <= {one.name for one in collection.images()})
        check(collection, tmp_path)
