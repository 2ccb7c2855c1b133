"""Opens the vocabulary in the space of each encoder, once, for names and tags alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatMatrix
from categoriser.encoders import Encoder, takes_ready_vectors
from categoriser.errors import CategoriserError
from categoriser.naming.atlas import Lexicon
from categoriser.naming.spaces import EncoderSpace
from categoriser.naming.table import read_table
from categoriser.naming.text_cache import TextCache
from categoriser.naming.vocabulary import Vocabulary, read_vocabulary
from categoriser.naming.words import Words
from categoriser.settings import Settings, config_folder
from categoriser.state import Storage


class Lexicons:
    """The words of a library. ``problem``: why what is set up cannot be used, None when all is well."""

    def __init__(self, storage: Storage, settings: Settings, encoder_of: Callable[[CollectionRow], Encoder]) -> None:
        self.problem: str | None = None
        self._storage = storage
        self._settings = settings
        self._encoder_of = encoder_of
        self._opening = threading.Lock()
        self._words: dict[str, Words | None] = {}  # by encoder
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

    def words_of(self, collection: CollectionRow) -> Words | None:
        """The vocabulary in the space of a collection; None where pictures and words cannot be compared.

        The first time ever for an encoder its text tower reads the whole vocabulary, which may take minutes.
        """
        with self._opening:
            if collection.encoder_id not in self._words:
                self._words[collection.encoder_id] = self._attempt(collection)
            return self._words[collection.encoder_id]

    def ready(self, collection: CollectionRow) -> Words | None:
        """As ``words_of``, but None also where that would not be had at once: nobody who looks at an image waits."""
        if collection.encoder_id in self._words:
            return self._words[collection.encoder_id]
        if not self._settings.naming.table and not self._prepared(collection):
            return None
        if self._opening.locked():  # perhaps by somebody for whom a text tower reads the vocabulary
            return None
        return self.words_of(collection)

    def is_opened(self, encoder_id: str) -> bool:
        """Whether that was tried already."""
        return encoder_id in self._words

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _attempt(self, collection: CollectionRow) -> Words | None:
        try:
            words = self._open(collection)
        except CategoriserError as error:  # told in a sentence; names and pages go on without
            self.problem = str(error)
            return None
        self.problem = None
        return words

    def _open(self, collection: CollectionRow) -> Words | None:
        vocabulary, table = self.vocabulary(), self._settings.naming.table
        if table:
            space = read_table(Path(table).expanduser(), collection.encoder_id, collection.dimension)
            return Words(Lexicon(space, vocabulary.joined(space.vocabulary.terms, vocabulary.id)))
        if takes_ready_vectors(collection.encoder_id):
            return None
        cache = self._cache(collection)
        if not len(cache) and not self._encoder_of(collection).reads_text:
            return None
        return Words(Lexicon(EncoderSpace(_LateEncoder(collection, self._encoder_of), cache), vocabulary))

    def _prepared(self, collection: CollectionRow) -> bool:
        """Whether the vectors of all words are on disk."""
        if takes_ready_vectors(collection.encoder_id):
            return False
        cache = self._cache(collection)
        try:
            return bool(len(cache)) and all(term.text in cache for term in self.vocabulary().terms)
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
