"""ONNX files with a sidecar: a tiny one written here byte by byte, and real MobileNets where they lie nearby."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from categoriser.encoders import open_encoder
from categoriser.errors import ConfigurationError, MissingWeightsError

SIDECAR = """
name = "means"
summary = "groups by mean colour"
[picture]
short_side = 20
crop = 16
factor = 0.5
mean = [1.0, 2.0, 3.0]
std = [2.0, 2.0, 4.0]
[input]
name = "image"
[output]
name = "embedding"
"""


def field(number: int, value: bytes | str | int) -> bytes:
    """One protobuf field, as ONNX files consist of."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def mean_colour_model(batch: int | str = "n", element: int = 1) -> bytes:
    """Image [n, 3, 16, 16] → embedding [n, 3]: the mean of every channel. ``element``: 1 float32, 7 int64."""

    def value(name: str, shape: list[int | str]) -> bytes:
        dims = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape)
        tensor = field(1, element) + field(2, dims)
        return field(1, name) + field(2, field(1, tensor))

    pool = field(1, "image") + field(2, "pooled") + field(4, "GlobalAveragePool")
    flat = field(1, "pooled") + field(2, "embedding") + field(4, "Flatten")
    graph = field(1, pool) + field(1, flat) + field(2, "means")
    graph += field(11, value("image", [batch, 3, 16, 16])) + field(12, value("embedding", [batch, 3]))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "means.onnx"
    file.write_bytes(mean_colour_model())
    (tmp_path / "means.onnx.toml").write_text(SIDECAR)
    return file


def test_pictures_are_scaled_shifted_and_brought_to_unit_length(model: Path) -> None:
    encoder = open_encoder(f"onnx:{model}", device="cpu")
    vectors = encoder.encode_images([Image.new("RGB", (40, 30), (100, 60, 20))] * 20)
    raw = (np.array([100, 60, 20]) * 0.5 - [1, 2, 3]) / [2, 2, 4]
    assert vectors.shape == (20, 3)
    assert np.allclose(vectors, raw / np.linalg.norm(raw), atol=1e-5)
    assert (encoder.dimension, encoder.image_side, encoder.device) == (3, 20, "cpu")
    assert encoder.summary == "groups by mean colour"
    assert encoder.encode_texts(["a dog"]) is None
    assert encoder.encode_images([]).shape == (0, 3)


def test_a_model_with_a_fixed_batch_takes_any_number(tmp_path: Path, model: Path, pictures: list[Image.Image]) -> None:
    expected = open_encoder(f"onnx:{model}").encode_images(pictures)
    model.write_bytes(mean_colour_model(batch=7))
    assert np.allclose(open_encoder(f"onnx:{model}").encode_images(pictures), expected, atol=1e-5)


def test_the_id_follows_weights_and_preprocessing_not_the_place(tmp_path: Path, model: Path) -> None:
    first = open_encoder(f"onnx:{model}").id
    moved = tmp_path / "elsewhere" / "renamed.onnx"
    moved.parent.mkdir()
    moved.write_bytes(model.read_bytes())
    (moved.parent / "renamed.toml").write_text(SIDECAR)
    assert open_encoder(f"onnx:{moved}").id == first
    (moved.parent / "renamed.toml").write_text(SIDECAR.replace("short_side = 20", "short_side = 16"))
    assert open_encoder(f"onnx:{moved}").id != first


def test_a_missing_sidecar_is_answered_with_an_example(model: Path) -> None:
    (model.parent / "means.onnx.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"means\.onnx\.toml beside it.*docs/onnx\.md"):
        open_encoder(f"onnx:{model}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "image"', 'name = "pixels"', r"no input called 'pixels', it has: image"),
        ('name = "embedding"', 'name = "features"', r"no output called 'features', it has: embedding"),
        ("crop = 16", "crop = 18", "correct the crop"),
        ("crop = 16", 'crop = "wide"', r"picture\.crop"),
        ("crop = 16", "crop = 16\ncolour = 1", r"picture\.colour"),
        ("[picture]", "[picture", "is not TOML"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused_by_name(model: Path, old: str, new: str, message: str) -> None:
    (model.parent / "means.onnx.toml").write_text(SIDECAR.replace(old, new))
    with pytest.raises(ConfigurationError, match=message):
        open_encoder(f"onnx:{model}")


def test_files_that_are_no_models_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="There is no file"):
        open_encoder(f"onnx:{tmp_path / 'nothing.onnx'}")
    model.write_bytes(mean_colour_model(element=7))
    with pytest.raises(ConfigurationError):
        open_encoder(f"onnx:{model}")
    model.write_bytes(b"no model")
    with pytest.raises(ConfigurationError, match="no model that onnxruntime can load"):
        open_encoder(f"onnx:{model}")


def test_devices_that_are_not_there_are_refused(model: Path) -> None:
    with pytest.raises(ConfigurationError, match="'mps'"):
        open_encoder(f"onnx:{model}", device="mps")


def sample_rows(shared: Path, collection: str) -> tuple[list[Path], np.ndarray]:
    """Twelve pictures and their stored MobileNetV2 vectors; rows follow labels.csv or the sorted file names."""
    vectors = np.load(shared / f"data/vectors/{collection}.npz")["emb"].astype(np.float32)
    if collection == "fashion":
        with (shared / "data/fashion/labels.csv").open(newline="") as stream:
            files = [shared / "data/fashion" / row["file"] for row in csv.DictReader(stream)]
    else:
        files = sorted((shared / "data" / collection).glob("*/*"))
    assert len(files) == len(vectors)
    rows = np.random.default_rng(0).choice(len(files), 12, replace=False)
    return [files[row] for row in rows], vectors[rows] / np.linalg.norm(vectors[rows], axis=1, keepdims=True)


@pytest.mark.parametrize("collection", ["caltech", "fashion", "cifar10"])
def test_mobilenet_gives_the_stored_vectors(shared: Path, collection: str) -> None:
    encoder = open_encoder(f"onnx:{shared / 'models/mobilenetv2-imagenet/mobilenetv2_1.0_224_w8.onnx'}", threads=1)
    files, expected = sample_rows(shared, collection)
    images = [Image.open(file).convert("RGB") for file in files]
    cosines = (encoder.encode_images(images) * expected).sum(axis=1)
    assert encoder.dimension == 1280
    assert cosines.mean() > 0.99
    assert cosines.min() > 0.999


def test_the_second_mobilenet_runs_too(shared: Path, pictures: list[Image.Image]) -> None:
    encoder = open_encoder(f"onnx:{shared / 'models/mobilenetv1-embedder/mobilenetv1_1.0_224_w8.onnx'}", threads=1)
    together = encoder.encode_images(pictures[:9])
    alone = np.concatenate([encoder.encode_images([picture]) for picture in pictures[:9]])
    assert together.shape == (9, 1024)
    assert np.abs(together - alone).max() < 1e-4
