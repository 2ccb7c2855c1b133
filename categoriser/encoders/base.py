"""What every encoder offers, and the two lines of arithmetic they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from categoriser.domain import FloatMatrix
from categoriser.errors import ConfigurationError


class Encoder(Protocol):
    """Turns pictures, and with some encoders texts, into unit vectors of one space."""

    id: str
    """Identity of the vector space: equal ids mean comparable vectors. Safe in file names apart from ``:``."""
    dimension: int
    image_side: int
    """Pixels: a decoded picture should have at least this short side; more is only slower."""
    summary: str
    """One sentence about what the vectors group by."""
    device: str
    """Where it runs, for reports: ``cpu``, ``cuda:0``, ``cpu (bf16)``."""
    reads_text: bool
    """Whether ``encode_texts`` answers with vectors."""
    parallel_calls: int
    """How many ``encode_prepared`` at a time use the device best; more than one where a call uses one processor."""

    def prepare(self, image: Image.Image) -> npt.NDArray[np.generic]:
        """One RGB picture → array of one fixed shape, uint8 where possible. Thread-safe: runs in the decode pool."""
        ...

    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> FloatMatrix:
        """Stacked results of ``prepare`` [n, ...] → finite float32 unit vectors [n, dimension]; n may be 0."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> FloatMatrix:
        """RGB pictures → unit vectors [n, dimension]."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix | None:
        """Texts → unit vectors [n, dimension] comparable with the pictures'; None without a text tower."""
        ...


class PictureEncoder(ABC):
    """The parts of ``Encoder`` that follow from ``prepare`` and ``encode_prepared``."""

    dimension: int
    reads_text: bool = False
    parallel_calls: int = 1

    @abstractmethod
    def prepare(self, image: Image.Image) -> npt.NDArray[np.generic]:
        """See ``Encoder.prepare``."""

    @abstractmethod
    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> FloatMatrix:
        """See ``Encoder.encode_prepared``."""

    def encode_images(self, images: Sequence[Image.Image]) -> FloatMatrix:
        """See ``Encoder.encode_images``."""
        if not images:
            return np.empty((0, self.dimension), np.float32)
        return self.encode_prepared(np.stack([self.prepare(image) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix | None:
        """See ``Encoder.encode_texts``."""
        return None


def unit_rows(rows: npt.NDArray[np.floating], origin: str) -> FloatMatrix:
    """Scale every row of [n, d] to length 1; an all-zero row becomes the constant direction, never a zero vector.

    Raises:
        ConfigurationError: a value is NaN or infinite; ``origin`` says which encoder gave it.
    """
    vectors = np.array(rows, np.float32)
    if not np.isfinite(vectors).all():
        raise ConfigurationError(
            f"{origin} gave vectors that are not finite: its weights are damaged or overflow on this device; "
            'check the file, or try device = "cpu".'
        )
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    vectors[largest[:, 0] == 0] = 1.0
    # divided by the largest entry first, so that squares of tiny or huge values neither vanish nor overflow
    vectors /= np.where(largest == 0, 1.0, largest)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
