"""Whatever is done to a collection, killing the process at any moment leaves it as before the deed or as after it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from categoriser import Collection, Library, NotFoundError
from tests.killing import killed
from tests.library.lived import DIMENSION, snapshot
from tests.whole import check

CHILD = Path(__file__).with_name("lived.py")
RUNS = {"run", "some steps"}


def life(library: Path, seed: int, seconds: float) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Live and be killed: the last that was known for certain, and the deed that was under way."""
    lines = [
        json.loads(line)
        for line in killed(
            ["-m", "tests.library.lived", str(library), str(seed)],
            seconds,
            began=lambda first: first.startswith('{"after": "opening"'),
        )
        if line.endswith("\n")
    ]
    known = [line for line in lines if "after" in line][-1]
    return known, lines[-1] if "before" in lines[-1] else None


def as_before_or_as_after(collection: Collection, known: dict[str, Any], deed: dict[str, Any] | None) -> None:
    """Nothing that was said is lost, and the deed under way was done wholly or not at all."""
    now = snapshot(collection)
    before, after = known["assigned"], now["assigned"]
    name, about = (deed["before"], deed["about"]) if deed else (None, None)
    came, went = after.keys() - before.keys(), before.keys() - after.keys()
    assert came in (set(), set(about)) if name == "upload" else not came
    assert went in (set(), set(about) & before.keys()) if name == "delete" else not went
    if now["version"] == known["version"]:
        assert {one: where for one, where in after.items() if one not in came} == {
            one: where for one, where in before.items() if one not in went
        }
        assert now["decided"] == known["decided"]
        assert {one: facts for one, facts in known["facts"].items() if one in now["facts"]} == now["facts"]
    else:
        later = [one.kind for one in collection.versions(limit=3) if one.version > known["version"]]
        assert len(later) == 1 or (name in RUNS and later == ["naming", "run"])  # names have a version of their own
        assert name not in {None, "upload", "delete"}
    if known["version"]:  # what came since is not in it
        assert collection.as_of(known["version"]).items() <= before.items()
    if name in RUNS and now["version"] > known["version"]:
        assert known["pinned"].items() <= after.items()
        assert now["decided"] == known["decided"] or name == "some steps" or _merged(known, now)


def _merged(known: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether categories ended, which decisions follow."""
    return bool(known["facts"].keys() - now["facts"].keys())


def holds(collection: Collection, tmp: Path, seen: set[str]) -> None:
    """What must be true of any collection at any time."""
    assigned = check(collection, tmp, export=False)  # one place each, counts agree, events replay
    living = {one.id for one in collection.categories()}
    log = collection.events(limit=100_000)
    assert [one.cursor for one in log] == sorted({one.cursor for one in log})
    made = [one.detail["category"] for one in log if one.kind in {"spawn", "split"}]
    assert len(made) == len(set(made))  # no id is given twice
    assert seen <= set(made)  # and none is forgotten
    seen |= set(made)
    assert living <= set(made)
    for category in set(made) - living:
        try:
            assert collection.category(category).id in living
        except NotFoundError:
            continue  # it ended without a successor
    versions = collection.versions(limit=100_000)
    assert [one.version for one in versions] == list(range(collection.row.taxonomy_version, 0, -1))
    if versions:
        assert collection.as_of(versions[0].version).items() <= assigned.items()
    with collection._storage.states.writing(collection.row.id) as state:
        for micro, category in state.grouping.rules.rejected:
            assert state.category_of(micro) != category
        for one, other in state.grouping.rules.apart:
            assert one != other
    for suggestion in collection.suggestions():
        assert {suggestion.source, suggestion.target} - {None} <= living
        assert set(suggestion.examples) <= {one for one, where in assigned.items() if where == suggestion.source}


def lives(folder: Path, seed: int, rounds: int, longest: float) -> None:
    rng, seen = random.Random(seed), set[str]()
    for number in range(rounds):
        known, deed = life(folder / "library", 1000 * seed + number, rng.uniform(0.2, longest))
        with Library.open(folder / "library", encoder=f"vectors:{DIMENSION}", automatic_runs=False) as library:
            collection = library.collection("a")
            as_before_or_as_after(collection, known, deed)
            holds(collection, folder, seen)


def test_a_killed_life_goes_on_whole(tmp_path: Path) -> None:
    lives(tmp_path, seed=1, rounds=3, longest=2.0)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 8))
def test_many_killed_lives_go_on_whole(seed: int, tmp_path: Path) -> None:
    lives(tmp_path, seed=seed, rounds=25, longest=4.0)
