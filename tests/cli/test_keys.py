"""Keys on the command line, also beside a running service."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Command
from tests.cli.test_process import service
from tests.waiting import wait_until


def test_a_key_is_made_listed_rotated_and_revoked(run: Command, tmp_path: Path) -> None:
    made = run(
        "keys", "create", "--scope", "write:user-*", "--scope", "read:anna", "--label", "hook", "--expires", "30d"
    )
    key = made.out.strip()
    assert key.startswith("cat_")
    assert "shown once" in made.err
    listed = run("keys", "list", "--json")
    (info,) = listed.json["keys"]
    assert (info["label"], info["scopes"]) == ("hook", ["write:user-*", "read:anna"])
    assert abs(info["expires_at"] - info["created_at"] - 30 * 86400) < 1
    rotated = run("keys", "rotate", info["id"], "--grace", "1h", "--json")
    assert rotated.json["key"] != key
    assert "and the one before" in run("keys", "list").out
    assert "counts no more" in run("keys", "revoke", info["id"]).out
    listed = run("keys", "list")
    assert "revoked" in listed.out
    for secret in (key, rotated.json["key"]):
        assert secret.split("_")[2] not in listed.out + str(run("keys", "list", "--json").json)
    assert run("keys", "rotate-tokens", "--grace", "0s").code == 0
    assert run("keys", "audit", "--json").json == {"entries": [], "next": None}


def test_what_makes_no_sense_is_told_in_a_sentence(run: Command) -> None:
    assert run("keys", "list").code == 2  # no library yet
    for wrong in (
        ["--scope", "all"],
        ["--scope", "admin", "--expires", "soon"],
        ["--scope", "admin", "--expires", "0s"],
    ):
        result = run("keys", "create", *wrong)
        assert result.code == 2
        assert result.err.strip().endswith(".")
        assert result.out == ""
    run("keys", "create", "--scope", "admin")
    assert "no key 'x'" in run("keys", "revoke", "x").err


def test_keys_made_beside_a_running_service_close_it(run: Command) -> None:
    with service() as (_, facts), httpx.Client(base_url=facts["listening"], trust_env=False) as client:
        assert client.get("/v1/collections").status_code == 200
        key = run("keys", "create", "--scope", "admin").out.strip()
        wait_until(lambda: client.get("/v1/collections").status_code == 401)  # within a second
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/collections", headers=headers).status_code == 200
        run("keys", "revoke", key.split("_")[1])
        wait_until(lambda: client.get("/v1/collections", headers=headers).status_code == 401)
        assert "revoked" in client.get("/v1/collections", headers=headers).json()["error"]["message"]


def test_a_user_is_erased_after_a_preview(run: Command, folder: Path) -> None:
    run("add", folder, "--collection", "anna")
    preview = run("erase", "anna", "--preview", "--json")
    assert preview.json["before"]["rows of images"] == 12
    assert preview.json["after"] is None
    assert run("erase", "anna", "--json").code == 2
    kept = run("erase", "anna", answer="n\n")
    assert kept.code == 1
    assert "Nothing was deleted" in kept.err
    done = run("erase", "anna", "--yes", "--json")
    assert done.json["complete"]
    assert set(done.json["after"].values()) == {0}
    assert run("erase", "anna", "--yes").code == 2
    assert len(list(folder.iterdir())) == 12  # your own files stay


def test_keys_of_a_service_are_made_by_its_admins(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service() as (_, facts), httpx.Client(base_url=facts["listening"], trust_env=False) as client:
        monkeypatch.setenv("CATEGORISER_URL", facts["listening"])
        monkeypatch.setenv("CATEGORISER_LIBRARY", str(tmp_path / "nothing"))  # of this machine nothing is needed
        admin = run("keys", "create", "--scope", "admin", "--label", "boss").out.strip()
        monkeypatch.setenv("CATEGORISER_KEY", admin)
        made = run("keys", "create", "--scope", "read:anna", "--expires", "1h", "--per-second", "5", "--json").json
        assert abs(made["expires_at"] - made["created_at"] - 3600) < 1
        listed = run("keys", "list", "--json").json["keys"]
        assert [(one["label"], one["scopes"], one["per_second"]) for one in listed] == [
            ("boss", ["admin"], None),
            ("", ["read:anna"], 5.0),
        ]
        assert set(listed[0]) | {"key"} == set(made)
        again = run("keys", "rotate", made["id"], "--grace", "10m", "--json").json
        for key in (made["key"], again["key"]):
            assert client.get("/v1/collections", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert "and the one before" in run("keys", "list").out
        assert "counts no more" in run("keys", "revoke", made["id"]).out
        assert client.get("/v1/collections", headers={"Authorization": f"Bearer {again['key']}"}).status_code == 401
        assert "another secret now" in run("keys", "rotate-tokens").out
        first = run("keys", "audit", "--limit", "1", "--json").json
        rest = run("keys", "audit", "--before", first["next"], "--json").json
        routes = [one["route"] for one in first["entries"] + rest["entries"]]
        assert routes[0] == "POST /v1/tokens/rotation"
        assert routes.count("POST /v1/keys") == 2
        assert run("keys", "audit", "--denied", "--json").json["entries"][0]["status"] == 401
        assert "no key 'x'" in run("keys", "revoke", "x").err
        monkeypatch.setenv("CATEGORISER_KEY", "cat_wrong")
        assert run("keys", "list").code == 2
    assert not (tmp_path / "nothing").exists()
