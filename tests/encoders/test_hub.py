"""Weights come from a model hub: here a small one on the loopback interface that speaks as much of its protocol."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[clip]'")

from huggingface_hub import constants
from PIL import Image

from categoriser.encoders import open_encoder
from categoriser.encoders.hub import needed_files
from categoriser.errors import ConfigurationError, MissingWeightsError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves every folder ``root/owner/name`` as a model."""

    root: Path
    asked: list[str]


class Answers(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        self.server.asked.append(path)
        if path.startswith("api/models/"):
            owner, name, *what = path.removeprefix("api/models/").split("/")
            folder = self.server.root / owner / name
            files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
            names = [str(file.relative_to(folder)) for file in files]
            if what[:1] == ["tree"]:
                sized = zip(names, files, strict=True)
                tree = [{"type": "file", "path": n, "size": f.stat().st_size, "oid": COMMIT} for n, f in sized]
                return self._send(json.dumps(tree).encode())
            info = {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
            return self._send(json.dumps(info).encode()) if files else self._send(b"", 404)
        owner, name, *rest = path.split("/")  # rest: resolve, revision, file
        file = self.server.root.joinpath(owner, name, *rest[2:])
        return self._send(file.read_bytes()) if file.is_file() else self._send(b"", 404)

    def _send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub(("127.0.0.1", 0), Answers)
    server.root, server.asked = tmp_path / "hub", []
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def publish_dinov2(hub: Hub, make_folder: Callable[[str], Path]) -> None:
    from transformers import Dinov2Config, Dinov2Model

    folder = hub.root / "facebook/dinov2-base"
    config = Dinov2Config(num_hidden_layers=1, num_attention_heads=4, mlp_ratio=1, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    shutil.copy(make_folder("dino") / "preprocessor_config.json", folder)
    (folder / "README.md").write_text("a model")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in a format that is not wanted")


def test_a_model_is_downloaded_once_and_then_found_without_the_hub(
    hub: Hub, make_folder: Callable[[str], Path]
) -> None:
    publish_dinov2(hub, make_folder)
    assert open_encoder("dinov2-base").dimension == 768
    assert not any(path.endswith("pytorch_model.bin") for path in hub.asked)
    hub.asked.clear()
    assert open_encoder("dinov2-base").id == "dinov2-base"
    assert hub.asked == []


def test_an_interrupted_download_is_finished_the_next_time(
    hub: Hub, make_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    publish_dinov2(hub, make_folder)
    first = open_encoder("dinov2-base").encode_images([Image.new("RGB", (40, 40), "red")])
    (fetched,) = (tmp_path / "cache").rglob("snapshots/*/preprocessor_config.json")
    fetched.unlink()
    with pytest.raises(MissingWeightsError, match="switched off"):
        open_encoder("dinov2-base", offline=True)
    again = open_encoder("dinov2-base").encode_images([Image.new("RGB", (40, 40), "red")])
    assert (first == again).all()


def test_a_model_the_hub_does_not_have_is_missing(hub: Hub) -> None:
    with pytest.raises(MissingWeightsError, match="404"):
        open_encoder("dinov2-base")


def test_a_text_model_without_its_tokenizer_is_not_taken_for_whole(
    hub: Hub, make_folder: Callable[[str], Path]
) -> None:
    from transformers import CLIPConfig, CLIPModel

    folder = hub.root / "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 20}, vision_config={**small, "image_size": 32}, projection_dim=512
    )
    CLIPModel(config).save_pretrained(folder)
    shutil.copy(make_folder("clip") / "preprocessor_config.json", folder)
    (folder / "README.md").write_text("a model")
    with pytest.raises(ConfigurationError, match="no tokenizer"):
        open_encoder("laion-clip-b32")


def test_of_the_same_weights_in_several_formats_one_is_fetched() -> None:
    assert needed_files(
        [
            "README.md",
            "config.json",
            "model.safetensors",
            "pytorch_model.bin",
            "open_clip_pytorch_model.bin",
            "open_clip_model.safetensors",
            "tf_model.h5",
            "onnx/config.json",
            "2_Dense/config.json",
            "2_Dense/pytorch_model.bin",
        ]
    ) == ["config.json", "2_Dense/config.json", "model.safetensors", "2_Dense/pytorch_model.bin"]
