"""Conditions mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from categoriser.catalog import Database, facets, filtering, images, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.filtering import ImageFilter
from categoriser.library.filters import conditions

FACTS: list[dict[str, Any] | None] = [
    {"n": 5},
    {"n": 5.0, "s": "five"},
    {"n": "5", "s": "Five"},
    {"n": True},
    {"n": None},
    {"n": [1, "x", 5]},
    {"n": {"n": 5, "é": "ü"}},
    {"a.b": 1, "n": 10**30},
    {"n": -1.5, "s": "é"},
    None,
    {"n": [], "s": "'; DROP TABLE images; --"},
    {"n": [{"n": 5}], "s": "z"},
]


@pytest.fixture
def filled(database: Database, collection: CollectionRow) -> Database:
    """One image for each of ``FACTS``."""
    with database.write() as connection:
        taxonomy.open_micros(connection, collection.id, {0: None, 1: 7}, {0: 6, 1: 6})
        taxonomy.create(connection, collection.id, [7])
        rows = [
            {
                "row": i,
                "image_id": f"i{i}",
                "micro": i % 2,
                "added_at": 1e9 + 40 * 86400.0 * i,
                "taken_at": None,
                "metadata": facts,
                "width": 10 * i,
                "height": 50,
                "format": "JPEG" if i % 3 else None,
                "head_row": None,
            }
            for i, facts in enumerate(FACTS)
        ]
        images.insert(connection, collection.id, rows)
    return database


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"n": 5}, [0, 1, 5]),
        ({"n": 5.0}, [0, 1, 5]),
        ({"n": "5"}, [2]),
        ({"n": True}, [3]),
        ({"n": False}, []),
        ({"n": 1}, [5]),
        ({"n": None}, [4]),
        ({"n": ["5", "x", True]}, [2, 3, 5]),
        ({"n": []}, []),
        ({"n": {"gte": 1}}, [0, 1, 5, 7]),
        ({"n": {"gt": 1, "lt": 100}}, [0, 1, 5]),
        ({"n": {"lt": 0}}, [8]),
        ({"n": {"gte": "4", "lte": "6"}}, [2]),
        ({"n": {"exists": True}}, [0, 1, 2, 3, 5, 6, 7, 8, 10, 11]),
        ({"n": {"exists": False}}, [4, 9]),
        ({"n.n": 5}, [6]),
        ({"n.é": "ü"}, [6]),
        ({"n.0": 1}, []),
        ({"a\\.b": 1}, [7]),
        ({"a.b": 1}, []),
        ({"s": {"gte": "f"}}, [1, 8, 11]),  # by code points: "F" < "f" < "z" < "é"
        ({"s": {"gt": "z"}}, [8]),
        ({"s": "'; DROP TABLE images; --"}, [10]),
        ({"n": 10**30}, [7]),
        ({"n": 5, "s": "five"}, [1]),
        ({"x'; --": 1}, []),
    ],
)
def test_conditions_on_metadata(
    filled: Database, collection: CollectionRow, metadata: Mapping[str, Any], expected: list[int]
) -> None:
    wanted = ImageFilter(metadata=conditions(metadata))
    with filled.read() as connection:
        assert filtering.matching(connection, collection.id, wanted) == expected
        assert filtering.passing(connection, collection.id, wanted, [*range(20)]) == {*expected}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ImageFilter(), [*range(12)]),
        (ImageFilter(categories=(7,)), [1, 3, 5, 7, 9, 11]),
        (ImageFilter(categories=(), unsorted=True), [0, 2, 4, 6, 8, 10]),
        (ImageFilter(categories=(7,), unsorted=True), [*range(12)]),
        (ImageFilter(categories=()), []),
        (ImageFilter(min_width=20, max_width=40), [2, 3, 4]),
        (ImageFilter(orientation="square"), [5]),
        (ImageFilter(orientation="portrait", below=3), [0, 1, 2]),
        (ImageFilter(formats=("jpeg",), orientation="landscape"), [7, 8, 10, 11]),
        (ImageFilter(added_from=1e9 + 9 * 40 * 86400.0, stacked=False), [9, 10, 11]),
        (ImageFilter(stacked=True), []),
        (ImageFilter(rows=(3, 99)), [3]),
    ],
)
def test_other_conditions(
    filled: Database, collection: CollectionRow, wanted: ImageFilter, expected: list[int]
) -> None:
    with filled.read() as connection:
        assert filtering.matching(connection, collection.id, wanted) == expected


def test_facets_are_counted(filled: Database, collection: CollectionRow) -> None:
    everything = ImageFilter()
    with filled.read() as connection:
        assert facets.counts(connection, collection.id, everything, "category") == {None: 6, 7: 6}
        months = facets.counts(connection, collection.id, everything, "month")
        assert sum(months.values()) == 12
        assert months["2001-09"] == 1  # 1e9 seconds are 2001-09-09
        assert facets.counts(connection, collection.id, everything, "taken") == {None: 12}
        some = ImageFilter(categories=(7,), metadata=conditions({"n": {"exists": True}}))
        assert facets.counts(connection, collection.id, some, "format") == {None: 1, "JPEG": 4}
