"""What ``categoriser doctor --repair`` shows and does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from categoriser.cli.output import print_json, print_table, say, tell, waiting
from categoriser.library import Library
from categoriser.library.repair import Finding, Mended, find_faults, mend


def repair_library(folder: Path, encoder: str | None, *, really: bool, json: bool) -> None:
    """Look, show, and mend if that is really wanted; exit code 1 while anything is left."""
    with Library.open(folder, encoder, create=False, resume=False) as library:
        with waiting("Comparing images, vectors and files"):
            found = find_faults(library)
        done: list[Mended] = []
        left = found
        if really and found:
            with waiting("Repairing"):
                done = list(mend(found))
                left = find_faults(library)
    if json:
        print_json({"found": _plain(found), "repaired": [_told(one) for one in done], "left": _plain(left)})
    else:
        _print(found, done, left, really=really)
    if left:
        raise typer.Exit(1)


def _print(found: Sequence[Finding], done: Sequence[Mended], left: Sequence[Finding], *, really: bool) -> None:
    if not found:
        say("Nothing to repair: images, vectors, files and engine states agree.")
        return
    rows = [(one.kind, one.collection, one.number, ", ".join(one.examples)) for one in found]
    print_table("Found", ("what", "collection", "number#", "for example"), rows)
    for one in found:
        say(f"{'' if one.repairable else 'Not repairable: '}{one.sentence}")
    if not really:
        say("Nothing was changed; `categoriser doctor --repair --yes` does it. Make a backup before.")
        return
    for outcome in done:
        say(f"Repaired: {outcome.finding.kind}, {outcome.changed} of {outcome.finding.number}.")
        if outcome.problem is not None:
            tell(outcome.problem, style="yellow")
    say("Nothing is left to repair." if not left else f"{len(left)} problem(s) are left:")
    for one in left:
        say(f"  {one.sentence}")


def _plain(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "kind": one.kind,
            "collection": one.collection,
            "number": one.number,
            "sentence": one.sentence,
            "examples": one.examples,
            "repairable": one.repairable,
        }
        for one in findings
    ]


def _told(outcome: Mended) -> dict[str, object]:
    return {
        "kind": outcome.finding.kind,
        "collection": outcome.finding.collection,
        "changed": outcome.changed,
        "problem": outcome.problem,
    }
