"""Vectors of words on disk, one file per encoder."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector

_log = logging.getLogger(__name__)


class TextCache:
    """Text → unit vector. A file that is damaged or cannot be written costs only the time to make the vectors again."""

    def __init__(self, file: Path | None) -> None:
        """Read what an earlier process kept; None keeps it in memory only."""
        self._file = file
        self._vectors: dict[str, FloatVector] = {}
        if file is None or not file.is_file():
            return
        try:
            with np.load(file, allow_pickle=False) as stored:
                texts, vectors = stored["texts"].tolist(), stored["vectors"].astype(np.float32)
            kept = dict(zip(texts, vectors, strict=True))
        except Exception as error:  # broken in any way: it is only a cache
            _log.warning("the vectors of words in %s are unreadable and are made again: %s", file, error)
            return
        self._vectors = kept if np.isfinite(vectors).all() else {}

    @classmethod
    def of(cls, folder: Path, encoder_id: str) -> TextCache:
        """The file of one encoder in a folder."""
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", encoder_id)[:60]
        return cls(folder / f"{readable}-{sha256(encoder_id.encode()).hexdigest()[:8]}.npz")

    def __contains__(self, text: str) -> bool:
        return text in self._vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, texts: Sequence[str]) -> FloatMatrix:
        """[n, t]; all must be there."""
        return np.stack([self._vectors[text] for text in texts])

    def put(self, texts: Sequence[str], vectors: FloatMatrix) -> None:
        """Remember."""
        self._vectors.update(zip(texts, vectors.astype(np.float32), strict=True))

    def save(self) -> None:
        """Write everything; readers see the old file or the new one."""
        if self._file is None:
            return
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                np.savez(
                    file,
                    texts=np.array(list(self._vectors), np.str_),
                    vectors=np.stack(list(self._vectors.values())).astype(np.float16),
                )
            draft.replace(self._file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            _log.warning("the vectors of words could not be kept in %s: %s", self._file, error.strerror)


class AsideCache(TextCache):
    """Vectors of words that only one collection has, in memory, above those that all share: they leave no trace."""

    def __init__(self, shared: TextCache) -> None:
        super().__init__(None)
        self._shared = shared

    def __contains__(self, text: str) -> bool:
        return text in self._vectors or text in self._shared

    def get(self, texts: Sequence[str]) -> FloatMatrix:
        """[n, t]; all must be there."""
        return np.stack(
            [self._vectors[text] if text in self._vectors else self._shared.get([text])[0] for text in texts]
        )
