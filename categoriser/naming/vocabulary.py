"""Words that categories may be called by, with what they are kinds of; read from text files.

The format is explained at the head of ``config/vocabulary/english.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from categoriser.errors import ConfigurationError

PROMPT: Final = "a photo of a {}"
_HEADING: Final = re.compile(r"\[([^\]=]+)(?:=([^\]]*))?\]")
_MOST: Final = 50_000  # terms; a larger table would make every naming slow
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Term:
    """One word or phrase. ``parent``: the first word of what it is a kind of."""

    word: str
    group: str = ""
    parent: str | None = None
    synonyms: tuple[str, ...] = ()
    prompt: str = PROMPT

    @property
    def text(self) -> str:
        """What an encoder is given for it."""
        return self.prompt.format(self.word)


@dataclass(frozen=True)
class Vocabulary:
    """Terms in the order of their files."""

    terms: Sequence[Term]
    id: str = "none"  # changes with the content

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Every word and synonym in lower case → place of its term."""
        found = {one.casefold(): place for place, term in enumerate(self.terms) for one in term.synonyms}
        return found | {term.word.casefold(): place for place, term in enumerate(self.terms)}

    def find(self, word: str) -> int | None:
        """Place of a word or synonym, singular or plural."""
        return next((self.places[form] for form in forms(word) if form in self.places), None)

    def ancestors(self, place: int) -> list[int]:
        """Places of what a term is a kind of, nearest first."""
        found: list[int] = []
        while (parent := self.terms[place].parent) is not None:
            above = self.places.get(parent.casefold())
            if above is None or above in found:
                break
            found.append(above)
            place = above
        return found

    def joined(self, others: Iterable[Term], label: str) -> Vocabulary:
        """With more terms; those that are here already are left out."""
        extra = [one for one in others if self.find(one.word) is None]
        return _made([*self.terms, *extra], label)


def read_vocabulary(paths: Sequence[Path]) -> Vocabulary:
    """The terms of one or several files together.

    Raises:
        ConfigurationError: a file cannot be read, says nothing, or makes no sense; the sentence names the line.
    """
    terms: list[Term] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise ConfigurationError(f"The vocabulary {path} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"The vocabulary {path} is no text in UTF-8; save it as such.") from None
        found = list(_parsed(text.splitlines(), path))
        if not found:
            raise ConfigurationError(f"The vocabulary {path} holds no words; write one or more per line.")
        terms += found
    return _made(terms, "+".join(path.stem for path in paths))


def parse_vocabulary(text: str, name: str) -> Vocabulary:
    """The terms of a text in the format of a vocabulary file.

    Raises:
        ConfigurationError: it says nothing or makes no sense; the sentence names the line.
    """
    terms = list(_parsed(text.splitlines(), Path(name)))
    if not terms:
        raise ConfigurationError(f"The vocabulary {name} holds no words; write one or more per line.")
    return _made(terms, name)


def forms(word: str) -> Iterator[str]:
    """A word in lower case, then with its plural taken off or put on."""
    word = " ".join(word.replace("_", " ").casefold().split())
    yield word
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s"):
        yield word[:-1]
    else:
        yield word + "s"


def _parsed(lines: Iterable[str], path: Path) -> Iterator[Term]:
    group, prompt = "", PROMPT
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            group, prompt = heading[1].strip(), (heading[2] or PROMPT).strip()
            if prompt.count("{}") != 1 or re.search(r"[{}]", prompt.replace("{}", "")):
                raise ConfigurationError(f"{path}, line {number}: {prompt!r} needs one {{}} where the word goes.")
            continue
        head, colon, rest = line.partition(":")
        parent = None
        if colon:
            parent = _term(head, path, number, group=group, prompt=prompt, parent=None)
            yield parent
        for part in rest.split(",") if colon else line.split(","):
            if part.strip():
                yield _term(part, path, number, group, prompt, None if parent is None else parent.word)


def _term(text: str, path: Path, number: int, group: str, prompt: str, parent: str | None) -> Term:
    words = [" ".join(one.split()) for one in text.split("|")]
    for one in words:
        if not one or len(one) > _LONGEST or not one.isprintable():
            raise ConfigurationError(f"{path}, line {number}: {one[:_LONGEST]!r} is no word; write words, not prose.")
    return Term(words[0], group, parent, tuple(words[1:]), prompt)


def _made(terms: Iterable[Term], label: str) -> Vocabulary:
    """One term per word: the first line that gives it a kind says which, and synonyms add up."""
    found: dict[str, Term] = {}
    for one in terms:
        known = found.get(one.word.casefold())
        if known is None:
            found[one.word.casefold()] = one
            continue
        parent = known.parent or one.parent
        if parent is not None and parent.casefold() == known.word.casefold():
            parent = None
        synonyms = tuple(dict.fromkeys((*known.synonyms, *one.synonyms)))
        found[one.word.casefold()] = Term(known.word, known.group, parent, synonyms, known.prompt)
    if len(found) > _MOST:
        raise ConfigurationError(f"The vocabulary {label} holds {len(found):,} words; at most {_MOST:,} are of use.")
    chosen = tuple(found.values())
    digest = sha256("\n".join(f"{one.text}|{one.parent}" for one in chosen).encode()).hexdigest()[:8]
    return Vocabulary(chosen, f"{label}-{digest}")
