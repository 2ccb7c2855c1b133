"""What callers give, in the one form that is worked with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from categoriser.encoders import Encoder
from categoriser.errors import ConfigurationError, InvalidVectorError
from categoriser.intake import Item, Limits, decode
from categoriser.pipeline import Arrival
from categoriser.settings import Settings

_VECTOR_BATCH = 1024
ADDABLE = "a path, a URL, the bytes of a picture or an Item"
Picture = bytes | str | Path | Pillow.Image


def opened_picture(image: Picture | None, encoder: Encoder, settings: Settings) -> Pillow.Image:
    """A query picture, decoded at the size that the encoder looks at.

    Raises:
        ConfigurationError: its file cannot be read.
        RejectedError: it is no picture, or too large.
    """
    if isinstance(image, Pillow.Image):
        return image.convert("RGB")
    if isinstance(image, str | Path):
        try:
            image = Path(image).expanduser().read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{error.filename} cannot be read: {error.strerror}.") from None
    limits = Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    return decode(image or b"", side=encoder.image_side, limits=limits).image


def as_numbers(given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What was given as an array.

    Raises:
        InvalidVectorError: it is not numbers, or not all of the same dimension.
    """
    try:
        return np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InvalidVectorError("Vectors must be numbers, all with the same dimension.") from None


def arrivals(
    ids: Sequence[str], array: npt.NDArray[np.float32], metadata: Sequence[Mapping[str, Any] | None] | None
) -> Iterator[list[Arrival]]:
    """Ready vectors [n, d], scaled to unit length, in batches."""
    for start in range(0, len(ids), _VECTOR_BATCH):
        part = slice(start, start + _VECTOR_BATCH)
        with np.errstate(all="ignore"):  # what cannot be scaled is refused one by one
            unit = array[part] / np.linalg.norm(array[part].astype(np.float64), axis=1, keepdims=True)
        extra = metadata[part] if metadata is not None else [None] * len(unit)
        yield [
            Arrival(str(name), vector, {"metadata": dict(facts)} if facts else {})
            for name, vector, facts in zip(ids[part], unit.astype(np.float32), extra, strict=True)
        ]


def as_vectors(given: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """What was given as float32.

    Raises:
        InvalidVectorError: it is not numbers, or not all of the same dimension.
    """
    if isinstance(given, np.ndarray) and given.dtype == np.float32:
        return given
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused one by one
        return as_numbers(given).astype(np.float32)


def check_page(limit: int, offset: int = 0) -> None:
    """Refuse pages that cannot be.

    Raises:
        ConfigurationError: ``limit`` is below 1 or ``offset`` below 0.
    """
    for name, value, least in (("limit", limit, 1), ("offset", offset, 0)):
        if not isinstance(value, int) or value < least:
            raise ConfigurationError(f"The {name} is {value!r}; it must be a whole number from {least} on.")


def as_item(source: Item | str | Path | bytes) -> Item:
    """One picture to add.

    Raises:
        ConfigurationError: it is nothing that can be added.
    """
    if isinstance(source, Item):
        return source
    if isinstance(source, bytes):
        return Item("upload", data=source)
    if not isinstance(source, str | Path):
        raise ConfigurationError(f"{source!r} cannot be added: give {ADDABLE}.")
    if isinstance(source, str) and "://" in source:
        return Item(source.rstrip("/").rpartition("/")[2] or "picture", url=source)
    path = Path(source).expanduser().absolute()
    return Item(path.name, path=path)
