"""``vectors:DIM``: the caller brings ready vectors; there is nothing to encode with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import numpy as np
import numpy.typing as npt
from PIL import Image

from categoriser.errors import ConfigurationError

_KIND: Final = "vectors:"
_TEXTUAL: Final = ("words", "sentence:", "terms:")


def takes_ready_vectors(encoder_id: str) -> bool:
    """Whether collections of this encoder take vectors, or what becomes vectors elsewhere, and no pictures."""
    return encoder_id.startswith((_KIND, *_TEXTUAL))


def takes_texts(encoder_id: str) -> bool:
    """Whether collections of this encoder hold texts or terms."""
    return encoder_id.startswith(_TEXTUAL)


class BroughtVectors:
    """An encoder that only knows the dimension of the vectors the caller brings."""

    image_side = 64
    device = "none"
    reads_text = False
    parallel_calls = 1
    summary = "groups by whatever the vectors you bring mean"

    def __init__(self, dimension: int) -> None:
        """Accept vectors of ``dimension`` ≥ 1 numbers."""
        if dimension < 1:
            raise ConfigurationError(f"vectors:{dimension} makes no sense: the dimension must be at least 1.")
        self.dimension = dimension
        self.id = f"{_KIND}{dimension}"

    def prepare(self, image: Image.Image) -> NoReturn:
        """Refuse: pictures cannot be encoded."""
        self._refuse("a picture")

    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> NoReturn:
        """Refuse: pictures cannot be encoded."""
        self._refuse("a picture")

    def encode_images(self, images: Sequence[Image.Image]) -> NoReturn:
        """Refuse: pictures cannot be encoded."""
        self._refuse("a picture")

    def encode_texts(self, texts: Sequence[str]) -> NoReturn:
        """Refuse: texts cannot be encoded."""
        self._refuse("a text")

    def _refuse(self, what: str) -> NoReturn:
        """Say what this collection takes instead."""
        raise ConfigurationError(
            f"This collection takes ready vectors ({self.id}) and cannot encode {what}: "
            "bring vectors, or open it with another encoder."
        )
