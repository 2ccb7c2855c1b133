"""Lives the life of one collection until it is killed, and says what it does: lived.py LIBRARY SEED.

One line of JSON before each deed and one after it, with all that must be found again if nothing else happened.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from categoriser import CategoriserError, Collection, Library
from categoriser.catalog import history
from tests.whole import clusters

DIMENSION = 6
VECTORS = clusters(6000, DIMENSION, centres=9, seed=4, noise=0.5)


def snapshot(collection: Collection) -> dict[str, Any]:
    """Assignments, facts of categories, decisions of people, and images that no run may move."""
    categories = collection.categories()
    with collection._storage.database.read() as connection:
        decided = sorted(list(one) for one in history.decided(connection, collection.row.id))
    with collection._storage.states.writing(collection.row.id) as state:
        micro_of = state.grouping.micro_of
        pinned = set(state.positions.rows[np.isin(micro_of, list(state.grouping.rules.pinned))].tolist())
    assigned = collection.assignments()
    with collection._storage.database.read() as connection:
        rows = {image_id: row for image_id, row in _rows(connection, collection).items() if row in pinned}
    return {
        "version": collection.row.taxonomy_version,
        "assigned": assigned,
        "facts": {one.id: [one.label, one.named_by, one.locked, one.hidden] for one in categories},
        "decided": decided,
        "pinned": {image_id: assigned[image_id] for image_id in rows},
    }


def _rows(connection: Any, collection: Collection) -> dict[str, int]:
    from categoriser.catalog import images

    return {one["image_id"]: one["row"] for one in images.everything(connection, collection.row.id)}


def deeds(  # noqa: C901 - a list of small ones
    collection: Collection, rng: random.Random
) -> dict[str, Callable[[], tuple[Any, Callable[[], object]]]]:
    """What can be done, by name: each draws what it is about, and answers that with the deed itself."""

    def category() -> str:
        return rng.choice([one.id for one in collection.categories()] or ["nobody-0"])

    def image() -> str:
        return rng.choice(list(collection.assignments()) or ["nobody"])

    def upload() -> tuple[Any, Callable[[], object]]:
        first, number = collection.row.next_row, rng.randint(1, 40)
        ids = [f"v{i}" for i in range(first, first + number)]
        return ids, lambda: collection.add_vectors(ids, VECTORS[first : first + number])

    def delete() -> tuple[Any, Callable[[], object]]:
        ids = sorted({image() for _ in range(3)})
        return ids, lambda: collection.delete(ids)

    def move() -> tuple[Any, Callable[[], object]]:
        ids, target = sorted({image(), image()}), rng.choice([None, category()])
        return ids, lambda: collection.move(ids, target)

    def undo() -> tuple[Any, Callable[[], object]]:
        version = max(1, collection.row.taxonomy_version - rng.randint(0, 4))
        return version, lambda: collection.undo(version)

    def undo_event() -> tuple[Any, Callable[[], object]]:
        log = collection.events(types=["move", "merge", "split", "spawn", "rename"], limit=10_000)
        cursor = rng.choice(log[-30:]).cursor if log else 1
        return cursor, lambda: collection.undo(event=cursor)

    def some_steps() -> tuple[Any, Callable[[], object]]:
        plan = collection.plan()
        chosen = [step.id for step in plan.steps if rng.random() < 0.5]
        return chosen, lambda: collection.apply(plan, chosen)

    def decide() -> tuple[Any, Callable[[], object]]:
        found = collection.suggestions()
        number = rng.choice(found).id if found else 0
        return number, lambda: (collection.accept if rng.random() < 0.7 else collection.dismiss)(number)

    def about(deed: Callable[[str], object]) -> Callable[[], tuple[Any, Callable[[], object]]]:
        def draw() -> tuple[Any, Callable[[], object]]:
            chosen = category()
            return chosen, lambda: deed(chosen)

        return draw

    dial = rng.choice(["broad", "balanced", "fine"])
    return {
        "upload": upload,
        "delete": delete,
        "run": lambda: (None, collection.run),
        "some steps": some_steps,
        "move": move,
        "reject": lambda: (chosen := image(), lambda: collection.reject([chosen])),
        "merge": about(lambda one: collection.merge(one, [category()])),
        "split": about(collection.split),
        "rename": about(lambda one: collection.rename(one, f"name {rng.randint(0, 99)}")),
        "lock": about(lambda one: collection.lock(one, rng.random() < 0.5)),
        "apart": about(lambda one: collection.never_merge(one, category())),
        "dial": lambda: (dial, lambda: collection.set_granularity(dial)),
        "undo": undo,
        "undo event": undo_event,
        "decide": decide,
    }


def main(folder: str, seed: str) -> None:
    """Until somebody ends it."""
    rng = random.Random(int(seed))
    with Library.open(folder, encoder=f"vectors:{DIMENSION}", automatic_runs=False) as library:
        collection = library.collection("a")
        say({"after": "opening", **snapshot(collection)})
        while collection.row.next_row < len(VECTORS) - 40:
            possible = deeds(collection, rng)
            name = rng.choice([*possible, "upload", "run"])
            chosen, deed = possible[name]()
            say({"before": name, "about": chosen})
            try:
                deed()
            except CategoriserError as error:
                name = f"{name}, refused: {error}"
            say({"after": name, **snapshot(collection)})


def say(line: dict[str, Any]) -> None:
    """One write per line."""
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
