"""Pictures made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

pillow_heif.register_heif_opener()  # for saving; the code under test does not need it


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """96 × 64, no symmetry, strong colours: red top left, green top right, blue bottom left, grey bottom right."""
    across, down = np.meshgrid(np.linspace(-1, 1, 96), np.linspace(-1, 1, 64))
    pixels = np.full((64, 96, 3), 128.0)
    pixels[:32, :48] = (220, 30, 30)
    pixels[:32, 48:] = (30, 200, 40)
    pixels[32:, :48] = (30, 40, 210)
    pixels += 25 * np.sin(9 * across + 5 * down * down)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Bytes of an image in a format; keywords go to Pillow."""

    def encode(image: Image.Image, form: str, **options: Any) -> bytes:
        out = BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    return encode


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real pictures beside the checkout."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder of real pictures beside the checkout")
    return folder
