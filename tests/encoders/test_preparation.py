"""Resize and crop: what a network sees of a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from categoriser.encoders.base import unit_rows
from categoriser.encoders.preparation import Preparation, read_preparation
from categoriser.errors import ConfigurationError


def plan(short_side: int | None) -> Preparation:
    return Preparation(
        width=16,
        height=16,
        short_side=short_side,
        resample=Image.Resampling.BICUBIC,
        factor=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (300, 20), (20, 300), (60_000, 1), (1, 60_000), (17, 33)])
@pytest.mark.parametrize("short_side", [None, 16, 20])
def test_every_picture_gets_the_same_shape(size: tuple[int, int], short_side: int | None) -> None:
    prepared = plan(short_side).apply(Image.new("RGB", size, "red"))
    assert prepared.shape == (16, 16, 3)
    assert prepared.dtype == np.uint8
    assert (prepared == (255, 0, 0)).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_any_mode_is_read_as_rgb(mode: str) -> None:
    assert plan(16).apply(Image.new(mode, (20, 30))).shape == (16, 16, 3)


def test_the_crop_is_the_centre_and_the_stretch_is_everything() -> None:
    picture = Image.new("RGB", (48, 16), "blue")
    picture.paste("red", (16, 0, 32, 16))
    assert (plan(16).apply(picture)[:, 2:-2] == (255, 0, 0)).all()
    stretched = plan(None).apply(picture)
    assert tuple(stretched[8, 0]) == (0, 0, 255)
    assert tuple(stretched[8, 8]) == (255, 0, 0)


@pytest.mark.parametrize(
    ("size", "crop", "expected"),
    [
        ({"shortest_edge": 256}, {"height": 224, "width": 224}, (256, 224)),
        (256, 224, (256, 224)),
        ({"height": 224, "width": 224}, None, (None, 224)),
        ({"height": 224, "width": 224}, {"height": 224, "width": 224}, (None, 224)),
    ],
)
@pytest.mark.parametrize("file", ["preprocessor_config.json", "processor_config.json"])
def test_old_and_new_configurations_are_read(
    tmp_path: Path, size: object, crop: object, expected: tuple[int | None, int], file: str
) -> None:
    config = {
        "size": size,
        "crop_size": crop,
        "do_center_crop": crop is not None,
        "resample": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    content = {"image_processor": config} if file == "processor_config.json" else config
    (tmp_path / file).write_text(json.dumps(content))
    read = read_preparation(tmp_path)
    assert (read.short_side, read.width) == expected
    assert read.resample == Image.Resampling.BILINEAR
    assert read.factor == pytest.approx(1 / 255)


def test_a_configuration_without_fixed_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text('{"size": {"shortest_edge": 224}, "do_center_crop": false}')
    with pytest.raises(ConfigurationError, match="width and height"):
        read_preparation(tmp_path)


def test_a_crop_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="too small for a crop"):
        plan(8)


def test_unit_rows_are_finite_whatever_comes() -> None:
    rows = np.array([[0, 0, 0], [1e-30, 0, 0], [1e30, 1e30, 0], [3, 4, 0]], np.float32)
    vectors = unit_rows(rows, "test")
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.allclose(vectors[3], [0.6, 0.8, 0])
    assert unit_rows(np.empty((0, 3), np.float32), "test").shape == (0, 3)
    with pytest.raises(ConfigurationError, match="test gave vectors that are not finite"):
        unit_rows(np.array([[np.nan, 1]], np.float32), "test")
