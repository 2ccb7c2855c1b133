"""Opens the vocabulary in the space of each encoder, once, for names and tags alike."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from categoriser.catalog import vocabularies
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatMatrix
from categoriser.encoders import Encoder, takes_ready_vectors
from categoriser.errors import CategoriserError
from categoriser.naming.atlas import Lexicon
from categoriser.naming.spaces import EncoderSpace
from categoriser.naming.table import read_table
from categoriser.naming.text_cache import AsideCache, TextCache
from categoriser.naming.vocabulary import Vocabulary, parse_vocabulary, read_vocabulary
from categoriser.naming.words import Words
from categoriser.settings import Settings, config_folder
from categoriser.state import Storage

OWN: Final = "of the collection"  # what its own words are called in sentences
_KEPT: Final = 16  # collections with words of their own whose lexicons stay in memory: some ten megabytes each


class Lexicons:
    """The words of a library. ``problem``: why what is set up cannot be used, None when all is well."""

    def __init__(self, storage: Storage, settings: Settings, encoder_of: Callable[[CollectionRow], Encoder]) -> None:
        self.problem: str | None = None
        self._storage = storage
        self._settings = settings
        self._encoder_of = encoder_of
        self._opening = threading.Lock()
        self._words: dict[str, Words | None] = {}  # by encoder
        self._own: OrderedDict[int, tuple[str, str, Words | None]] = (
            OrderedDict()
        )  # collection → encoder, digest, words
        self._vocabulary: Vocabulary | None = None

    @property
    def has_table(self) -> bool:
        """Whether words come from a ready table."""
        return bool(self._settings.naming.table)

    def vocabulary(self) -> Vocabulary:
        """The words of the settings, read once.

        Raises:
            ConfigurationError: a file cannot be read or makes no sense.
        """
        if self._vocabulary is None:
            files = [Path(name).expanduser() for name in self._settings.naming.vocabulary]
            self._vocabulary = read_vocabulary(files or [config_folder() / "vocabulary" / "english.txt"])
        return self._vocabulary

    def vocabulary_of(self, collection: CollectionRow) -> Vocabulary:
        """The words that categories of a collection may be called by, with its own or only these.

        Raises:
            ConfigurationError: a file cannot be read or makes no sense.
        """
        return self._with_own(collection)[0]

    def words_of(self, collection: CollectionRow) -> Words | None:
        """The vocabulary in the space of a collection; None where pictures and words cannot be compared.

        The first time ever for an encoder its text tower reads the whole vocabulary, which may take minutes.
        """
        digest = self._digest(collection)
        with self._opening:
            if collection.encoder_id not in self._words:
                self._words[collection.encoder_id] = self._attempt(collection, own=False)
            if digest is None:
                self._own.pop(collection.id, None)
                return self._words[collection.encoder_id]
            known = self._own.get(collection.id)
            if known is None or known[:2] != (collection.encoder_id, digest):
                words = self._attempt(collection, own=True)
                self._own[collection.id] = known = (collection.encoder_id, digest, words)
            self._own.move_to_end(collection.id)
            while len(self._own) > _KEPT:
                self._own.popitem(last=False)
            return known[2]

    def ready(self, collection: CollectionRow) -> Words | None:
        """As ``words_of``, but None also where that would not be had at once: nobody who looks at an image waits."""
        tried, words = self._known(collection)
        if tried:
            return words
        if not self._settings.naming.table and not self._prepared(collection):
            return None
        if self._opening.locked():  # perhaps by somebody for whom a text tower reads the vocabulary
            return None
        return self.words_of(collection)

    def is_opened(self, collection: CollectionRow) -> bool:
        """Whether that was tried already."""
        return self._known(collection)[0]

    def compares(self, collection: CollectionRow) -> bool:
        """Whether words can be compared with the pictures of a collection at all; may open its encoder.

        Raises:
            CategoriserError: the encoder cannot be opened.
        """
        if self._settings.naming.table:
            return True
        if takes_ready_vectors(collection.encoder_id):
            return False
        return bool(len(self._cache(collection))) or self._encoder_of(collection).reads_text

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _known(self, collection: CollectionRow) -> tuple[bool, Words | None]:
        """Whether the words of a collection were opened, or tried to; and the words."""
        digest, own = self._digest(collection), self._own.get(collection.id)
        if digest is None:
            return collection.encoder_id in self._words, self._words.get(collection.encoder_id)
        if own is None or own[:2] != (collection.encoder_id, digest):
            return False, None
        return True, own[2]

    def _digest(self, collection: CollectionRow) -> str | None:
        with self._storage.database.read() as connection:
            return vocabularies.digest(connection, collection.id)

    def _attempt(self, collection: CollectionRow, *, own: bool) -> Words | None:
        try:
            words = self._open(collection, own=own)
        except CategoriserError as error:  # told in a sentence; names and pages go on without
            self.problem = str(error)
            return None
        self.problem = None
        return words

    def _with_own(self, collection: CollectionRow) -> tuple[Vocabulary, bool]:
        """The words of a collection, and whether they stand instead of all others."""
        with self._storage.database.read() as connection:
            own = vocabularies.find(connection, collection.id)
        if own is None:
            return self.vocabulary(), False
        mine = parse_vocabulary(own.text, OWN)
        return mine if own.replaces else mine.joined(self.vocabulary().terms, f"own-{own.digest}"), own.replaces

    def _open(self, collection: CollectionRow, *, own: bool) -> Words | None:
        table = self._settings.naming.table
        vocabulary, alone = self._with_own(collection) if own else (self.vocabulary(), False)
        if table:
            space = read_table(Path(table).expanduser(), collection.encoder_id, collection.dimension)
            all_words = vocabulary if alone else vocabulary.joined(space.vocabulary.terms, vocabulary.id)
            return Words(Lexicon(space, all_words))
        if takes_ready_vectors(collection.encoder_id):
            return None
        cache = self._cache(collection)
        if not len(cache) and not self._encoder_of(collection).reads_text:
            return None
        if own:
            cache = AsideCache(cache)
        return Words(Lexicon(EncoderSpace(_LateEncoder(collection, self._encoder_of), cache), vocabulary))

    def _prepared(self, collection: CollectionRow) -> bool:
        """Whether the vectors of all words are on disk."""
        if takes_ready_vectors(collection.encoder_id):
            return False
        cache = self._cache(collection)
        try:
            return bool(len(cache)) and all(term.text in cache for term in self.vocabulary_of(collection).terms)
        except CategoriserError:
            return False

    def _cache(self, collection: CollectionRow) -> TextCache:
        return TextCache.of(self._storage.folder / "words", collection.encoder_id)


class _LateEncoder:
    """Opens the encoder when a text has to be encoded that was not before: most sessions need none."""

    def __init__(self, collection: CollectionRow, encoder_of: Callable[[CollectionRow], Encoder]) -> None:
        self.id = collection.encoder_id
        self._open: Callable[[], Encoder] = partial(encoder_of, collection)

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix | None:
        """As the encoder does."""
        return self._open().encode_texts(texts)
