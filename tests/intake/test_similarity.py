"""A picture sent again is recognised; another picture never is, however alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.fft import dctn

from categoriser.intake import Picture, decode, hamming, near_duplicate
from categoriser.intake.similarity import FINGERPRINT_BYTES, HASH_BYTES, colour_distance, fingerprint

Encode = Callable[..., bytes]


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """400 × 300 with structure at many scales."""
    chance = np.random.default_rng(3)
    pixels = np.zeros((300, 400, 3))
    for cells in (4, 8, 16, 32):
        coarse = Image.fromarray(chance.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        pixels += np.asarray(coarse.resize((400, 300), Image.Resampling.BICUBIC)) / cells
    return Image.fromarray((255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8))


def seen(data: bytes) -> Picture:
    return decode(data, side=224)


def test_the_hash_is_of_the_lowest_frequencies_above_their_median(scene: Image.Image) -> None:
    """Those that are stored are compared with it: it must never become another."""
    for image in (scene, scene.transpose(Image.Transpose.ROTATE_90), scene.resize((90, 40))):
        small = image.resize((64, 64), Image.Resampling.BICUBIC, reducing_gap=3.0)
        waves = dctn(np.asarray(small.convert("L"), np.float64))[:16, :16]
        assert fingerprint(image)[:HASH_BYTES] == np.packbits(waves > np.median(waves)).tobytes()


def test_a_resend_is_the_same(scene: Image.Image, encoded: Encode) -> None:
    original = seen(encoded(scene, "PNG"))
    for data in (
        encoded(scene, "PNG"),
        encoded(scene, "JPEG", quality=40),
        encoded(scene, "WEBP", quality=60),
        encoded(scene.resize((200, 150)), "JPEG"),
        encoded(scene.resize((800, 600)), "PNG"),
        encoded(scene.resize((2400, 1800)), "JPEG"),  # comes through scaled decoding
    ):
        again = seen(data)
        assert near_duplicate(original.fingerprint, again.fingerprint)
        assert near_duplicate(again.fingerprint, original.fingerprint)


def test_another_crop_colour_or_side_is_not_the_same(scene: Image.Image) -> None:
    original = fingerprint(scene)
    for other in (
        scene.crop((80, 60, 320, 240)),
        scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        scene.rotate(90),
        Image.merge("RGB", scene.split()[::-1]),
        ImageEnhance.Color(scene).enhance(0.0),  # same luma, hence the same hash
    ):
        assert not near_duplicate(original, fingerprint(other))


def test_a_shade_is_told_by_the_colours_where_the_hash_is_blind(scene: Image.Image) -> None:
    shirt = scene.copy()
    shirt.paste(Image.new("RGB", (100, 100), (200, 0, 0)), (150, 100))
    other = scene.copy()
    other.paste(Image.new("RGB", (100, 100), (0, 0, 255)), (150, 100))
    first, second = fingerprint(shirt), fingerprint(other)
    assert colour_distance(first, second) > 100
    assert not near_duplicate(first, second)


@pytest.mark.parametrize("kind", ["white", "black", "grey", "gradient", "faint noise"])
def test_pictures_without_structure_are_never_the_same(kind: str) -> None:
    if kind == "gradient":
        image = Image.fromarray(np.linspace(60, 200, 256).astype(np.uint8)[None].repeat(256, 0)).convert("RGB")
    elif kind == "faint noise":
        image = Image.fromarray(np.random.default_rng(1).integers(126, 130, (256, 256, 3)).astype(np.uint8))
    else:
        image = Image.new("RGB", (256, 256), kind)
    found = fingerprint(image)
    assert found[:32] == bytes(32)
    assert not near_duplicate(found, found)


def test_distances_are_symmetric_and_zero_to_oneself(scene: Image.Image) -> None:
    first, second = fingerprint(scene), fingerprint(scene.rotate(180))
    assert hamming(first, first) == colour_distance(first, first) == 0
    assert hamming(first, second) == hamming(second, first) > 0
    assert colour_distance(first, second) == colour_distance(second, first) > 0
    assert len(first) == FINGERPRINT_BYTES


def test_only_fingerprints_are_compared(scene: Image.Image) -> None:
    with pytest.raises(ValueError, match="bytes"):
        near_duplicate(fingerprint(scene), b"\1" * 32)


def test_hand_written_digits_are_never_the_same() -> None:
    """Eight by eight pixels: the hardest case for a hash of 256 bits."""
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    chosen = digits.images[digits.target == 1][:120]
    found = [fingerprint(Image.fromarray((one * 15.9).astype(np.uint8)).convert("RGB")) for one in chosen]
    assert not any(near_duplicate(a, b) for at, a in enumerate(found) for b in found[:at])


def test_real_photos_are_recognised_and_told_apart(shared: Path, encoded: Encode) -> None:
    files = sorted((shared / "caltech" / "airplanes").glob("*.jpg"))[:40]
    originals = [seen(file.read_bytes()) for file in files]
    again = [
        seen(encoded(one.image.resize((one.width // 2, one.height // 2)), "JPEG", quality=60)) for one in originals
    ]
    same = [near_duplicate(a.fingerprint, b.fingerprint) for a, b in zip(originals, again, strict=True)]
    assert sum(same) >= len(same) - 1
    pairs = [(a, b) for at, a in enumerate(originals) for b in originals[:at]]
    assert not any(near_duplicate(a.fingerprint, b.fingerprint) for a, b in pairs)
