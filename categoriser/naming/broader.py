"""Labels for broad groups, from the names of their categories: what these are kinds of, else the first of the names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from categoriser.naming.style import Style
from categoriser.naming.vocabulary import Vocabulary

COVERED: Final = 0.6  # share of a group's categories that its label has to be true of
_JOINED: Final = re.compile(r"\s+(?:&|and)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Child:
    """A category of a group. ``meant``: its name says what it is, and not only how it looks or which number it has."""

    label: str
    meant: bool = True


def group_labels(groups: Mapping[int, Sequence[Child]], vocabulary: Vocabulary, style: Style) -> dict[int, str]:
    """A label for every group.

    Every category of a group counts the same, so that labels change only as names or memberships do, and older groups
    choose first.

    Args:
        groups: number of a group → its categories, the oldest first; none is empty.
        vocabulary: whose words are kinds of others; it may be empty.
        style: of names.

    Returns:
        For a group of one category its label. For others a word that most of their categories are a kind of, and that
        is no category's name; where there is none, as many of their names as fit. Labels of the others differ from each
        other and from the names of all categories, whatever their case.
    """
    named = {child.label.casefold() for some in groups.values() for child in some}
    places = {vocabulary.find(child.label) for some in groups.values() for child in some if child.meant}
    labels: dict[int, str] = {}
    taken = set(named)
    for number, some in sorted(groups.items()):
        if len(some) == 1:
            labels[number] = some[0].label
            continue
        words = (vocabulary.terms[one].word for one in _kinds(some, vocabulary) if one not in places)
        free = (label for label in (*map(style.dressed, words), *_listed(some)) if label.casefold() not in taken)
        labels[number] = next(free, None) or next(_numbered(next(_listed(some)), taken))
        taken.add(labels[number].casefold())
    return labels


def _kinds(some: Sequence[Child], vocabulary: Vocabulary) -> list[int]:
    """Places of what most of the categories are kinds of: first what is true of most, of equals the most special."""
    cover: dict[int, float] = {}
    children: dict[int, int] = {}
    for child in some:
        found = [_place(part, vocabulary) for part in _JOINED.split(child.label)] if child.meant else []
        above: dict[int, float] = {}
        for place in found:
            for one in () if place is None else (place, *vocabulary.ancestors(place)):
                above[one] = above.get(one, 0.0) + 1 / len(found)  # "Cats & cars" is half an animal
        for one, share in above.items():
            cover[one] = cover.get(one, 0.0) + share
            children[one] = children.get(one, 0) + 1
    good = [one for one, share in cover.items() if share >= COVERED * len(some) and children[one] > 1]
    return sorted(good, key=lambda one: (-cover[one], -len(vocabulary.ancestors(one)), one))


def _place(name: str, vocabulary: Vocabulary) -> int | None:
    """Of a name in the vocabulary, or of what it ends with: a "Wooden rowing boat" is a boat."""
    words = name.split()
    tries = (vocabulary.find(" ".join(words[start:])) for start in range(len(words)))
    return next((place for place in tries if place is not None), None)


def _listed(some: Sequence[Child]) -> Iterator[str]:
    labels = [child.label for child in some]
    if len(labels) == 2:
        plain = not any(mark in label for label in labels for mark in ",&")  # else nobody could tell where one ends
        yield (" & " if plain else " · ").join(labels)
    else:
        yield f"{labels[0]} · {labels[1]} · {len(labels) - 2} more"


def _numbered(label: str, taken: set[str]) -> Iterator[str]:
    return (name for number in count(2) if (name := f"{label} ({number})").casefold() not in taken)
