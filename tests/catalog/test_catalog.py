"""The tables and what is done with them, on every database."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from categoriser import ConfigurationError, Library
from categoriser.catalog import Database, collections, events, images, inbox, outbox, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.in_lists import MOST, padded, parts
from categoriser.catalog.tables import metadata
from categoriser.domain import Points
from tests.whole import check, clusters, left_over, picture


def test_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    with database.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(url: sa.URL) -> None:
    for _ in range(2):
        Database(url).close()


def test_a_database_of_a_newer_version_is_refused(url: sa.URL) -> None:
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    database.close()
    with pytest.raises(ConfigurationError, match="newer version"):
        Database(url)


def _image(row: int, **more: object) -> dict[str, object]:
    defaults = {"sha256": None, "phash": None, "name": None, "metadata": None, "stored": False, "head_row": None}
    return {"row": row, "image_id": f"i{row}", "micro": 0, "added_at": 1.5 + row, **defaults, **more}


def test_images_come_back_as_they_went(database: Database, collection: CollectionRow) -> None:
    facts = {"a": [1, None, "ü"], "nan": float("nan")}
    with database.write() as connection:
        taxonomy.open_micros(connection, collection.id, {0: None, 1: 7})
        taxonomy.create(connection, collection.id, [7])
        images.insert(
            connection,
            collection.id,
            [
                _image(0, phash=b"\0\xff", metadata=facts, stored=True, sha256="a" * 64),
                _image(1, head_row=0, sha256="b" * 64),
                _image(2, micro=1),
            ],
        )
        taxonomy.count_images(connection, collection.id, {0: 2, 1: 1})
    with database.read() as connection:
        found = images.describe(connection, collection.id, ["i0", "i1", "i2", "nobody"])
        assert images.assignments(connection, collection.id) == [("i0", None), ("i1", None), ("i2", 7)]
        assert [row["image_id"] for row in images.page(connection, collection.id, unsorted=True)] == ["i0", "i1"]
        assert [row["image_id"] for row in images.page(connection, collection.id, category=7)] == ["i2"]
        assert images.unused_files(connection, collection.id, ["a" * 64, "c" * 64]) == ["c" * 64]
        assert taxonomy.unsorted(connection, collection.id) == 2
        assert taxonomy.counted(connection, collection.id) == {0: 2, 1: 1}
        assert [row["size"] for row in taxonomy.page(connection, collection.id)] == [1]
    assert (found["i0"]["phash"], found["i0"]["stored"], found["i0"]["metadata"]) == (
        b"\0\xff",
        True,
        {"a": [1, None, "ü"], "nan": None},
    )
    assert (found["i1"]["head_id"], found["i1"]["stored"], found["i2"]["category"]) == ("i0", False, 7)
    with database.write() as connection:
        images.set_micros(connection, collection.id, {0: 1, 1: 1})
        images.set_heads(connection, collection.id, {1: None})
        taxonomy.set_categories(connection, collection.id, {1: None, 0: 7})
        taxonomy.describe(connection, collection.id, {7: {"cohesion": 0.5, "exemplars": ["i0", "i2"]}})
        taxonomy.forget_exemplars(connection, collection.id, {"i0"})
        images.delete(connection, collection.id, ["i0"])
    with database.read() as connection:
        assert images.assignments(connection, collection.id) == [("i1", None), ("i2", None)]
        assert taxonomy.find(connection, collection.id, 7)["exemplars"] == ["i2"]
    with database.write() as connection:
        taxonomy.retire(connection, collection.id, {7: None})
    with database.read() as connection:
        assert taxonomy.living(connection, collection.id) == []
        assert taxonomy.find(connection, collection.id, 7)["exemplars"] is None


def test_inbox_keeps_order_and_forgets_failures_tried_again(database: Database, collection: CollectionRow) -> None:
    entry = {"image_id": "x", "name": "n", "stored": True, "metadata": {"k": 1}}
    with database.write() as connection:
        entries = [{**entry, "sha256": f"{i}" * 64, "source": None} for i in range(4)]
        numbers = inbox.accept(connection, collection.id, entries)
        inbox.settle(connection, numbers[:1])
        inbox.fail(connection, numbers[1], "broken")
        inbox.refuse(connection, collection.id, {**entry, "sha256": None, "source": "/gone", "stored": False}, "gone")
    with database.read() as connection:
        assert [row["id"] for row in inbox.pending(connection)] == numbers[2:]
        assert {row["collection"] for row in inbox.pending(connection)} == {"a"}
        assert [row["reason"] for row in inbox.failed(connection, collection.id)] == ["broken", "gone"]
        assert inbox.waiting(connection, collection.id) == 2
    with database.write() as connection:
        assert inbox.clear_failed(connection, collection.id, sha256="9" * 64, source="/gone") == []
        assert inbox.clear_failed(connection, collection.id, sha256="1" * 64, source=None) == ["1" * 64]
        assert inbox.failed(connection, collection.id) == []
        assert inbox.waiting(connection, collection.id) == 2


def test_orders_come_back_as_they_went(database: Database, collection: CollectionRow) -> None:
    vectors = clusters(3, 4)
    points = Points(["a", "b", "c"], vectors, np.array([1, 2**40, 3]), [1.0, 2.0, 3.5])
    with database.write() as connection:
        written = [
            outbox.put(connection, collection, points),
            outbox.move(connection, collection, ["a"], np.array([9])),
            outbox.delete(connection, collection, ["b"]),
            outbox.forget(connection, collection, ["f" * 64]),
            outbox.drop(connection, collection),
        ]
    with database.read() as connection:
        orders = outbox.unfinished(connection)
    assert [order.operation for order in orders] == ["put", "move", "delete", "forget", "drop"]
    assert [order.id for order in orders] == [order.id for order in written]
    stored = orders[0].points
    assert stored is not None
    np.testing.assert_array_equal(stored.vectors, vectors)
    np.testing.assert_array_equal(stored.micro_ids, points.micro_ids)
    assert list(stored.added_at) == [1.0, 2.0, 3.5]
    assert orders[1].micro_ids is not None
    assert orders[1].micro_ids.tolist() == [9]
    with database.write() as connection:
        outbox.finish(connection, [order.id for order in orders])
        assert outbox.unfinished(connection) == []


def test_events_of_several_threads_keep_one_order(database: Database, collection: CollectionRow) -> None:
    def work(thread: int) -> None:
        for step in range(15):
            with database.write() as connection:
                entries = [{"kind": "attach", "image_id": f"{thread} {step} {i}", "category": i} for i in range(3)]
                events.append(connection, collection.id, entries)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        page = events.page(connection, collection.id, limit=1000)
    assert [row["cursor"] for row in page] == list(range(1, 181))
    with database.write() as connection:
        events.forget_images(connection, collection.id, ["0 0 0", "3 2 1"])
        assert len(events.page(connection, collection.id, limit=1000)) == 178


def test_a_reader_sees_one_moment(database: Database, collection: CollectionRow) -> None:
    with database.read() as connection:
        assert collections.size(connection, collection.id) == 0
        with database.write() as writing:
            taxonomy.open_micros(writing, collection.id, {0: None})
            images.insert(writing, collection.id, [_image(0)])
        assert collections.size(connection, collection.id) == 0
    with database.read() as connection:
        assert collections.size(connection, collection.id) == 1


def test_a_deleted_collection_takes_all_its_rows_along(database: Database, collection: CollectionRow) -> None:
    with database.write() as connection:
        taxonomy.open_micros(connection, collection.id, {0: None})
        taxonomy.create(connection, collection.id, [0])
        images.insert(connection, collection.id, [_image(0)])
        events.append(connection, collection.id, [{"kind": "attach", "image_id": "i0"}])
        inbox.refuse(connection, collection.id, {"name": "n", "stored": False}, "why")
        collections.delete(connection, collection.id)
    with database.read() as connection:
        for name in ("images", "micros", "categories", "events", "inbox"):
            assert connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[name])).scalar_one() == 0


def test_a_library_works_end_to_end(url: sa.URL, tmp_path: Path) -> None:
    address = url.render_as_string(hide_password=False)
    with Library.open(tmp_path / "library", encoder="vectors:8", database=address) as library:
        collection, other = library.collection("a"), library.collection("b")
        collection.add_vectors([f"v{i}" for i in range(300)], clusters(300), metadata=[{"n": i} for i in range(300)])
        other.add_vectors([f"v{i}" for i in range(50)], clusters(50))
        collection.run()
        assert collection.delete([f"v{i}" for i in range(20)]) == 20
        before = check(collection, tmp_path)
        assert collection.image("v30").metadata == {"n": 30}
        assert collection.search(vector=clusters(300)[40], limit=1)[0].image_id == "v40"
        assert library.delete_collection("b") == 50
        assert left_over(library) == {"inbox": 0, "outbox": 0}
    with Library.open(tmp_path / "library", database=address) as library:
        assert check(library.collection("a"), tmp_path) == before
    with Library.open(tmp_path / "pictures", encoder="classic", database=address) as library:
        collection = library.collection("pictures")
        report = collection.add([*(picture(i) for i in range(20)), b"broken"])
        assert (len(report.filed), len(report.refused), len(collection.failed())) == (20, 1, 1)
        check(collection, tmp_path)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////nowhere/at/all.sqlite", "postgresql+psycopg://nobody@127.0.0.1:9/x"]
)
def test_a_database_that_cannot_be_had_gives_a_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Database(url)


def test_a_connection_that_the_server_closed_is_replaced(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("a file closes no connection")
    from categoriser.catalog import database as module

    with database.read() as one, database.read() as other:  # two connections, both back in the pool afterwards
        own = one.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        other.execute(sa.text("SELECT 1"))
    killer = sa.create_engine(database.engine.url)
    with killer.connect() as connection:
        assert connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": own}).scalar_one()
    killer.dispose()
    monkeypatch.setattr(module, "_FRESH_SECONDS", -1.0)
    with database.read() as one, database.read() as other:
        assert one.execute(sa.text("SELECT 1")).scalar_one() == other.execute(sa.text("SELECT 1")).scalar_one() == 1


@given(st.lists(st.integers(), max_size=40) | st.integers(0, 1200).map(lambda count: list(range(count))))
def test_lists_for_in_have_few_lengths_and_the_same_members(values: list[int]) -> None:
    given = padded(values)
    assert set(given) == set(values)
    assert given[: len(values)] == values
    assert len(given) < 2 * max(1, len(values))
    assert len(given).bit_count() <= 1
    given_in_parts = list(parts(values))
    assert set().union(*given_in_parts) == set(values)
    assert all(len(part) <= 2 * MOST and len(part).bit_count() == 1 for part in given_in_parts)
