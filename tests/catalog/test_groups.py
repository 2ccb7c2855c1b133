"""Groups live as long as their categories, and older catalogs get them."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import categoriser.catalog
from categoriser.catalog import Database, collections, groups, taxonomy
from categoriser.catalog.collections import CollectionRow


def test_a_group_lives_exactly_as_long_as_a_category_of_it(database: Database, collection: CollectionRow) -> None:
    with database.write() as connection:
        taxonomy.create(connection, collection.id, [0, 1, 2])
        groups.assign(connection, collection.id, {0: 0, 1: 0, 2: 5})
        assert groups.settle(connection, collection.id) == groups.Settled(created=(0, 5))
        assert groups.settle(connection, collection.id) == groups.Settled()
        taxonomy.retire(connection, collection.id, {2: 0})
        assert groups.settle(connection, collection.id) == groups.Settled(ended=(5,))
        groups.lead(connection, collection.id, {5: 0})
        found = groups.find(connection, collection.id, 5)
        assert found is not None
        assert found["merged_into"] == 0
        assert list(groups.living(connection, collection.id)) == [0]
        taxonomy.revive(connection, collection.id, [2])
        assert groups.settle(connection, collection.id) == groups.Settled(revived=(5,))
        found = groups.find(connection, collection.id, 5)
        assert found is not None
        assert found["merged_into"] is None
        assert groups.of_categories(connection, collection.id) == {0: 0, 1: 0, 2: 5}


def test_categories_of_an_older_catalog_become_groups_of_their_own(
    database: Database, collection: CollectionRow
) -> None:
    with database.write() as connection:
        taxonomy.create(connection, collection.id, [3, 4, 6])
        taxonomy.retire(connection, collection.id, {4: 3})
        groups.assign(connection, collection.id, {3: 0, 4: 0, 6: 1})
        groups.settle(connection, collection.id)
        collections.update(connection, collection.id, next_category=7)
    config = Config()
    config.set_main_option("script_location", str(Path(categoriser.catalog.__file__).parent / "migrations"))
    for move, target in ((command.downgrade, "0003"), (command.upgrade, "head")):
        with database.write() as connection:
            config.attributes["connection"] = connection
            move(config, target)
            if target == "0003":
                assert "groups" not in sa.inspect(connection).get_table_names()
                assert len(taxonomy.micros_of(connection, collection.id, None)) == 0
    with database.write() as connection:
        assert groups.of_categories(connection, collection.id) == {3: 3, 4: 4, 6: 6}
        assert list(groups.living(connection, collection.id)) == [3, 6]
        assert (groups.find(connection, collection.id, 4) or {})["merged_into"] == 3
        assert groups.settle(connection, collection.id) == groups.Settled()
        row = collections.get(connection, collection.id)
        assert row is not None
        assert row.next_group == 7
