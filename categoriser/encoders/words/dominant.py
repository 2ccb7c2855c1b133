"""Words that most texts have because most are of one kind, told from those that belong to the wording of all.

"The object in the *image* is a *dog*": both words may be in nine of ten texts. But texts without "image" speak of the
same as the others, and texts without "dog" speak of ships and cats, which those with it do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

_ALIKE = 0.7  # of the usual rate that labels of texts without a word have in texts with it; of wording it is about 1
_LEAST = 10  # texts without it, for anything to be said about it


def is_dominant(word: str, documents: Sequence[AbstractSet[str]], labels: Sequence[Sequence[str]]) -> bool:
    """Whether a word names what most texts are of.

    Args:
        word: that most texts have.
        documents: words of each text.
        labels: of each text, strongest first, as far as they are known without the word.
    """
    strongest = [next((one for one in some if one != word), None) for some in labels]
    everywhere = Counter(one for one in strongest if one is not None)
    beside = Counter(
        one for one, document in zip(strongest, documents, strict=True) if one is not None and word in document
    )
    with_it = sum(word in document for document in documents)
    ratios = [
        (beside[one] / with_it) / ((everywhere[one] - 1) / (len(documents) - 1))
        for one, document in zip(strongest, documents, strict=True)
        if one is not None and word not in document and everywhere[one] > 1
    ]
    return len(ratios) >= _LEAST and sum(ratios) / len(ratios) < _ALIKE
