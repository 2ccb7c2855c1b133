"""Which words of a collection's texts answer its criterion.

Texts that were written under a criterion name it, and what stands next to its name is an answer: "the *object* in the
image is a cargo ship", "a harp, which is a stringed musical *instrument*", "*located* in a park". From those answers
the places that answers stand in are learned ("is a …", "playing a …", "in a …"), and from the places further answers,
as lexicons are grown from few seeds [Thelen & Riloff 2002; Pantel & Pennacchiotti 2006].
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from categoriser.encoders.words.reading import (
    SENTENCE_ENDS,
    Slot,
    Unit,
    is_function_word,
    is_word,
    tokens,
    units,
)

TEMPLATE_SHARE = 0.75  # words of more texts than this belong to the wording, not to what is said
_STEM = 5  # letters that "location" and "located" share
_MENTIONED = 0.3  # share of texts that name the criterion, below which it says nothing about the others
_ROUNDS = 2
_BEST = 10  # words that define what "relevant" is
_NOT = re.compile(r"\b(?:not|without|ignor\w*|except|regardless)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relevance:
    """Attributes: words: word → relevance in (0, 1]; slots: the same of the places words stand in;
    verbs: whether the criterion asks for what is done; known: whether the texts name the criterion at all."""

    words: Mapping[str, float]
    slots: Mapping[Slot, float]
    verbs: bool
    known: bool


def stems(criterion: str) -> tuple[list[str], list[str]]:
    """Beginnings of the words of a criterion, and of those behind "not" or "without", which it excludes."""
    wanted, *unwanted = _NOT.split(criterion)
    return _stems(wanted), [stem for part in unwanted for stem in _stems(part)]


def relevance(
    documents: Sequence[Sequence[str]], criterion: str, dominant: AbstractSet[str] = frozenset()
) -> Relevance:
    """Learn from all texts, each as its tokens. ``dominant`` words are no wording, however often they occur."""
    wanted, _ = stems(criterion)
    spread = Counter(word for document in documents for word in set(document))
    named = {word for word in spread if word.startswith(tuple(wanted))} if wanted else set()
    usual = {word for word, count in spread.items() if count > TEMPLATE_SHARE * len(documents)}
    template = named | (usual - dominant)
    read = [units(document, template) for document in documents]
    mentioned, answers = 0, Counter[tuple[str, bool]]()
    for document, found in zip(documents, read, strict=True):
        places = [place for place, word in enumerate(document) if word in named]
        mentioned += bool(places)
        for place in places:
            answer = _beside(document, found, place)
            if answer is not None:
                answers[answer.head, answer.verb] += 1
    verbs = 2 * sum(count for (_, verb), count in answers.items() if verb) > answers.total()
    occurrences = Counter((unit.slot, unit.head) for found in read for unit in found if unit.verb == verbs)
    totals: Counter[str] = Counter()
    for (_, word), count in occurrences.items():
        totals[word] += count
    known = mentioned > _MENTIONED * len(documents) and answers.total() > 0
    if not known:
        return Relevance(dict.fromkeys(totals, 1.0), {}, verbs=False, known=False)
    seeds = {word: answers[word, verbs] / (count + 5) for word, count in totals.items()}
    words, slots = _grown(seeds, occurrences, totals)
    frequent = sorted((words[word] for word in words if spread[word] >= max(2, 0.005 * len(documents))), reverse=True)
    most = sum(frequent[:_BEST]) / max(1, len(frequent[:_BEST])) or 1.0
    return Relevance(
        {word: min(1.0, value / most) for word, value in words.items() if value > 0},
        {slot: min(1.0, value / most) for slot, value in slots.items() if value > 0},
        verbs,
        known=True,
    )


def _grown(
    seeds: Mapping[str, float], occurrences: Mapping[tuple[Slot, str], int], totals: Mapping[str, int]
) -> tuple[dict[str, float], dict[Slot, float]]:
    sizes: Counter[Slot] = Counter()
    for (slot, _), count in occurrences.items():
        sizes[slot] += count
    words = dict(seeds)
    slots: dict[Slot, float] = {}
    for _ in range(_ROUNDS):
        sums = dict.fromkeys(sizes, 0.0)
        for (slot, word), count in occurrences.items():
            sums[slot] += count * words[word]
        slots = {slot: value / (sizes[slot] + 3) for slot, value in sums.items()}
        by_place = dict.fromkeys(totals, 0.0)
        for (slot, word), count in occurrences.items():
            by_place[word] += count * slots[slot]
        words = {word: 0.5 * seeds[word] + 0.5 * by_place[word] / (count + 2) for word, count in totals.items()}
    return words, slots


def _beside(document: Sequence[str], found: Sequence[Unit], place: int) -> Unit | None:
    """What a mention at a place is about: the unit before it in its sentence, else the one behind."""
    own = next((unit for unit in found if unit.end == place), None)  # "a stringed musical" of "instrument"
    limit = place if own is None else own.start
    before = [unit for unit in found if unit.end <= limit and unit is not own]
    if before and SENTENCE_ENDS.isdisjoint(document[before[-1].end : place]):
        return before[-1]
    behind = next((unit for unit in found if unit.start > place), None)
    if behind is not None and SENTENCE_ENDS.isdisjoint(document[place : behind.start]):
        return behind
    return None


def _stems(part: str) -> list[str]:
    return [word[:_STEM] for word in tokens(part) if is_word(word) and len(word) > 3 and not is_function_word(word)]
