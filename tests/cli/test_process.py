"""Real processes: exit codes, what goes to which stream, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import Command
from tests.waiting import wait_until
from tests.whole import picture


@contextmanager
def service(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "categoriser", "serve", "--port", "0", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_json_is_all_there_is_on_standard_output_and_progress_is_on_the_other(process: Command, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"broken")
    result = process("add", folder, "--json")
    assert result.code == 1
    assert result.json["filed"] == 12
    assert "Adding" in result.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "nowhere"), "There is no file or folder"),
        (("add", ".", "--encoder", "nonsense"), "Unknown encoder"),
        (("add", ".", "--encoder", "onnx:none.onnx"), "none.onnx"),
        (("serve", "--host", "0.0.0.0"), "no key yet"),
        (("show",), "Missing argument"),
        (("nonsense",), "No such command"),
        (("images", "--limit", "0"), "--limit"),
        (("demo", "nowhere"), "nowhere"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(run: Command, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert says in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_a_wrong_setting_is_named(process: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATEGORISER_BATCH_SIZE", "many")
    result = process("add", ".", "--json")
    assert result.code == 2
    assert "batch_size" in result.json["error"]["message"]
    assert result.err.count("\n") == 1  # one sentence, no traceback


def test_the_service_files_answers_and_stops_when_told(process: Command, folder: Path) -> None:
    with service() as (running, facts):
        assert facts["encoder"].startswith("classic")
        answer = httpx.post(
            f"{facts['listening']}/v1/collections/web/images", files={"file": ("a.png", picture(1))}, trust_env=False
        )
        assert answer.status_code == 201
        in_use = process("categories", "--collection", "web")
        assert in_use.code == 2
        assert "another process" in in_use.err
        assert "HTTP" in in_use.err
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert process("categories", "--collection", "web", "--json").json["images"] == 1


def test_a_taken_port_is_told_in_a_sentence(process: Command, tmp_path: Path) -> None:
    with service() as (_, facts):
        port = facts["listening"].rpartition(":")[2]
        result = process("serve", "--port", port, "--library", tmp_path / "other")
    assert result.code == 2
    assert "choose another port" in result.err


def test_the_service_never_falls_back_to_another_encoder(process: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATEGORISER_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", "empty-cache")
    result = process("serve", "--port", "0", "--encoder", "laion-clip-b32", "--json")
    assert result.code == 2
    assert result.json["error"]["code"] in {"missing_weights", "missing_extra"}
    assert "--encoder classic" in result.err


def test_an_interrupted_add_says_so_and_goes_on_next_time(process: Command, folder: Path) -> None:
    for seed in range(100, 340):  # more than can be filed before the signal arrives
        (folder / f"{seed}.png").write_bytes(picture(seed))
    command = [sys.executable, "-m", "categoriser", "add", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as adding:
        vectors = Path(os.environ["CATEGORISER_LIBRARY"]) / "vectors"
        wait_until(lambda: vectors.exists() or adding.poll() is not None)
        adding.send_signal(signal.SIGINT)
        message = adding.communicate(timeout=60)[1]
    assert adding.returncode == 130
    assert "Interrupted" in message
    assert "Traceback" not in message
    report = process("add", folder, "--json").json
    assert report["filed"] + report["known"] == 252
    assert process("categories", "--json").json["images"] == 252
