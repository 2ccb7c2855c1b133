"""What a running service writes to its log: one line a record, the request it belongs to, and no secret."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from categoriser.settings import Settings
from categoriser.telemetry import request_id
from categoriser.telemetry.logs import JsonLines, TextLines, configure_logging
from categoriser.telemetry.secrets import without_secrets
from tests.services import service
from tests.whole import picture

SECRET = "hunter2-Zq8-secret"
WRITTEN = [
    f"Authorization: Bearer {SECRET}",
    f"authorization=Basic {SECRET}==",
    f"{{'Authorization': 'Bearer {SECRET}'}}",
    f"[(b'authorization', b'Bearer {SECRET}'), (b'x-api-key', b'{SECRET}')]",
    f"could not fetch https://user:{SECRET}@example.org/a.jpg",
    f"could not fetch https://{SECRET}@example.org/a.jpg?x=1",
    f"https://bucket.example.org/a.jpg?X-Amz-Signature={SECRET}&x=1",
    f"postgresql+psycopg://me:{SECRET}@db/x failed",
    f"X-Api-Key: {SECRET}",
    f'{{"api_key": "{SECRET}", "a": 1}}',
    f"Cookie: session={SECRET}",
    f"password={SECRET} token={SECRET} webhook_secret: {SECRET}",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_no_secret_is_left_in_what_is_logged(text: str) -> None:
    assert SECRET not in without_secrets(text)


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"], include_characters=".,;()'-"), max_size=60))
def test_plain_sentences_stay_as_they_are(text: str) -> None:
    harmless = f"Collection {text!r} has 3 images; see /docs and try again in 5 s."
    if not any(word in text.lower() for word in ("basic", "bearer", "digest")):
        assert without_secrets(harmless) == harmless


def _record(message: str, *arguments: object) -> logging.LogRecord:
    try:
        int(f"https://me:{SECRET}@example.org/")
    except ValueError:
        return logging.LogRecord("x", logging.ERROR, __file__, 1, message, arguments, sys.exc_info())


def test_a_json_line_has_its_request_and_its_exception() -> None:
    token = request_id.current.set("r-1")
    try:
        line = JsonLines().format(_record("no %s\nINFO forged", "way"))
    finally:
        request_id.current.reset(token)
    assert "\n" not in line
    assert SECRET not in line
    told = json.loads(line)
    assert (told["level"], told["message"], told["request_id"]) == ("error", "no way\nINFO forged", "r-1")
    assert "ValueError" in told["exception"]


def test_a_text_line_cannot_be_forged_by_a_name_with_a_line_break() -> None:
    record = _record("collection %r: %s", "a", "x\n2026-01-01 INFO all is well\x1b[2J")
    record.exc_info = None
    told = TextLines().format(record)
    assert "\n" not in told
    assert "\x1b" not in told
    assert "\\n2026-01-01" in told


def test_the_shipped_configuration_is_what_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setenv("CATEGORISER_OPERATIONS__LOG_FORMAT", "json")
    monkeypatch.setenv("CATEGORISER_OPERATIONS__LOG_LEVEL", "warning")
    try:
        configure_logging(Settings.load().operations)
        assert isinstance(root.handlers[0].formatter, JsonLines)
        assert root.level == logging.WARNING
        assert logging.getLogger("httpx").level == logging.WARNING
    finally:
        root.handlers[:], root.level = before


def test_a_service_logs_json_with_request_ids_and_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LOG_FORMAT": "json", "LOG_LEVEL": "debug", "ACCESS_LOG": "true"}.items():
        monkeypatch.setenv(f"CATEGORISER_OPERATIONS__{name}", value)
    monkeypatch.setenv("CATEGORISER_NAMING__API_KEY", SECRET)
    with (tmp_path / "log").open("wb") as log, service(tmp_path / "library", log) as (running, where):
        headers = {"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET, "X-Request-Id": "mine-1"}
        with httpx.Client(base_url=where, headers=headers, trust_env=False, timeout=60) as client:
            images = "/v1/collections/anna/images"
            assert client.post(images, files={"file": ("a.png", picture(1))}).status_code == 201
            for url in (f"http://me:{SECRET}@127.0.0.1:9/a.jpg", f"http://127.0.0.1:9/a.jpg?token={SECRET}"):
                assert client.post(images, json={"url": url}).status_code >= 400
            client.get(f"/v1/collections/anna/images?api_key={SECRET}&after=nonsense")
            client.get(f"/v1/collections/anna/search?text={SECRET}")
            client.get("/healthz%0aforged?token=" + SECRET)
            # a defect in the middle of a request: the folder of originals cannot be written
            originals = tmp_path / "library" / "originals"
            originals.rename(tmp_path / "away")
            originals.write_bytes(b"")
            assert client.post(images, files={"file": ("b.png", picture(2))}).status_code >= 500
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    text = (tmp_path / "log").read_text()
    assert SECRET not in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    access = [line for line in lines if line["logger"] == "categoriser.access"]
    assert len(access) == 7
    assert {line["request_id"] for line in access} == {"mine-1"}
    assert access[0] | {"milliseconds": 0, "time": ""} == {
        "time": "", "level": "info", "logger": "categoriser.access", "request_id": "mine-1", "method": "POST",
        "path": "/v1/collections/anna/images", "status": 201, "milliseconds": 0, "message": access[0]["message"],
    }  # fmt: skip
    assert not any("?" in line["path"] for line in access)
    errors = [line for line in lines if line["level"] == "error"]
    assert errors
    assert all(line.get("request_id") == "mine-1" for line in errors)
