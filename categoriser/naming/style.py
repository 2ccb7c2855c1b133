"""House style: how names have to look, whoever makes them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 48  # letters; what fits a card
_EMPTY_WORDS: Final = {
    *(
        "category",
        "group",
        "cluster",
        "collection",
        "image",
        "images",
        "photo",
        "photos",
        "picture",
        "pictures",
        "misc",
    ),
    *("miscellaneous", "various", "other", "others", "stuff", "things", "unknown", "untitled", "name", "none", "null"),
}
_CODE: Final = re.compile(r"[{}<>|/\\\[\]]|https?:")
_EDGES: Final = " \t\n\"'`“”‘’«»*_#.,;:!-–—"


@dataclass(frozen=True, slots=True)
class Style:
    """What names look like. ``words`` counts what is between spaces, without "&" and "and"."""

    words: int = 3
    ampersand: bool = True  # "Cats & dogs", else "Cats and dogs"
    language: str = "English"
    kind: str = "photos"  # whose examples a language model is shown

    def dressed(self, text: str) -> str:
        """A name as it is shown: one line, no quotes, a capital first letter, "&" or "and" as wanted."""
        text = unicodedata.normalize("NFC", " ".join(text.split())).strip(_EDGES)
        text = re.sub(r"\s+(?:and|&)\s+", " & " if self.ampersand else " and ", text, flags=re.IGNORECASE)
        return text[:1].upper() + text[1:]

    def objection(self, name: str) -> str | None:
        """Why a dressed name does not suit, or None."""
        words = [word for word in name.split() if word.casefold() not in {"&", "and"}]
        checks = (
            (not words or not any(letter.isalpha() for letter in name), "it holds no word"),
            (not name.isprintable() or len(name) > LONGEST, f"it is longer than {LONGEST} characters or not printable"),
            (len(words) > self.words, f"it has {len(words)} words and at most {self.words} are wanted"),
            (
                all(word.strip(_EDGES).casefold() in _EMPTY_WORDS for word in words),
                "it says nothing about the pictures",
            ),
            (bool(_CODE.search(name)), "it looks like a piece of code or an address"),
            (self.language.casefold() == "english" and not _latin(name), "it is not in English"),
        )
        return next((reason for failed, reason in checks if failed), None)


def _latin(name: str) -> bool:
    letters = [letter for letter in name if letter.isalpha()]
    return all("LATIN" in unicodedata.name(letter, "") for letter in letters)
