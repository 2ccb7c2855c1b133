"""What starts the service in containers: the compose file, the image, and secrets in files."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from categoriser import ConfigurationError, Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def ours(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in compose["services"].items() if one["image"].startswith("categoriser:")}


def test_two_services_and_a_worker_run_the_same_image(compose: dict[str, Any]) -> None:
    assert set(ours(compose)) == {"migrate", "service", "worker"}
    assert len({one["image"] for one in ours(compose).values()}) == 1
    assert compose["services"]["service"]["deploy"]["replicas"] == 2
    assert compose["services"]["prometheus"]["profiles"] == ["metrics"]


def test_everything_starts_when_what_it_needs_is_healthy(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            needed = compose["services"][other]
            if how["condition"] == "service_healthy" and needed not in ours(compose).values():
                assert needed["healthcheck"]["test"], f"{name} waits for {other}"
            if how["condition"] == "service_completed_successfully":
                assert needed["restart"] == "no"
    for name in ("service", "worker"):
        assert set(compose["services"][name]["depends_on"]) == {"migrate", "postgres", "qdrant"}


def test_every_volume_and_secret_that_is_used_is_declared_and_nothing_secret_is_said(compose: dict[str, Any]) -> None:
    used, secrets = set(), set()
    for service in compose["services"].values():
        used |= {one.partition(":")[0] for one in service.get("volumes", ()) if not one.startswith(".")}
        secrets |= set(service.get("secrets", ()))
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|KEY|DATABASE", variable):
                assert variable.endswith("_FILE")
                assert value.startswith("/run/secrets/")
                assert value.rpartition("/")[2] in service["secrets"]
    assert used == set(compose["volumes"])
    assert secrets == set(compose["secrets"])


def test_our_containers_write_only_where_they_must_and_are_nobody(compose: dict[str, Any]) -> None:
    for service in ours(compose).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert image.index("USER categoriser") < image.index("ENTRYPOINT")
    assert "HEALTHCHECK" in image


def test_what_the_containers_are_told_are_settings(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in compose["services"]["service"]["environment"].items():
        if variable.endswith("_FILE"):
            (tmp_path / variable).write_text("postgresql+psycopg://someone:secret@host/name\n", encoding="utf-8")
            monkeypatch.setenv(variable, str(tmp_path / variable))
        else:
            monkeypatch.setenv(variable, re.sub(r"\$\{\w+:?-(.*)\}", r"\1", value))
    settings = Settings.load()
    assert settings.is_shared
    assert settings.database == "postgresql+psycopg://someone:secret@host/name"
    assert "secret" not in repr(settings.store)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATEGORISER_STORE__API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="CATEGORISER_STORE__API_KEY_FILE names"):
        Settings.load()


def test_secrets_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts" / "make-secrets.sh", tmp_path / "scripts")
    made = []
    for _ in range(2):
        subprocess.run([script], check=True, timeout=60)
        made.append({one.name: one.read_text(encoding="utf-8") for one in (tmp_path / "secrets").iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"postgres_password", "qdrant_api_key", "database_url"}
    assert made[0]["postgres_password"] in made[0]["database_url"]
    assert len({*made[0].values()}) == 3
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_docker_reads_the_compose_file(tmp_path: Path) -> None:
    found = shutil.which("docker")
    if found is None or subprocess.run([found, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    folder = shutil.copytree(ROOT, tmp_path / "all", ignore=shutil.ignore_patterns(".*", "tests", "benchmarks", "web"))
    subprocess.run([folder / "scripts" / "make-secrets.sh"], check=True, timeout=60)
    answer = subprocess.run(
        [found, "compose", "config", "--quiet"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
