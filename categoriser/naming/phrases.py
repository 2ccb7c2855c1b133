"""Key phrases of a category's texts against those of its neighbours: class-based tf-idf (Grootendorst 2022).

All texts of a category count as one document. For phrase t in category c

    weight(t, c) = tf(t, c) · log(1 + A / f(t))

tf: its share of the texts of c that have it; f: how often it occurs over all categories; A: mean number of phrases per
category.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_][\w'’-]*", re.UNICODE)
_LONGEST: Final = 3  # words of a phrase
# words that begin or end no name: English articles, prepositions, verbs of captions, and what captions say of pictures
_STOP: Final = frozenset(
    """a an and are as at be been being both but by can close close-up could did do does doing each either else etc few
    for from front further had has have having he her here hers him his how i if image images in include includes
    including into is it its itself likely looking looks made main many may me middle might more most much my near next
    no nor not object objects of off on one only or other others our out over own person's photo photograph photos
    picture pictures rather same scene seem seems seen several she shot should show showing shown shows side sitting so
    some standing still such suggest suggesting suggests taken than that the their them then there these they this those
    through to together top too two under up upon us used using various very view was we well were what when where which
    while who whom whose why will with within without would you your three four five group large small background
    foreground featuring features feature appears appear placed positioned visible front left right captured
    possibly also specifically along around like who's being lying playing wearing holding surrounded located
    focus focused clearly prominently atop person people man woman white black""".split()  # noqa: SIM905
)


def key_phrases(texts: Sequence[str], others: Sequence[Sequence[str]], limit: int = 10) -> list[tuple[str, float]]:
    """The phrases of some texts that the texts of other categories have less.

    Args:
        texts: of the category.
        others: of each other category.
        limit: of phrases.

    Returns:
        Phrases with weights, best first; in the commonest of their spellings.
    """
    own, spelt = _counted(texts)
    if not own:
        return []
    documents = [own, *(counts for counts, _ in map(_counted, others) if counts)]
    everywhere: Counter[str] = Counter()
    for one in documents:
        everywhere.update(one)
    mean = sum(everywhere.values()) / len(documents)
    weights = {
        phrase: count / len(texts) * log(1 + mean / everywhere[phrase]) * (1.0 + 0.25 * phrase.count(" "))
        for phrase, count in own.items()
        if count > 1 or len(texts) < 3
    }
    ranked = sorted(weights.items(), key=lambda one: (-one[1], one[0]))
    chosen: list[tuple[str, float]] = []
    for phrase, weight in ranked:
        # "acoustic guitar" says all that "guitar" says, unless there are other guitars too
        if any(_within(phrase, longer) and own[longer] >= 0.8 * own[phrase] for longer, _ in chosen):
            continue
        chosen.append((phrase, weight))
        if len(chosen) == limit:
            break
    return [(spelt[phrase], round(weight, 4)) for phrase, weight in chosen]


def _counted(texts: Sequence[str]) -> tuple[Counter[str], Mapping[str, str]]:
    """In how many texts each phrase is, and how it is spelt most often."""
    counts: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for text in texts:
        found = list(_phrases(text))
        counts.update({key for key, _ in found})
        for key, spelling in found:
            spellings.setdefault(key, Counter())[spelling] += 1
    return counts, {key: some.most_common(1)[0][0] for key, some in spellings.items()}


def _phrases(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"[.,;:!?()\"“”\n]+", text.casefold()):
        words = _WORD.findall(part)
        for start in range(len(words)):
            for end in range(start + 1, min(len(words), start + _LONGEST) + 1):
                some = words[start:end]
                if any(word in _STOP or len(word) < 2 for word in some):
                    break
                yield " ".join(_singular(word) for word in some), " ".join(some)


def _within(phrase: str, longer: str) -> bool:
    return f" {phrase} " in f" {longer} "


def _singular(word: str) -> str:
    """One key for one and many; wrong for a few words, which only share a key with themselves."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word
