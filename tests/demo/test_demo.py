"""The demo from beginning to end, with the real service as a process."""

from __future__ import annotations

import colorsys
import json
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from categoriser.cli.app import app


def demo(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["demo", *(str(one) for one in arguments)])


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Sixty pictures: four colours with stripes of four directions, in folders by colour, and a broken one."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(48), np.arange(48))
    for kind in range(4):
        folder = tmp_path / "pictures" / f"<{kind}>"
        folder.mkdir(parents=True)
        colour = np.array(colorsys.hsv_to_rgb(kind / 4, 1, 1))
        for number in range(15):
            stripes = np.sin((across * np.cos(kind) + down * np.sin(kind)) / 3 + rng.uniform(0, 6)) * 0.4 + 0.6
            noise = rng.normal(0, 0.04, (48, 48, 1))
            pixels = np.clip(stripes[..., None] * colour + noise, 0, 1) * 255
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number} & more.png")
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return tmp_path / "pictures"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs))


def test_a_folder_is_streamed_filed_found_and_shown(colours: Path, tmp_path: Path) -> None:
    output = tmp_path / "demo"
    result = demo(colours, "--encoder", "classic", "--output", output, "--labels", "folders", "--json")
    assert result.exit_code == 1, result.stderr
    report = json.loads(result.stdout)
    assert (report["offered"], report["accepted"], report["again"], report["lost"], report["doubled"]) == (
        61,
        60,
        0,
        0,
        0,
    )
    assert [one["item"] for one in report["refused"]] == ["broken.jpg"]
    assert sum(one["size"] for one in report["categories"]) + report["unsorted"] == 60
    assert report["agreement"]["ari"] > 0.5
    assert report["rate"] > 0
    assert len(report["searches"][0]["results"]) == 12
    text = (output / "index.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert {one["title"] for one in page.pictures} >= {f"<{kind}>/0 & more.png" for kind in range(2)} or page.pictures
    assert all(Image.open(output / str(one["src"])).format == "JPEG" for one in page.pictures)
    assert "<0>/" not in text  # names are escaped
    assert not re.search(r'(src|href)="(https?:)?//', text)  # nothing comes from elsewhere


def test_digits_need_no_pictures_and_are_scored(tmp_path: Path) -> None:
    result = demo("--limit", 150, "--output", tmp_path / "demo")
    assert result.exit_code == 0, result.stderr
    for expected in ("150 of 150 pictures accepted", "lost: 0", "ACC", "NMI", "ARI", "pictures/s", "index.html"):
        assert expected in result.stdout
    assert len(list((tmp_path / "demo" / "digits").rglob("*.png"))) == 1797


def test_it_clears_its_own_library_and_never_another(colours: Path, tmp_path: Path) -> None:
    output = tmp_path / "demo"
    for _ in range(2):
        result = demo(colours, "--encoder", "classic", "--output", output, "--limit", 10, "--json")
        assert json.loads(result.stdout)["accepted"] == 10
    theirs = tmp_path / "other" / "library"
    theirs.mkdir(parents=True)
    (theirs / "catalog.sqlite").write_text("precious")
    refused = demo(colours, "--encoder", "classic", "--output", tmp_path / "other")
    assert refused.exit_code == 2
    assert "stays as it is" in refused.stderr
    assert (theirs / "catalog.sqlite").read_text() == "precious"


def test_it_falls_back_loudly_but_not_from_an_encoder_asked_for(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATEGORISER_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty-cache"))
    result = demo(colours, "--output", tmp_path / "demo", "--limit", 12)
    assert result.exit_code == 0, result.stderr
    assert "laion-clip-b32 cannot be had" in result.stderr
    assert "by look" in result.stderr
    assert "ARI" not in result.stdout  # folders are classes only when somebody says so
    asked = demo(colours, "--encoder", "laion-clip-b32", "--output", tmp_path / "demo", "--limit", 12)
    assert asked.exit_code == 2
    assert "Traceback" not in asked.stderr


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = demo(tmp_path / "empty", "--output", tmp_path / "demo")
    assert result.exit_code == 2
    assert "holds no pictures" in result.stderr


def test_pictures_that_are_all_refused_end_with_a_page_and_a_failure(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    result = demo(tmp_path / "pictures", "--encoder", "classic", "--output", tmp_path / "demo")
    assert result.exit_code == 1
    assert "1 refused" in result.stdout
    assert (tmp_path / "demo" / "index.html").exists()


def test_it_stays_until_somebody_has_seen_enough(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "categoriser",
        "demo",
        "--limit",
        "40",
        "--output",
        str(tmp_path),
        "--keep",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(one for one in process.stderr if one.startswith("Open "))
        address = line.split()[1].rstrip(";")
        base, _, collection = address.partition("/c/")
        assert httpx.get(f"{base}/v1/collections/{collection}").json()["images"] == 40
        assert httpx.get(address).headers["content-type"].startswith("text/html")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert json.loads(out)["lost"] == 0
