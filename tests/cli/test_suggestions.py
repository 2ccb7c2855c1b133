"""Suggestions, events by kind and the undo of one event, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.library.test_decisions import turned


@pytest.fixture
def held(run: Command, tmp_path: Path) -> list[dict[str, object]]:
    """What a run holds back in a library in which everything is named."""
    library, collection = turned(tmp_path, "fine", "broad")
    with library:
        for category in collection.categories():
            collection.rename(category.id, f"named {category.number}")
        collection.run()
    found: list[dict[str, object]] = run("suggestions", "--collection", "a", "--json").json["suggestions"]
    return found


def test_suggestions_are_listed_accepted_and_dismissed(run: Command, held: list[dict[str, object]]) -> None:
    shown = run("suggestions", "--collection", "a").out
    assert all(str(one["reason"]) in shown for one in held)
    merge = next(one for one in held if one["kind"] == "merge")
    done = run("accept", merge["id"], "--collection", "a", "--json")
    assert done.json["moved"] == merge["images"]
    assert run("accept", merge["id"], "--collection", "a").code == 2
    left = run("suggestions", "--collection", "a", "--json").json["suggestions"]
    assert "dismissed" in run("dismiss", left[0]["id"], "--collection", "a").out
    twice = run("dismiss", left[0]["id"], "--collection", "a")
    assert twice.code == 1
    assert "dismissed already" in twice.err


def test_one_event_is_found_by_its_kind_and_undone(run: Command, held: list[dict[str, object]]) -> None:
    log = run("events", "--collection", "a", "--type", "rename", "--type", "suggest", "--json").json
    assert {one["kind"] for one in log["events"]} == {"rename", "suggest"}
    first = next(one for one in log["events"] if one["kind"] == "rename")
    assert run("undo", "--event", first["cursor"], "--collection", "a").code == 0
    named = [one["named_by"] for one in run("categories", "--collection", "a", "--json").json["categories"]]
    assert named.count("person") == len(named) - 1
    assert run("undo", "--event", first["cursor"], "--collection", "a").code == 1
    unknown = run("events", "--collection", "a", "--type", "renamed")
    assert unknown.code == 2
    assert "'renamed' is no kind of event" in unknown.err
    assert held


@pytest.mark.parametrize(
    "arguments",
    [
        ("undo", 2**63),
        ("undo", "--event", 2**63),
        ("versions", "--before", 2**63),
        ("accept", 2**63),
        ("dismiss", 2**63),
        ("suggestions", "--after", 2**63),
        ("events", "--after", 2**63),
        ("failed", "--after", 2**63),
        ("categories", "--limit", 2**63),
        ("images", "--category", 2**63),
    ],
)
def test_a_number_that_nothing_can_have_is_told_in_a_sentence(
    run: Command, folder: Path, arguments: tuple[object, ...]
) -> None:
    run("add", folder)
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "922337203685477580" in result.err  # what was given, or the largest that is taken
    assert "Traceback" not in result.err
