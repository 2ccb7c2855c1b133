"""The weightless encoder groups by look: shape, colour and texture, and never gives a useless vector."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from sklearn.datasets import load_digits

from categoriser.encoders import open_encoder

CLASSIC = open_encoder("classic")


def shape(kind: str, colour: str, *, side: int = 128, shift: int = 0, ground: str = "white") -> Image.Image:
    picture = Image.new("RGB", (side, side), ground)
    low, high = side // 4 + shift, 3 * side // 4 + shift
    draw = ImageDraw.Draw(picture)
    if kind == "disc":
        draw.ellipse((low, low, high, high), fill=colour)
    elif kind == "square":
        draw.rectangle((low, low, high, high), fill=colour)
    else:
        draw.rectangle((low, (low + high) // 2 - 4, high, (low + high) // 2 + 4), fill=colour)
    return picture


def likeness(a: Image.Image, b: Image.Image) -> float:
    first, second = CLASSIC.encode_images([a, b])
    return float(first @ second)


@pytest.mark.parametrize(("side", "how"), [(32, Image.Resampling.NEAREST), (64, Image.Resampling.BICUBIC)])
def test_handwritten_digits_lie_beside_their_like(side: int, how: Image.Resampling) -> None:
    digits = load_digits()
    images = [Image.fromarray((page * 15.9).astype(np.uint8)).resize((side, side), how) for page in digits.images]
    start = time.perf_counter()
    vectors = CLASSIC.encode_images([image.convert("RGB") for image in images])
    assert (time.perf_counter() - start) / len(images) < 0.02, "milliseconds a picture, however busy the machine"
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    assert (digits.target[cosines.argmax(axis=1)] == digits.target).mean() >= 0.95


@pytest.mark.parametrize("picture", ["black", "white", "#808080", "red"])
def test_even_an_empty_picture_has_a_unit_vector(picture: str) -> None:
    vectors = CLASSIC.encode_images([Image.new("RGB", (50, 30), picture), Image.new("L", (1, 1))])
    assert vectors.shape == (2, CLASSIC.dimension)
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_colour_separates_what_shape_does_not() -> None:
    red, blue = shape("disc", "red"), shape("disc", "blue")
    assert likeness(red, shape("disc", "#e01010")) > likeness(red, blue) + 0.01
    assert likeness(Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")) < 0.6


def test_shape_separates_what_colour_does_not() -> None:
    assert likeness(shape("disc", "red"), shape("bar", "red")) < 0.8
    assert likeness(shape("disc", "grey"), shape("square", "grey")) < likeness(
        shape("disc", "grey"), shape("disc", "grey", shift=3)
    )


def test_texture_separates_equal_tones() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    rough = Image.fromarray(noise).convert("RGB")
    smooth = rough.filter(ImageFilter.GaussianBlur(8))
    other = Image.fromarray(np.roll(noise.T, 17, axis=0)).convert("RGB")
    assert likeness(rough, other) > likeness(rough, smooth)


def test_small_shifts_resizes_and_compression_change_little() -> None:
    picture = shape("disc", "green")
    assert likeness(picture, shape("disc", "green", shift=3)) > 0.97
    assert likeness(picture, picture.resize((70, 70), Image.Resampling.LANCZOS)) > 0.97
    assert likeness(picture, picture.resize((90, 120), Image.Resampling.LANCZOS)) > 0.95


def test_grey_pictures_are_told_apart_by_shape_alone() -> None:
    bar, disc = shape("bar", "#404040"), shape("disc", "#404040")
    assert likeness(bar, shape("bar", "#505050")) > likeness(bar, disc) + 0.1


def test_a_batch_is_the_same_as_one_by_one(pictures: list[Image.Image]) -> None:
    alone = np.concatenate([CLASSIC.encode_images([picture]) for picture in pictures])
    assert np.array_equal(CLASSIC.encode_images(pictures), alone)
    assert CLASSIC.encode_images([]).shape == (0, CLASSIC.dimension)
    assert CLASSIC.encode_texts(["a dog"]) is None


def test_it_says_that_it_groups_by_look() -> None:
    assert "not by meaning" in CLASSIC.summary
    assert CLASSIC.id == "classic-1"
