"""What else texts say beside their labels: all their words, as few directions that words of one matter share.

Latent semantic analysis [Deerwester et al. 1990]: singular vectors of the texts' TF-IDF. Where the number of categories
is given, the groups are known to be few and large, and what their texts speak of besides tells them apart better
than labels alone; where it is to be found out, the same words would only make more groups of it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from categoriser.domain import FloatVector
from categoriser.encoders.words.reading import is_function_word, is_word

_TOPICS = 50
_LEAST_TEXTS = 2  # that a word has to occur in
_MOST_WORDS = 5000  # the commonest; they are stored with every reading of the texts


def learn_topics(documents: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Word → its part in each topic, weighted by its rarity; empty for few texts.

    Args:
        documents: every text as its tokens.
    """
    spread = Counter(word for one in documents for word in set(one) if is_word(word) and not is_function_word(word))
    order = sorted(spread, key=lambda word: (-spread[word], word))
    words = [word for word in order[:_MOST_WORDS] if spread[word] >= _LEAST_TEXTS]
    topics = min(_TOPICS, len(words) - 1, len(documents) - 1)
    if topics < 2:
        return {}
    rarity = {word: 1 + math.log((1 + len(documents)) / (1 + spread[word])) for word in words}
    column = {word: place for place, word in enumerate(words)}
    rows, columns, values = list[int](), list[int](), list[float]()
    for row, document in enumerate(documents):
        counts = Counter(word for word in document if word in column)
        weights = {word: (1 + math.log(count)) * rarity[word] for word, count in counts.items()}
        length = math.sqrt(sum(one**2 for one in weights.values())) or 1.0
        rows += [row] * len(weights)
        columns += [column[word] for word in weights]
        values += [one / length for one in weights.values()]
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - it takes a second to import

    counted = sparse.csr_matrix((np.array(values, np.float32), (rows, columns)), (len(documents), len(words)))
    parts = TruncatedSVD(topics, random_state=0).fit(counted).components_.T
    return {word: [round(rarity[word] * float(one), 4) for one in parts[column[word]]] for word in words}


def topics_of(document: Sequence[str], topics: Mapping[str, Sequence[float]]) -> FloatVector | None:
    """Of one text, unit length; None where it has no word that is known."""
    counts = Counter(word for word in document if word in topics)
    if not counts:
        return None
    total = np.sum([(1 + math.log(count)) * np.asarray(topics[word]) for word, count in counts.items()], axis=0)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length, np.float32) if length else None
