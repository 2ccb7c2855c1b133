"""The command line as a person or a script meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from categoriser.cli.app import app
from tests.whole import pictures


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process on a library of the test's own."""
    monkeypatch.setenv("CATEGORISER_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("CATEGORISER_ENCODER", "classic")
    monkeypatch.delenv("COLUMNS", raising=False)  # as in a pipe: tables are as wide as they want to be
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, answer: str | None = None) -> Ran:
        result = CliRunner().invoke(app, [str(one) for one in arguments], input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process(run: Command, tmp_path: Path) -> Command:
    """Run a command as a process of its own."""

    def process(*arguments: object) -> Ran:
        command = [sys.executable, "-m", "categoriser", *(str(one) for one in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    return process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures."""
    return pictures(tmp_path / "pictures", 12)
