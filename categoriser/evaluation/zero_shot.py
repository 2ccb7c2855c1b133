"""Agreement with words, for pictures without classes and encoders that read text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from categoriser.domain import FloatMatrix
from categoriser.encoders import Encoder
from categoriser.errors import ConfigurationError
from categoriser.evaluation.metrics import JUDGED

NO_VOCABULARY = "No vocabulary was given to compare with words."
_BATCH = 256  # terms
_ROWS = 4096  # images compared at a time


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """Each image is given the term of a vocabulary with the largest cosine.

    agreement: share of the images in categories of at least 5 whose term is the most common one of their category.
    terms: the most common term of each of these categories.
    """

    agreement: float
    terms: dict[str, str]


def read_vocabulary(path: Path) -> list[str]:
    """Terms of a text file, one per line.

    Raises:
        ConfigurationError: the file cannot be read or holds fewer than two terms.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(f"The vocabulary {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"The vocabulary {path} is no text in UTF-8; save it as such.") from None
    terms = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(terms) < 2:
        raise ConfigurationError(f"The vocabulary {path} holds {len(terms)} terms; write at least two, one per line.")
    return terms


def zero_shot(
    vectors: FloatMatrix, found: Sequence[str | None], encoder: Encoder | None, terms: Sequence[str] | None
) -> ZeroShot | str:
    """Agreement of categories with words, or the reason why it cannot be had."""
    if not terms:
        return NO_VOCABULARY
    if encoder is None:
        return "Ready vectors come without an encoder that reads words."
    if not encoder.reads_text:
        return f"The encoder {encoder.id} does not read words, so categories cannot be compared with them."
    parts = [encoder.encode_texts(terms[low : low + _BATCH]) for low in range(0, len(terms), _BATCH)]
    texts = np.concatenate([part for part in parts if part is not None])
    best = np.concatenate(
        [(vectors[low : low + _ROWS] @ texts.T).argmax(axis=1) for low in range(0, len(vectors), _ROWS)]
    )
    terms_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for category, which in zip(found, best.tolist(), strict=True):
        if category is not None:
            terms_of[category][terms[which]] += 1
    common = {name: counts.most_common(1)[0] for name, counts in terms_of.items() if counts.total() >= JUDGED}
    if not common:
        return "There is no category of at least 5 images."
    judged = sum(terms_of[name].total() for name in common)
    return ZeroShot(
        agreement=sum(count for _, count in common.values()) / judged,
        terms={name: term for name, (term, _) in common.items()},
    )
