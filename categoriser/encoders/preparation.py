"""How a picture becomes the fixed-size input of a network: resize, crop (uint8, in Pillow), then scale and shift."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from categoriser.errors import ConfigurationError

WIDEST = 8
"""A picture more elongated than 1 : WIDEST is cut to that around its middle: a 60,000 × 1 strip enlarged to a short
side of 224 would need gigabytes, and the centre crop drops its ends anyway."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Picture → uint8 [height, width, 3] → ``(value · factor − mean) / std``.

    ``short_side`` pixels: the picture is scaled to it, aspect kept, and the centre ``width`` × ``height`` cut out;
    None: the whole picture is stretched to ``width`` × ``height``. ``long_side``: how the other side becomes a whole
    number of pixels; torchvision and transformers cut it down. A pixel moves a network's vector by a cosine of .005.
    """

    width: int
    height: int
    short_side: int | None
    resample: Image.Resampling
    factor: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    long_side: Literal["floor", "round"] = "floor"

    def __post_init__(self) -> None:
        """Refuse what could not give the promised shape."""
        if min(self.width, self.height) < 1 or 0 in self.std:
            raise ConfigurationError(f"Picture size {self.width}x{self.height} and std {self.std} must not be zero.")
        if self.short_side is not None and self.short_side < max(self.width, self.height):
            raise ConfigurationError(
                f"A short side of {self.short_side} pixels is too small for a crop of {self.width}x{self.height}."
            )

    @property
    def image_side(self) -> int:
        """Pixels of the short side below which information is lost."""
        return self.short_side or max(self.width, self.height)

    def apply(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """One picture → uint8 [height, width, 3]."""
        picture = image if image.mode == "RGB" else image.convert("RGB")
        if self.short_side is None:
            return np.asarray(picture.resize((self.width, self.height), self.resample))
        picture = _less_elongated(picture)
        whole = floor if self.long_side == "floor" else round
        width, height = (whole(self.short_side * side / min(picture.size)) for side in picture.size)
        picture = picture.resize((width, height), self.resample)
        left, top = (width - self.width) // 2, (height - self.height) // 2
        return np.asarray(picture.crop((left, top, left + self.width, top + self.height)))


def _less_elongated(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    longest = WIDEST * min(width, height)
    if max(width, height) <= longest:
        return picture
    kept_width, kept_height = min(width, longest), min(height, longest)
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return picture.crop((left, top, left + kept_width, top + kept_height))


def read_preparation(folder: Path) -> Preparation:
    """Read what a transformers model folder says in preprocessor_config.json (or, newer, processor_config.json).

    Raises:
        ConfigurationError: there is no such file, or it asks for something that gives no fixed-size input.
    """
    for name in ("preprocessor_config.json", "processor_config.json"):
        file = folder / name
        if file.is_file():
            content = json.loads(file.read_text(encoding="utf-8"))
            return _from_huggingface(content.get("image_processor", content), file)
    raise ConfigurationError(
        f"{folder} has no preprocessor_config.json, so nobody knows how its pictures are to be prepared: "
        "copy that file from where the model came from."
    )


def _from_huggingface(config: Mapping[str, Any], file: Path) -> Preparation:
    size, crop = config.get("size"), config.get("crop_size")
    short_side = _shortest_edge(size)
    if config.get("do_center_crop", False) and crop is not None:
        width, height = _width_height(crop, file)
        if short_side is None and (width, height) != _width_height(size, file):
            raise ConfigurationError(f"{file} stretches and then crops, which is not supported.")
    else:
        width, height = _width_height(size, file)
        short_side = None
    normalised = config.get("do_normalize", True)
    return Preparation(
        width=width,
        height=height,
        short_side=short_side,
        resample=Image.Resampling(config.get("resample", Image.Resampling.BICUBIC)),
        factor=float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0,
        mean=_three(config["image_mean"]) if normalised else (0.0, 0.0, 0.0),
        std=_three(config["image_std"]) if normalised else (1.0, 1.0, 1.0),
    )


def _shortest_edge(size: Any) -> int | None:
    """Old files write a bare number for it."""
    if isinstance(size, int):
        return size
    edge = size.get("shortest_edge") if isinstance(size, Mapping) else None
    return None if edge is None else int(edge)


def _width_height(size: Any, file: Path) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and size.get("width") and size.get("height"):
        return int(size["width"]), int(size["height"])
    raise ConfigurationError(f"{file} does not say to which width and height pictures are brought (found {size!r}).")


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
