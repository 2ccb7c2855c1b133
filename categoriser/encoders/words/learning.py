"""Learns a lexicon from all texts of a collection: labels are relevant, name things, and do not occur everywhere."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from categoriser.encoders.words.dominant import is_dominant
from categoriser.encoders.words.lexicon import RELEVANCE_POWER, Lexicon
from categoriser.encoders.words.reading import (
    Slot,
    is_function_word,
    is_word,
    looks_like_verb,
    phrases,
    plurals,
    tokens,
)
from categoriser.encoders.words.relevance import TEMPLATE_SHARE, relevance, stems
from categoriser.encoders.words.topics import learn_topics

_LEAST_TEXTS = 2  # that a label has to occur in
_ENOUGH = 0.2  # share of texts from which a word is penalised for being everywhere; rarer ones get no prize
_LEAST_ENDS = 0.3  # share of a word's occurrences that end a phrase, for it to name a thing
_SUBSUMED = 0.3  # how strong a more general word is, on average, in the texts that a word labels
_MORE_GENERAL = 1.2  # times as frequent
_MOST_SLOTS = 2000


def learn(texts: Sequence[str], criterion: str = "", *, topics: bool = False) -> Lexicon:
    """A lexicon of these texts.

    Args:
        texts: all of them; the result does not depend on their order.
        criterion: what they were written about, in words that they use; empty when there is none, as with titles.
        topics: whether what else texts say is to count as much as their labels (see `topics`).
    """
    documents = [tokens(text) for text in texts]
    singular = plurals(documents)
    documents = [[singular.get(word, word) for word in document] for document in documents]
    spread = Counter(word for document in documents for word in set(document))
    found, slots = _labels(documents, spread, singular, criterion, frozenset())
    dominant = _dominant(documents, spread, [list(found.salience(text)) for text in texts], criterion)
    if dominant:
        found, slots = _labels(documents, spread, singular, criterion, dominant)
    roots = {word: word for word in spread} | _roots(found.salience(text) for text in texts)
    return replace(found, slots=slots, roots=roots, topics=learn_topics(documents) if topics else {})


def _labels(
    documents: Sequence[Sequence[str]],
    spread: Mapping[str, int],
    singular: Mapping[str, str],
    criterion: str,
    dominant: AbstractSet[str],
) -> tuple[Lexicon, dict[Slot, float]]:
    """A lexicon without roots and places, and the places; ``dominant`` words are labels however often they occur."""
    relevant = relevance(documents, criterion, dominant)
    _, unwanted = stems(criterion)
    named = _verbs(spread) if relevant.verbs else _things(documents, spread)
    weights: dict[str, float] = {}
    for word in named:
        share = spread[word] / len(documents)
        if (
            word not in relevant.words
            or spread[word] < _LEAST_TEXTS
            or (share > TEMPLATE_SHARE and relevant.known and word not in dominant)
            or (unwanted and word.startswith(tuple(unwanted)))
        ):
            continue
        rarity = math.log(1 / max(share, _ENOUGH)) / math.log(1 / _ENOUGH)
        weight = relevant.words[word] ** RELEVANCE_POWER * (1.0 if word in dominant else rarity)
        if weight > 0:
            weights[word] = weight
    slots = dict(sorted(relevant.slots.items(), key=lambda item: -item[1])[:_MOST_SLOTS])
    plain = {word: word for word in spread}
    return Lexicon(len(documents), weights, plain, singular, {}, relevant.verbs), slots


def _dominant(
    documents: Sequence[Sequence[str]], spread: Mapping[str, int], labels: Sequence[Sequence[str]], criterion: str
) -> frozenset[str]:
    """Words of most texts that say what these are of."""
    mentions = tuple(stem for part in stems(criterion) for stem in part)
    often = [
        word
        for word, count in spread.items()
        if 2 * count > len(documents)
        and is_word(word)
        and not is_function_word(word)
        and not (mentions and word.startswith(mentions))
    ]
    words = [frozenset(document) for document in documents] if often else []
    return frozenset(word for word in often if is_dominant(word, words, labels))


def _things(documents: Sequence[Sequence[str]], spread: Mapping[str, int]) -> list[str]:
    """Words that end phrases; all words in a language without determiners that we know."""
    shares = phrases(documents)
    found = [
        word
        for word, (ends, inside) in shares.items()
        if ends >= _LEAST_ENDS and ends > inside and not (looks_like_verb(word) and ends < 0.8)
    ]
    covered = set(found)
    with_one = sum(not covered.isdisjoint(document) for document in documents)
    if 2 * with_one >= len(documents):
        return found
    return [word for word in spread if is_word(word) and not is_function_word(word)]


def _verbs(spread: Mapping[str, int]) -> list[str]:
    return [word for word in spread if looks_like_verb(word)]


def _roots(saliences: Iterable[Mapping[str, float]]) -> dict[str, str]:
    """Word → the most general word it goes with: "macaque" with "monkey" [Sanderson & Croft 1999].

    Only strengths count: what is a monkey stands in front in both, and a fence does not.
    """
    together: defaultdict[str, Counter[str]] = defaultdict(Counter)
    strengths: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    for salience in saliences:
        most = max(salience.values(), default=1.0)
        for word, strength in salience.items():
            texts[word] += 1
            strengths[word] += strength / most  # type: ignore[assignment]
            for other, its in salience.items():
                if other != word:
                    together[word][other] += its / most  # type: ignore[assignment]
    parents: dict[str, str] = {}
    for word, others in together.items():
        enough = _MORE_GENERAL * strengths[word]
        general = {other: value for other, value in others.items() if strengths[other] > enough}
        if general:
            parent = max(general, key=lambda other: (general[other], other))
            if general[parent] >= _SUBSUMED * (texts[word] + 0.5):
                parents[word] = parent
    return {word: _root(word, parents) for word in strengths}


def _root(word: str, parents: Mapping[str, str]) -> str:
    while word in parents:  # strengths grow on the way: there is an end
        word = parents[word]
    return word
