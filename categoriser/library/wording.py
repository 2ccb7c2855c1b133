"""The part of a collection that is about the words its categories may be called by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from categoriser.catalog import collections, taxonomy, views, vocabularies
from categoriser.catalog.collections import CollectionRow
from categoriser.encoders import takes_texts
from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError
from categoriser.library.lexicons import OWN
from categoriser.library.naming import Naming
from categoriser.naming.vocabulary import Term, Vocabulary, parse_vocabulary

if TYPE_CHECKING:
    from categoriser.library.library import Library

LONGEST: Final = 100_000  # letters of a collection's own words
_MOST: Final = 5000  # words of a collection's own: their vectors are made anew by each process


@dataclass(frozen=True, slots=True)
class WordUse:
    """A category that is called by a word."""

    category: str
    label: str
    images: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the vocabulary. ``place``: its place, from 1; ``own``: the collection's people wrote it."""

    place: int
    word: str
    heading: str
    kind_of: str | None
    synonyms: Sequence[str]
    own: bool
    used: Sequence[WordUse]


@dataclass(frozen=True, slots=True)
class VocabularyState:
    """What categories of a collection may be called by, and what they are called by.

    ``problem``: why words cannot name anything here, in a sentence; None when they can. ``names``: categories by where
    their name comes from; "none" for numbered stand-ins.
    """

    id: str
    words: int
    used: int
    own: int
    text: str
    replaces: bool
    editable: bool
    problem: str | None
    names: Mapping[str, int]


class Worded(Naming):
    """Looks at the words, and lets people add theirs."""

    _library: Library

    def vocabulary(self) -> VocabularyState:
        """The words that categories may be called by, in numbers.

        Raises:
            ConfigurationError: a file of the settings cannot be read or makes no sense.
        """
        row = self.row
        with self._storage.database.read() as connection:
            own = vocabularies.find(connection, row.id)
            stored = taxonomy.page(connection, row.id)
        vocabulary = self._vocabulary(row)
        names = Counter(
            "person"
            if one["named_by"] == "person"
            else str((one["naming"] or {}).get("source") or "look")
            if one["label"]
            else "none"
            for one in stored
        )
        return VocabularyState(
            id=vocabulary.id,
            words=len(vocabulary),
            used=len(self._used(row, vocabulary)),
            own=0 if own is None else len(parse_vocabulary(own.text, OWN)),
            text="" if own is None else own.text,
            replaces=own is not None and own.replaces,
            editable=not _is_labelled(row),
            problem=self._why_no_words(row),
            names=dict(names),
        )

    def vocabulary_words(
        self, *, find: str = "", used: bool = False, own: bool = False, after: int = 0, limit: int = 100
    ) -> list[Word]:
        """Words in their order, each with the categories that are called by it.

        Args:
            find: what the word, a synonym or its heading contains.
            used: only words that a category is called by.
            own: only words that the collection's people wrote.
            after: ``place`` of the word before the page.
            limit: length of the page.
        """
        row = self.row
        vocabulary = self._vocabulary(row)
        with self._storage.database.read() as connection:
            written = vocabularies.find(connection, row.id)
        mine = parse_vocabulary(written.text, OWN).places if written is not None else {}
        uses, needle = self._used(row, vocabulary), find.strip().casefold()
        found: list[Word] = []
        for place, term in enumerate(vocabulary.terms[after:], after):
            is_own = term.word.casefold() in mine
            if (used and place not in uses) or (own and not is_own) or not _has(term, needle):
                continue
            uses_here = uses.get(place, [])
            found.append(Word(place + 1, term.word, term.group, term.parent, term.synonyms, is_own, uses_here))
            if len(found) == limit:
                break
        return found

    def set_vocabulary(self, text: str, *, replaces: bool = False) -> VocabularyState:
        """Give a collection words of its own; the next naming uses them, and names that are true stay.

        Args:
            text: in the format of a vocabulary file, see docs/naming.md; empty takes them away.
            replaces: only these words count, instead of beside those of the service.

        Raises:
            ConfigurationError: the text makes no sense, or the collection is a view; the sentence names the line.
            NotFoundError: the collection was deleted.
        """
        row = self.row
        if _is_labelled(row):
            raise ConfigurationError(
                f"Categories of {self.name!r} are called after its texts or terms: words of your own belong to a "
                "collection of pictures."
            )
        if len(text) > LONGEST:
            raise ConfigurationError(f"The words have {len(text):,} letters; at most {LONGEST:,} are kept.")
        if text.strip() and len(words := parse_vocabulary(text, OWN)) > _MOST:
            raise ConfigurationError(f"These are {len(words):,} words; a collection may have {_MOST:,} of its own.")
        with self._storage.database.write() as connection:
            if collections.get(connection, row.id) is None:
                raise NotFoundError(f"Collection {self.name!r} was deleted.")
            vocabularies.put(connection, row.id, text, replaces=replaces)
        return self.vocabulary()

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _vocabulary(self, row: CollectionRow) -> Vocabulary:
        """Of a view of terms its terms; of other texts none."""
        if not _is_labelled(row):
            lexicons = self._namers.lexicons
            words = lexicons.words_of(row) if lexicons.has_table else None  # a table brings words of its own
            return lexicons.vocabulary_of(row) if words is None else words.lexicon.vocabulary
        with self._storage.database.read() as connection:
            made = views.find(connection, row.id)
        terms = [] if made is None else made.spec.get("terms", {}).get("words", ())
        return Vocabulary(tuple(Term(str(one)) for one in terms), "terms" if terms else "none")

    def _used(self, row: CollectionRow, vocabulary: Vocabulary) -> dict[int, list[WordUse]]:
        """Place of a word → categories that a machine called by it, the largest first."""
        with self._storage.database.read() as connection:
            stored = taxonomy.page(connection, row.id)
        found: dict[int, list[WordUse]] = {}
        for one in sorted(stored, key=lambda one: -int(one["size"])):
            if one["named_by"] != "machine" or (one["naming"] or {}).get("source") not in {"vocabulary", "terms"}:
                continue
            use = WordUse(str(row.category_id(one["number"])), one["label"], int(one["size"]))
            for part in one["label"].replace(" and ", " & ").split(" & "):
                place = vocabulary.find(part)
                if place is not None:
                    found.setdefault(place, []).append(use)
        return found

    def _why_no_words(self, row: CollectionRow) -> str | None:
        if _is_labelled(row):
            return None
        if "vocabulary" not in self._namers.settings.sources:
            return "The setting naming.sources leaves the vocabulary out, so no word names anything."
        if self._namers.lexicons.problem is not None:
            return self._namers.lexicons.problem
        try:
            if self._namers.lexicons.compares(row):
                return None
        except CategoriserError as error:
            return str(error)
        return (
            f"The encoder {row.encoder_id} reads no text, so no word can be compared with a picture: categories are "
            "called by other sources, or by how they look."
        )


def _is_labelled(row: CollectionRow) -> bool:
    """Whether categories are called after texts or terms."""
    return row.parent_key is not None or takes_texts(row.encoder_id)


def _has(term: Term, needle: str) -> bool:
    return not needle or any(needle in one.casefold() for one in (term.word, term.group, *term.synonyms))
