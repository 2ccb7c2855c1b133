"""What a version was, in words, for whoever takes it back."""

from __future__ import annotations

from typing import Final

from categoriser.catalog import events, history, taxonomy
from categoriser.state import Storage

_WORDS: Final = {
    "gather": "move",
    "reject": "rejection",
    "unite": "merge",
    "part": "split",
    "rename": "renaming",
    "unlock": "unlocking",
    "hide": "hiding",
    "show": "showing",
    "apart": "keeping apart",
    "granularity": "granularity",
    "accept": "accepted suggestion",
}
_PREPOSITIONS: Final = {"gather": "to", "unite": "into", "part": "to", "accept": "about"}


def what_was(storage: Storage, collection_id: int, version: int) -> str:
    """A version as people name it, such as "lock of Boats"; its kind alone where it is about no one category."""
    with storage.database.read() as connection:
        stored = history.get(connection, collection_id, version)
        if stored is None:
            return ""
        cursor = events.last_of(connection, collection_id, stored["kind"], stored["last_cursor"])
        head = None if cursor is None else events.get(connection, collection_id, cursor)
        number = None if head is None else head["category"]
        category = None if number is None else taxonomy.find(connection, collection_id, number)
    kind = str(stored["kind"])
    word = _WORDS.get(kind, kind)
    if stored["kind"] == "granularity":
        return f"{word} {stored['summary'].get('granularity', '')}".strip()
    if category is None or number is None:
        return word
    facts = stored["change"]["facts"]
    given = next((after for one, name, _, after in facts if (one, name) == (number, "label")), None)
    label = given or category["label"] or f"Category {number + 1}"
    preposition = "to" if given else _PREPOSITIONS.get(stored["kind"], "of")
    return f"{word} {preposition} {label}"
