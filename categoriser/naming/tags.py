"""Tags of single images: the words that fit a picture best, from vectors alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.naming.atlas import Lexicon, unit


@dataclass(frozen=True, slots=True)
class Tag:
    """A word with its cosine to a picture, both relative to their means."""

    word: str
    score: float


def tag_images(
    lexicon: Lexicon, vectors: FloatMatrix, mean: FloatVector | None = None, *, limit: int = 10, least: float = 0.05
) -> list[list[Tag]]:
    """The best words of every image.

    Args:
        lexicon: the words.
        vectors: of the images, unit length [n, d].
        mean: of the images of the collection in the joint space [t]; None takes nothing off.
        limit: of words per image.
        least: smallest score.

    Returns:
        For each image its words, best first. Of a word and what it is a kind of, both may be there.
    """
    if not len(vectors) or not len(lexicon):
        return [[] for _ in vectors]
    placed = lexicon.space.images(vectors)
    cosines = unit(placed if mean is None else placed - mean) @ lexicon.vectors.T
    limit = min(limit, cosines.shape[1])
    best = np.argpartition(-cosines, limit - 1, axis=1)[:, :limit]
    tags = []
    for row, places in enumerate(best):
        order = places[np.argsort(-cosines[row, places], kind="stable")]
        tags.append(
            [
                Tag(lexicon.word(place), round(float(cosines[row, place]), 4))
                for place in order.tolist()
                if cosines[row, place] >= least
            ]
        )
    return tags
