"""Views on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.descriptions import described
from tests.whole import pictures


def test_a_view_is_made_shown_searched_and_deleted(run: Command, tmp_path: Path) -> None:
    run("add", pictures(tmp_path / "pictures", 60))
    ids = [one["id"] for one in run("images", "--limit", 100, "--json").json["images"]]
    texts = tmp_path / "texts.jsonl"
    rows = zip(ids, described(60)[0], strict=True)
    texts.write_text("".join(json.dumps({"id": one, "text": text}) + "\n" for one, text in rows))
    made = run("view", "create", "by object", "--criterion", "object", "--texts", texts, "--json")
    assert made.code == 0, made.err
    assert (made.json["images"], made.json["categories"]) == (60, 4)
    assert [one["name"] for one in run("views", "--json").json["views"]] == ["by object"]
    shown = run("view", "show", "by object", "--json").json
    assert {one["label"] for one in shown["categories"]} == {"Horse", "Ship", "Dog", "Car"}
    assert "Horse" in run("view", "show", "by object").out
    same = run("categories", "--collection", "default//by object", "--json").json
    assert same["categories"] == shown["categories"]
    assert run("run", "--collection", "default//by object").code == 0
    found = run("search", "a horse", "--collection", "default//by object", "--json").json["results"]
    assert found[0]["label"] == "Horse"
    assert run("export", tmp_path / "out.csv", "--collection", "default//by object").code == 0
    checked = run("doctor", "--json").json
    assert checked["problems"] == []
    assert [one["name"] for one in checked["library"]["collections"]] == ["default", "default//by object"]
    assert run("view", "delete", "by object").code == 2
    assert run("view", "delete", "by object", "--yes", "--json").json == {"deleted": 60}
    assert run("view", "show", "by object").code == 2
    assert len(run("images", "--limit", 100, "--json").json["images"]) == 60


def test_texts_that_cannot_be_read_or_filed_are_told(run: Command, tmp_path: Path) -> None:
    run("add", pictures(tmp_path / "pictures", 3))
    table = tmp_path / "texts.csv"
    table.write_text("id,text\nnobody,A cat\n")
    refused = run("view", "create", "v", "--texts", table)
    assert refused.code == 1
    assert "nobody" in refused.out + refused.err
    table.write_text("name,title\na,b\n")
    assert "lacks 'id'" in run("view", "create", "v", "--texts", table).err
    assert run("view", "create", "v", "--texts", tmp_path / "none.csv").code == 2
