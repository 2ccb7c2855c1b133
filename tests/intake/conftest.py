"""Pictures made on the spot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

HEIF = Path(__file__).parent / "heif"


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
        if form == "HEIF":
            return stored_heif(image, options)
        out = BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    return encode


def stored_heif(image: Image.Image, options: dict[str, Any]) -> bytes:
    """HEIF pictures come from files, because every encoder for them is under the GPL and thus no dependency of ours.

    A new case makes its file here when pillow-heif is installed by hand.
    """
    key = hashlib.sha256(image.tobytes() + repr(sorted(options.items())).encode()).hexdigest()[:16]
    path = HEIF / f"{key}.heic"
    if not path.exists():
        maker = pytest.importorskip("pillow_heif", reason="this HEIF picture is not stored; pillow-heif would make it")
        maker.from_pillow(image).save(path, **options)
    return path.read_bytes()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real pictures beside the checkout."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder of real pictures beside the checkout")
    return folder
