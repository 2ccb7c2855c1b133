"""Encoders of texts alone: from the words of a collection itself, or by any model of sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt
from PIL import Image

from categoriser.domain import FloatMatrix
from categoriser.encoders.base import unit_rows
from categoriser.encoders.runtime import require_torch
from categoriser.encoders.words import DIMENSION, Lexicon
from categoriser.errors import ConfigurationError, MissingWeightsError

WORDS: Final = "words"
TERMS: Final = "terms"  # no encoder: such a view's vectors come from its collection's
_SENTENCE: Final = "sentence"
TEXT_KINDS: Final = (WORDS, _SENTENCE)


class _TextsOnly:
    """Refuses pictures."""

    id: str
    image_side = 64
    device = "cpu"
    reads_text = True
    parallel_calls = 1

    def prepare(self, image: Image.Image) -> NoReturn:
        """Refuse: pictures cannot be encoded."""
        self._refuse()

    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> NoReturn:
        """Refuse: pictures cannot be encoded."""
        self._refuse()

    def encode_images(self, images: Sequence[Image.Image]) -> NoReturn:
        """Refuse: pictures cannot be encoded."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ConfigurationError(
            f"The encoder {self.id} reads texts and no pictures; search by words or by an image id."
        )


class WordsEncoder(_TextsOnly):
    """Labels found in the texts themselves; a collection's own lexicon says which (`encoders/words`)."""

    id = f"{WORDS}-1"
    dimension = DIMENSION
    summary = "groups texts by what their own words say they are about"

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix:
        """Without a lexicon every word counts."""
        return Lexicon().vectors(texts)


class SentenceEncoder(_TextsOnly):
    """Any model of sentence-transformers, by name or folder."""

    summary = "groups texts by meaning"

    def __init__(self, model: str, *, device: str | None = None, offline: bool = False) -> None:
        """Load it.

        Raises:
            MissingExtraError: torch is not installed.
            MissingWeightsError: the model is not to be had.
        """
        require_torch()
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds

        try:
            self._model: Any = SentenceTransformer(model, device=device, local_files_only=offline)
        except Exception as error:  # what a hub and damaged files raise has no common base class
            raise MissingWeightsError(
                f"The model {model!r} of sentence-transformers could not be loaded ({error}); give the folder of one, "
                "or use the encoder 'words', which needs none."
            ) from None
        self.id = f"sentence:{model}"
        self.dimension = int(self._model.get_embedding_dimension())
        self.device = str(self._model.device)

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix:
        """[n, dimension]."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return unit_rows(self._model.encode(list(texts), show_progress_bar=False), self.id)


def open_text_encoder(spec: str, *, device: str | None = None, offline: bool = False) -> WordsEncoder | SentenceEncoder:
    """Open ``words`` or ``sentence:MODEL``.

    Raises:
        ConfigurationError: it is neither.
        MissingExtraError: torch is not installed.
        MissingWeightsError: the model is not to be had.
    """
    kind, _, model = spec.partition(":")
    if kind == _SENTENCE and model:
        return SentenceEncoder(model, device=device, offline=offline)
    if spec == WORDS:
        return WordsEncoder()
    raise ConfigurationError(f"{spec!r} reads no texts: use 'words' or sentence:MODEL.")
