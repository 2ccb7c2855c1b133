"""The fast view: pictures seen only through the terms that answer a criterion, by vectors alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix
from categoriser.errors import ConfigurationError

_GRAIN = 0.4
_SPREAD = 0.35  # of the standard deviation of a picture's cosines to the terms: how much the best term stands out


@dataclass(frozen=True, slots=True)
class Terms:
    """Words and their unit vectors [terms, d]."""

    words: Sequence[str]
    vectors: FloatMatrix

    @classmethod
    def of(
        cls,
        given: Sequence[str] | Mapping[str, npt.ArrayLike],
        encode: Callable[[Sequence[str]], FloatMatrix | None],
        dimension: int,
    ) -> Self:
        """From words, which the encoder reads, or from words with their vectors.

        Raises:
            ConfigurationError: there are fewer than two, or the encoder reads no text.
        """
        if isinstance(given, str) or len(given) < 2 or len(set(given)) < len(given):
            raise ConfigurationError("A view needs at least two different terms.")
        if isinstance(given, Mapping):
            array = np.asarray(list(given.values()), np.float32)
        else:
            found = encode(list(given))
            if found is None:
                raise ConfigurationError(
                    "The encoder of this collection does not read text: give the terms with their vectors, or use an "
                    "encoder with a text tower such as laion-clip-b32."
                )
            array = found
        if array.shape != (len(given), dimension) or not np.isfinite(array).all():
            raise ConfigurationError(f"The vectors of the terms must be {dimension} finite numbers each.")
        return cls(list(given), _unit(array))

    def project(self, vectors: FloatMatrix) -> tuple[FloatMatrix, list[str]]:
        """Pictures [n, d] as mixtures of the terms [n, d], unit length, and the best term of each."""
        if not len(vectors):
            return np.empty((0, self.vectors.shape[1]), np.float32), []
        # what all terms have in common tells nothing
        middle = self.vectors.mean(axis=0)
        terms = _unit(self.vectors - middle)
        cosines = vectors @ terms.T
        spread = np.maximum(cosines.std(axis=1, keepdims=True), 1e-6)
        weights = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / (_SPREAD * spread))
        mixed = _unit(weights @ terms)
        # so that pictures of one term are not all equal, and yet no groups among themselves: the criterion knows none
        rest = _unit(np.stack([_grain(vector) for vector in vectors.astype(np.float32)]))
        return _unit(mixed + _GRAIN * rest), [self.words[place] for place in cosines.argmax(axis=1).tolist()]

    def as_dict(self) -> dict[str, Any]:
        """For storage as JSON."""
        return {"words": list(self.words), "vectors": [[round(float(x), 6) for x in row] for row in self.vectors]}


def terms_of(spec: Mapping[str, Any]) -> Terms | None:
    """The terms that a stored view is made of."""
    stored = spec.get("terms")
    return None if stored is None else Terms(stored["words"], np.asarray(stored["vectors"], np.float32))


def _grain(vector: FloatMatrix) -> FloatMatrix:
    """A direction that is a picture's own, and always the same."""
    seed = int.from_bytes(hashlib.blake2b(vector.tobytes(), digest_size=8).digest(), "big")
    return np.asarray(np.random.default_rng(seed).normal(size=len(vector)), np.float32)


def _unit(rows: npt.NDArray[np.floating]) -> FloatMatrix:
    unit: FloatMatrix = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit
