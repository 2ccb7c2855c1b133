"""Tags of single images: the words that fit a picture best, from vectors alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector, Tag
from categoriser.naming.atlas import Lexicon, unit

MOST: Final = 10  # tags of an image
LEAST: Final = 0.05  # score of a tag


def tag_images(
    lexicon: Lexicon, vectors: FloatMatrix, mean: FloatVector | None = None, *, limit: int = MOST, least: float = LEAST
) -> list[list[Tag]]:
    """The best words of every image.

    Args:
        lexicon: the words.
        vectors: of the images, unit length [n, d].
        mean: what the images of the collection share in the joint space [t]; None takes nothing off.
        limit: of words per image.
        least: smallest score.

    Returns:
        For each image its words, best first. Of a word and what it is a kind of, both may be there.
    """
    if not len(vectors) or not len(lexicon):
        return [[] for _ in vectors]
    return _best(lexicon, _placed(lexicon, vectors, mean), limit, least)


def tagged(
    lexicon: Lexicon, vectors: FloatMatrix, mean: FloatVector | None, wanted: Sequence[Sequence[int]]
) -> FloatVector:
    """How well images [n, d] bear tags.

    Args:
        lexicon: the words.
        vectors: of the images, unit length [n, d].
        mean: as for ``tag_images``.
        wanted: for each tag the rows of the words that count as it (``Lexicon.kinds``).

    Returns:
        [n]: the lowest of the tags' scores, each the best of its words; NaN for images that lack one of them, which are
        those where ``tag_images`` lacks it, but for words that are exactly as good as its last one.
    """
    scores = np.full(len(vectors), np.nan, np.float32)
    if not len(vectors) or not len(lexicon):
        return scores
    placed = _placed(lexicon, vectors, mean)
    near = np.ones(len(vectors), bool)
    for rows in wanted:  # cheap, and leaves few images for which all words have to be compared
        near &= (placed @ lexicon.vectors[list(rows)].T >= LEAST).any(axis=1)
    places = np.flatnonzero(near)
    cosines = placed[places] @ lexicon.vectors.T
    most = min(MOST, cosines.shape[1])
    lowest = np.partition(cosines, -most, axis=1)[:, -most]  # of an image's tags
    borne = np.stack([cosines[:, list(rows)].max(axis=1) for rows in wanted]).min(axis=0)
    good = borne >= np.maximum(lowest, LEAST)
    scores[places[good]] = borne[good].round(4)
    return scores


def _placed(lexicon: Lexicon, vectors: FloatMatrix, mean: FloatVector | None) -> FloatMatrix:
    placed = lexicon.space.images(vectors)
    return unit(placed if mean is None else placed - mean)


def _best(lexicon: Lexicon, placed: FloatMatrix, limit: int, least: float) -> list[list[Tag]]:
    cosines = placed @ lexicon.vectors.T
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
