"""A text as words and as units: noun phrases with what stands before them, and words that look like verbs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

Slot: TypeAlias = tuple[str, str]  # the two words before a phrase

DETERMINER = "~"  # any of them stands for all: "in a", "in the" and "in his" are one slot
START = "^"
SENTENCE_ENDS = frozenset(".;!?")

_TOKEN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*|[.,;:!?()]")
_POSSESSIVE = re.compile(r"['’]s\b")
_ARTICLES = ("a", "an", "the", "this", "that", "these", "those", "another", "each", "some")
_POSSESSIVES = ("his", "her", "its", "their", "my", "our", "your")
_DETERMINERS = frozenset((*_ARTICLES, *_POSSESSIVES))
_WORDS_OF_DESCRIPTIONS = ("image", "picture", "photo", "feature", "features", "show", "shows", "appear", "appears")
_OFTEN_SAID = frozenset(
    (*_WORDS_OF_DESCRIPTIONS, "also", "likely", "possibly", "specifically", "several", "uncertain", "near")
)
# "fire truck", "a bird's bill": words of things that the list of scikit-learn holds
_NO_FUNCTION_WORDS = frozenset(("fire", "system", "bill"))
_PLURALS = (("ies", "y"), ("es", ""), ("s", ""))


@dataclass(frozen=True, slots=True)
class Unit:
    """Words ``start`` to ``end`` of a text. ``head`` is the last of them; a verb is a unit of its own."""

    start: int
    end: int
    head: str
    slot: Slot
    verb: bool


def tokens(text: str) -> list[str]:
    """Words in small letters, and the marks that end a phrase or a sentence."""
    return _TOKEN.findall(_POSSESSIVE.sub(" ", text.lower()))


def plurals(documents: Iterable[Sequence[str]]) -> dict[str, str]:
    """Plural → singular, for those words of which both occur: no dictionary is asked."""
    known = {word for document in documents for word in document}
    found = {}
    for word in known:
        for ending, replacement in _PLURALS:
            stem = word.removesuffix(ending) + replacement
            if word.endswith(ending) and not word.endswith("ss") and len(word) > len(ending) + 2 and stem in known:
                found[word] = stem
                break
    return found


def is_word(token: str) -> bool:
    """Not a mark."""
    return token[0].isalpha()


def is_function_word(token: str) -> bool:
    """A word of the grammar, not of the matter."""
    return token in _function_words() or token in _DETERMINERS


def is_determiner(token: str) -> bool:
    """ "a", "the", "his" and the like."""
    return token in _DETERMINERS


def looks_like_verb(word: str) -> bool:
    """By its ending: "sitting", "parked"."""
    return (word.endswith("ing") and len(word) > 5) or (word.endswith("ed") and len(word) > 4)


def units(document: Sequence[str], template: AbstractSet[str]) -> list[Unit]:
    """The units of a text in order; ``template`` are words that nearly every text has, which say nothing."""
    found = []
    place = 0
    while place < len(document):
        word = document[place]
        if not _matters(word, template):
            place += 1
            continue
        first = place
        place += 1
        verb = looks_like_verb(word) and not (first and is_determiner(document[first - 1]))
        while not verb and place < len(document) and _continues(document[place], template):
            place += 1
        found.append(Unit(first, place, document[place - 1], _slot(document, first), verb))
    return found


def phrases(documents: Iterable[Sequence[str]]) -> Mapping[str, tuple[float, float]]:
    """For every word the share of its occurrences that end a phrase opened by a determiner, and that modify in one.

    Names of things end such phrases, "a large cargo *ship*"; properties stand inside them.
    """
    ends: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for document in documents:
        opened = False
        for place, word in enumerate(document):
            if is_determiner(word):
                opened = True
                continue
            if not is_word(word) or is_function_word(word):
                opened = False
                continue
            total[word] += 1
            following = document[place + 1] if place + 1 < len(document) else "."
            modifies = is_word(following) and not is_function_word(following) and not looks_like_verb(following)
            if opened and modifies:
                inside[word] += 1
            elif opened:
                ends[word] += 1
                opened = False
    return {word: (ends[word] / count, inside[word] / count) for word, count in total.items()}


@cache
def _function_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # noqa: PLC0415 - it takes a second to import

    return frozenset(ENGLISH_STOP_WORDS - _NO_FUNCTION_WORDS) | _OFTEN_SAID


def _matters(word: str, template: AbstractSet[str]) -> bool:
    return is_word(word) and not is_function_word(word) and word not in template


def _continues(word: str, template: AbstractSet[str]) -> bool:
    return _matters(word, template) and not looks_like_verb(word)


def _slot(document: Sequence[str], place: int) -> Slot:
    before = [DETERMINER if is_determiner(word) else word for word in document[max(0, place - 2) : place]]
    one, other = [START] * (2 - len(before)) + before
    return one, other
