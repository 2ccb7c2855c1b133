"""Rows of the catalog against each other: micro-clusters as the images say, categories as the micro-clusters say."""

from __future__ import annotations

from collections.abc import Iterator

from categoriser.catalog import taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.library.library import Library
from categoriser.library.repair.findings import Finding, examples_of


def look_at_counts(library: Library, row: CollectionRow) -> Iterator[Finding]:
    """Micro-clusters that are missing or count wrongly, categories that have images and no row."""
    with library.storage.database.read() as connection:
        counted, stated = taxonomy.counted(connection, row.id), taxonomy.stated(connection, row.id)
        known = {number for number, _ in taxonomy.micro_categories(connection, row.id)}
        pointed = {category for _, category in taxonomy.micro_categories(connection, row.id) if category is not None}
        homeless = sorted(pointed - taxonomy.facts(connection, row.id, pointed).keys())
    wrong = sorted(n for n in counted.keys() | stated.keys() if counted.get(n, 0) != stated.get(n, 0))
    if wrong:
        yield Finding(
            "counts",
            row.name,
            len(wrong),
            f"{len(wrong)} micro-clusters of collection {row.name!r} count other images than they have; they are "
            "counted anew, and those that the catalog lost are Unsorted until the next run.",
            examples_of(wrong),
            lambda: _recount(library, row, counted, stated, known),
        )
    if homeless:
        yield Finding(
            "categories",
            row.name,
            len(homeless),
            f"{len(homeless)} categories of collection {row.name!r} have images and no row; they get one, without "
            "their names.",
            examples_of(row.category_id(number) for number in homeless),
            lambda: _recreate(library, row, homeless),
        )


def _recount(
    library: Library, row: CollectionRow, counted: dict[int, int], stated: dict[int, int], known: set[int]
) -> int:
    changes = {n: counted.get(n, 0) - stated.get(n, 0) for n in counted.keys() | stated.keys()}
    missing = counted.keys() - known
    with library.storage.states.excluding(row.id), library.storage.database.write() as connection:
        taxonomy.open_micros(connection, row.id, dict.fromkeys(missing), counted)
        taxonomy.count_images(connection, row.id, {n: by for n, by in changes.items() if by and n not in missing})
    return sum(by != 0 for by in changes.values())


def _recreate(library: Library, row: CollectionRow, numbers: list[int]) -> int:
    with library.storage.states.excluding(row.id), library.storage.database.write() as connection:
        taxonomy.create(connection, row.id, numbers)
    return len(numbers)
