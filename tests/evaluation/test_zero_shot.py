"""Agreement of categories with words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from categoriser.encoders import open_encoder
from categoriser.evaluation.zero_shot import zero_shot


class Words:
    """Reads three words, each a direction of its own."""

    id = "words"
    reads_text = True

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[[["cat", "dog", "car"].index(text) for text in texts]]


def test_it_is_the_share_of_images_whose_word_is_their_category_s() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0] * 5 + [1] + [2] * 6 + [1] * 3]
    found: list[str | None] = ["a"] * 6 + ["b"] * 6 + ["small"] * 2 + [None]
    result = zero_shot(vectors, found, Words(), ["car", "cat", "dog"])  # type: ignore[arg-type]
    assert not isinstance(result, str)
    assert result.agreement == 11 / 12
    assert result.terms == {"a": "cat", "b": "car"}


def test_what_is_missing_is_said() -> None:
    vectors, found = np.eye(3, dtype=np.float32), [None, None, None]
    assert "vocabulary" in str(zero_shot(vectors, found, None, None))
    assert "Ready vectors" in str(zero_shot(vectors, found, None, ["a", "b"]))
    assert "does not read words" in str(zero_shot(vectors, found, open_encoder("classic"), ["a", "b"]))
    assert "at least 5" in str(zero_shot(vectors, found, Words(), ["cat", "dog"]))  # type: ignore[arg-type]
