"""A story of one collection, told by what the library answers: ``python -m benchmarks.story > docs/story.md``.

600 Caltech pictures come, two categories are merged, one is split, one is renamed and locked, ten images are corrected,
600 more come, the job runs three times and one run is undone. Needs the vectors of ``../shared``.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.data import real
from categoriser import Collection, Library

Say = Callable[[str], None]


def story(folder: Path, vectors: np.ndarray, classes: Sequence[str], say: Say) -> None:
    """Live through it, checking every promise on the way.

    Raises:
        AssertionError: a promise was broken.
    """
    order = np.random.default_rng(1).permutation(len(vectors))[:1200]
    names = [f"{classes[i]} {i}" for i in order]
    with Library.open(folder, f"vectors:{vectors.shape[1]}", automatic_runs=False) as library:
        collection = library.collection("anna")
        for part in range(0, 600, 100):
            collection.add_vectors(names[part : part + 100], vectors[order[part : part + 100]])
            report = collection.run()
        say(f"**600 pictures in six portions.** {report.categories} categories, {report.unsorted} unsorted.")
        largest = collection.categories()
        say(_table(collection, 5))

        winner, loser = largest[4].id, largest[5].id
        merged = collection.merge(winner, [loser])
        assert collection.category(loser).id == winner
        say(f"**Two are merged** (version {merged.version}): {loser} now leads to {collection.category(loser).id}.")

        cut = largest[0].id
        stays, leaves = collection.split_preview(cut)
        done = collection.split(cut, leaves, label="the other half")
        say(f"**One is split**: {len(stays)} stay in {cut}, {len(leaves)} are {done.category}, “the other half”.")

        kept = largest[1].id
        collection.rename(kept, "Mine")
        collection.lock(kept)
        locked = _members(collection, kept)
        say(f"**One is named “Mine” and locked**: {kept}, {len(locked)} images.")

        target = largest[2].id
        moved = [one for one, where in collection.assignments().items() if where not in {kept, target, None}][:10]
        fixed = collection.move(moved, target)
        say(f"**Ten images are moved** to {target}; {len(fixed.alike)} more look like them.")
        why = collection.why(moved[0])
        assert why.decided_by == "person"
        say(f"Why is “{moved[0]}” there? Decided by a {why.decided_by}; of its neighbours {_shares(why.shares)}.")

        for part in range(600, 1200, 200):
            collection.add_vectors(names[part : part + 200], vectors[order[part : part + 200]])
            plan = collection.plan()
            before = collection.assignments()
            doing = _steps([step.kind for step in plan.steps if step.automatic])
            say(
                f"**200 more.** The plan of the next run: {doing}; "
                f"{sum(not step.automatic for step in plan.steps)} steps only suggested; churn {plan.churn:.1%}."
            )
            assert collection.assignments() == before
            report = collection.run()
            after = collection.assignments()
            assert locked <= _members(collection, kept)
            assert collection.category(kept).label == "Mine"
            assert {after[one] for one in moved} == {target}
            assert collection.category(loser).id == winner
            say(
                f"The run (version {report.version}) took {report.seconds:.2f} s: {report.categories} categories, "
                f"{report.unsorted} unsorted, {report.moved} images in another category. “Mine” still has all its "
                "images, the ten are where they were put, the old id still leads on."
            )
        undone = collection.undo(report.version)
        assert collection.assignments() == before
        assert collection.as_of(report.version) == after
        say(
            f"**The last run is undone** (version {undone.version}): every image is where it was before it, and the "
            "taxonomy of that run can still be read."
        )
        say("The history: " + ", ".join(f"{one.version} {one.kind}" for one in reversed(collection.versions())) + ".")


def _table(collection: Collection, rows: int) -> str:
    lines = ["| id | label | images | cohesion |", "|---|---|---|---|"]
    lines += [
        f"| {one.id} | {one.label} | {one.size} | {one.cohesion or 0:.2f} |"
        for one in collection.categories(limit=rows)
    ]
    return "\n".join(lines)


def _members(collection: Collection, category: str) -> set[str]:
    return {one for one, where in collection.assignments().items() if where == category}


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{share:.0%} are in {category}" for category, share in shares.items()) or "none is filed"


def _steps(kinds: Sequence[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).items()) or "nothing"


def main() -> None:
    """Print the story."""
    found = real("caltech")
    if found is None:
        sys.exit("The story needs the vectors of ../shared/data/vectors/caltech.npz.")
    vectors, columns = found
    print(
        "# A story: identity, corrections, plans and undo\n\nPrinted by `python -m benchmarks.story`; "
        "`tests/library/test_story.py` lives through it as well.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        story(
            Path(folder) / "library", vectors, [str(one) for one in columns["label"]], lambda line: print(line + "\n")
        )


if __name__ == "__main__":
    main()
