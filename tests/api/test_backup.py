"""A backup that a running service makes when asked, from the route to the command."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import Start
from tests.cli.conftest import Command, run  # noqa: F401 - a fixture
from tests.waiting import wait_until
from tests.whole import check, picture


@pytest.fixture
def service(start: Start, tmp_path: Path) -> httpx.Client:
    client = empty(start, tmp_path)
    for seed in range(3):
        sent = client.post("/v1/collections/anna/images", files={"file": ("a.png", picture(seed))})
        assert sent.status_code == 201
    return client


def empty(start: Start, tmp_path: Path) -> httpx.Client:
    return start(operations={**_defaults(), "backup_folder": str(tmp_path / "backups")})


def _defaults() -> dict[str, object]:
    from categoriser.settings import Settings

    return Settings.load().operations.model_dump()


def test_a_service_makes_a_backup_while_it_works(service: httpx.Client, tmp_path: Path) -> None:
    assert service.get("/v1/backup").json()["status"] == "none"
    begun = service.post("/v1/backup", json={"name": "nightly"})
    assert begun.status_code == 202
    wait_until(lambda: service.get("/v1/backup").json()["status"] != "running")
    state = service.get("/v1/backup").json()
    assert state["problem"] is None
    assert (state["report"]["images"], state["report"]["folder"]) == (3, str(tmp_path / "backups" / "nightly"))


@pytest.mark.parametrize("name", ["..", "a/b", "/etc", "a\\b", "", "x" * 101, "a\nb", "."])
def test_no_name_leads_out_of_the_backup_folder(start: Start, tmp_path: Path, name: str) -> None:
    assert empty(start, tmp_path).post("/v1/backup", json={"name": name}).status_code in (400, 422)
    assert not (tmp_path / "backups").exists()


def test_without_a_backup_folder_a_service_writes_nothing(start: Start) -> None:
    refused = start().post("/v1/backup", json={"name": "nightly"})
    assert refused.status_code == 400
    assert "backup_folder" in refused.json()["error"]["message"]


def test_the_commands_back_up_a_running_service_and_restore_it(
    service: httpx.Client,
    run: Command,  # noqa: F811
    tmp_path: Path,
) -> None:
    in_use = run("backup", tmp_path / "elsewhere")
    assert in_use.code == 2
    made = run("backup", "mine", "--url", str(service.base_url), "--json")
    assert made.json["images"] == 3
    assert run("restore", tmp_path / "backups" / "mine", "--library", tmp_path / "library").code == 2  # not empty
    restored = run("restore", tmp_path / "backups" / "mine", "--library", tmp_path / "new", "--json")
    assert restored.json["images"] == 3
    assert run("doctor", "--repair", "--library", tmp_path / "new").code == 0
    assert "Nothing to do" in run("migrate", "--library", tmp_path / "new").out
    again = run("backup", tmp_path / "again", "--library", tmp_path / "new")
    assert "3 images" in again.out
    with Library.open(tmp_path / "new") as library:
        assert len(check(library.collection("anna"), tmp_path)) == 3
