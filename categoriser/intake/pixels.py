"""Any kind of pixel to 8-bit RGB: transparency on white, deep greys scaled and not clipped, large pictures shrunk."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

_BAND_PIXELS: Final = 4_000_000  # worked on at a time, so that a large picture is never held twice
_DEEP: Final = ("I", "F")  # also every "I;16…"

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def reduced_rgb(source: Image.Image, factor: int) -> Image.Image:
    """RGB copy of a loaded picture, each side divided by ``factor`` (rounded up) by averaging; carries no metadata."""
    image = _eight_bit(source) if source.mode in _DEEP or source.mode.startswith("I;16") else source
    width, height = image.size
    out = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = factor * max(1, _BAND_PIXELS // (width * factor))
    for top in range(0, height, rows):
        band = _opaque(image.crop((0, top, width, min(height, top + rows))))
        out.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return out


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn or mirror by an EXIF orientation, 1 to 8."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, "white")
    paper.paste(layer, mask=layer.getchannel("A"))
    return paper


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep grey to 8 bits: 16-bit by its high byte, anything else by its own range unless it fits a usual one."""
    values: npt.NDArray[Any] = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    if low < 0 or high > 65535:
        floor, span = low, high - low
    else:
        usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        floor, span = 0.0, next(top for top in usual if high <= top)
    return Image.fromarray(((finite - floor) * (255.0 / max(span, 1e-30))).clip(0, 255).astype(np.uint8))
