"""Search, counts and likeness at the command line."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from tests.cli.conftest import Command
from tests.library.test_stacking import photo


def test_search_for_and_against_page_by_page(run: Command, folder: Path) -> None:
    run("add", folder)
    ids = [one["id"] for one in run("images", "--json").json["images"]]
    both = run(
        "search", "--image-id", ids[0], "--image-id", ids[1], "--without-id", ids[2], "--min-relevance", 0, "--json"
    )
    assert both.code == 0
    found = [one["image_id"] for one in both.json["results"]]
    assert found
    assert not {*found} & {*ids[:3]}
    seen, cursor = [], []
    while True:
        page = run("search", "--image-id", ids[0], "--limit", 5, "--min-relevance", 0, *cursor, "--json").json
        seen += [one["image_id"] for one in page["results"]]
        if page["next"] is None:
            break
        cursor = ["--cursor", page["next"]]
    assert sorted([*seen, ids[0]]) == sorted(ids)
    groups = run("search", "--image-id", ids[0], "--by-category", "--min-relevance", 0, "--json").json["groups"]
    assert groups[0]["results"]


def test_filters_at_the_command_line(run: Command, folder: Path) -> None:
    run("add", folder)
    ids = [one["id"] for one in run("images", "--json").json["images"]]
    search = ("search", "--image-id", ids[0], "--min-relevance", 0, "--json")
    png = run(*search, "--filter", '{"formats": ["PNG"]}', "--limit", 100).json["results"]
    jpeg = run(*search, "--filter", '{"formats": ["JPEG"]}', "--limit", 100).json["results"]
    assert len(png) + len(jpeg) == len(ids) - 1
    assert run(*search, "--meta", 'stars={"gte": 4}').json["results"] == []
    assert run(*search, "--meta", "stars=4", "--category", "unsorted").json["results"] == []
    for wrong in (("--meta", "stars"), ("--filter", "{"), ("--filter", "[]"), ("--filter", '{"colour": 1}')):
        assert run(*search, *wrong).code == 2
    assert "0 found" in run("search", "--image-id", ids[0], "--filter", '{"min_width": 9000}').out


def test_counts_duplicates_and_likeness(run: Command, folder: Path) -> None:
    (folder / "large.png").write_bytes(photo(1))
    Image.open(folder / "large.png").save(folder / "small.jpg", quality=85)  # other bytes, the same picture
    run("add", folder)
    run("run")
    facets = run("facets", "--by", "format", "--by", "category", "--json").json["facets"]
    assert [sum(value["count"] for value in one["counts"]) for one in facets] == [14, 14]
    assert re.search(r"by format", run("facets", "--by", "format").out)
    page = run("duplicates", "--json").json
    assert (page["groups_in_all"], page["surplus"], page["groups"][0]["size"]) == (1, 1, 2)
    assert "1 group, 1 image" in run("duplicates").out
    assert run("similar", "none").code == 2
    for one in run("categories", "--json").json["categories"]:
        assert run("similar", one["id"], "--json").code == 0
