"""The pictures that come with an installed dependency: scikit-learn's 1,797 handwritten digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

_SIDE: Final = 64  # pixels; the originals have 8, and strokes touch their edges
_MARGIN: Final = 1  # original pixels


def write_digits(folder: Path, progress: Callable[[int, int | None], None]) -> None:
    """Write them as ``folder/<digit>/<number>.png``, dark on light; files that are there stay."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - it takes a second to import

    digits = load_digits()
    for number, (grey, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / str(digit) / f"{number:04}.png"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.round(255 - np.pad(grey, _MARGIN) * (255 / 16)).astype(np.uint8)
            Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(file)
        progress(number + 1, len(digits.images))
