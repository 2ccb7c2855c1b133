"""Runs: how a collection has developed, and what its names cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import serving
from tests.naming.conftest import ChatServer, chat
from tests.web.conftest import Visit, fill
from tests.web.scenes import scenes

pytestmark = pytest.mark.web
__all__ = ["chat"]  # a fixture


def test_quality_is_drawn_over_the_runs_with_the_corrections_between(
    visit: Visit, service: httpx.Client, drawn: list[Path], tmp_path: Path
) -> None:
    base = "/v1/collections/quality"
    fill(service, "quality", drawn)
    page = visit("/c/quality/runs")
    page.get_by_role("region", name="Quality over time").wait_for()
    before = len([one for one in service.get(f"{base}/versions").json()["versions"] if one["kind"] == "run"])
    first = service.get(f"{base}/categories").json()["categories"][0]
    service.patch(f"{base}/categories/{first['id']}", json={"label": "Mine"}).raise_for_status()
    fill(service, "quality", scenes(tmp_path / "more", 2, ["night", "zebra"], start=50))
    page.locator(f'[data-runs="{before + 1}"]').or_(page.locator(f'[data-runs="{before + 2}"]')).wait_for()
    now = service.get(f"{base}/categories").json()
    chart = page.get_by_role("region", name="Quality over time")
    chart.get_by_text(str(len(now["categories"])), exact=True).first.wait_for()
    corrections = chart.locator("figure").nth(3).locator("td").all_inner_texts()
    assert sum(map(int, corrections)) == 1
    page.get_by_text("No costs: no language model and no captions are set up").wait_for()


def test_what_models_cost_is_told_for_so_far_and_for_the_next_run(
    browser: Any, chat: ChatServer, tmp_path: Path
) -> None:
    chat.says("a photograph of a red kite over a green field")
    naming = {"captions": chat.url, "caption_model": "eyes", "automatic": False}
    with (
        Library.open(tmp_path / "library", "classic", automatic_runs=False, naming=naming) as library,
        serving(library) as service,
    ):
        library.collection("anna").add(scenes(tmp_path / "scenes", 6, ["tiles", "citrus"]))
        library.collection("anna").run()
        page = browser.new_context().new_page()
        page.goto(f"{service.base_url}/c/anna/runs")
        costs = page.get_by_role("region", name="What names cost")
        costs.get_by_text("Nothing was asked yet").wait_for()
        costs.get_by_text("pictures to describe").wait_for()
        assert chat.requests == []  # looking costs nothing
        service.post("/v1/collections/anna/name").raise_for_status()
        page.reload()
        costs.get_by_text(f"{len(chat.requests)} pictures described").wait_for()
        page.context.close()
