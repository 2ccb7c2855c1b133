"""How categories get their names: by what, for how much, and in whose words."""

from __future__ import annotations

from categoriser.api.models.naming import (
    NamingInfo,
    NamingStateInfo,
    OwnWordsRequest,
    VocabularyInfo,
    WhyNameInfo,
    WordInfo,
    WordPage,
)
from categoriser.client.description import PAGE, Call, Pages, pages
from categoriser.client.place import Place, ask, each


class Naming(Place):
    """Names of categories."""

    @ask
    def name_categories(self) -> Call[NamingInfo]:
        """Name what needs a name now."""
        return self._send("POST", NamingInfo, "name")

    @ask
    def why_name(self, category_id: str) -> Call[WhyNameInfo]:
        """Why a category is called what it is."""
        return self._get(WhyNameInfo, "categories", category_id, "name")

    @ask
    def naming(self) -> Call[NamingStateInfo]:
        """Where names come from, what models were asked so far, and what they would be asked now."""
        return self._get(NamingStateInfo, "naming")

    @ask
    def vocabulary(self) -> Call[VocabularyInfo]:
        """The words that categories may be called by, in numbers, with the collection's own."""
        return self._get(VocabularyInfo, "vocabulary")

    @ask
    def set_vocabulary(self, text: str, *, replaces: bool = False) -> Call[VocabularyInfo]:
        """Give the collection words of its own.

        Args:
            text: a word per line, or kind: word, word; empty takes them away.
            replaces: only these words count.
        """
        body = OwnWordsRequest(text=text, replaces=replaces).model_dump()
        return self._send("PUT", VocabularyInfo, "vocabulary", json=body, repeatable=True)

    @each
    def vocabulary_words(self, *, find: str = "", used: bool = False, own: bool = False) -> Pages[WordInfo]:
        """Words in their order, each with the categories that are called by it.

        Args:
            find: what the word, a synonym or its heading contains.
            used: only words that a category is called by.
            own: only the collection's own.
        """
        return pages(
            lambda after: self._get(
                WordPage, "vocabulary", "words", find=find, used=used, own=own, after=after or 0, limit=PAGE
            ),
            lambda page: page.words,
            lambda page: page.next,
        )
