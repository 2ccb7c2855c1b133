"""Where pictures and words can be compared: the space of an encoder that reads text, or that of a ready table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np

from categoriser.domain import FloatMatrix
from categoriser.naming.text_cache import TextCache

_BATCH: Final = 256  # texts per call of an encoder

Reports = Callable[[int, int], None]  # texts done, of all


class TextEncoder(Protocol):
    """The part of an encoder that is needed here."""

    id: str

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix | None:
        """Texts → unit vectors [n, d] comparable with the pictures'; None without a text tower."""
        ...


class JointSpace(Protocol):
    """A space of t dimensions with pictures and words in it."""

    id: str
    linear: bool
    """Whether the mean of pictures is where the mean of their vectors is."""

    def images(self, vectors: FloatMatrix) -> FloatMatrix:
        """Unit vectors of pictures [n, d] → [n, t]; means of the results stand for groups of pictures."""
        ...

    def texts(self, texts: Sequence[str]) -> tuple[FloatMatrix, Sequence[bool]]:
        """Words → vectors [n, t], and which of the words are known; rows of unknown ones are zero."""
        ...


class EncoderSpace:
    """The space of an encoder with a text tower; vectors of words are kept on disk, since they cost a pass each."""

    linear = True

    def __init__(self, encoder: TextEncoder, cache: TextCache | None = None, progress: Reports | None = None) -> None:
        self.id = encoder.id
        self._encoder = encoder
        self._cache = TextCache(None) if cache is None else cache  # an empty one is false
        self._progress = progress

    def images(self, vectors: FloatMatrix) -> FloatMatrix:
        """As they are."""
        return vectors

    def texts(self, texts: Sequence[str]) -> tuple[FloatMatrix, Sequence[bool]]:
        """Every text is known."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._cache]
        for low in range(0, len(unknown), _BATCH):
            part = unknown[low : low + _BATCH]
            vectors = self._encoder.encode_texts(part)
            if vectors is None:
                raise TypeError(f"{self.id} has no text tower")
            self._cache.put(part, vectors)
            if self._progress is not None:
                self._progress(low + len(part), len(unknown))
        if unknown:
            self._cache.save()
        if not texts:
            return np.empty((0, 0), np.float32), []
        return self._cache.get(texts), [True] * len(texts)
