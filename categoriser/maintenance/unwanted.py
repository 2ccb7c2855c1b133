"""Names that people took back from a category: kept in its ``naming`` facts, so that no source proposes them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from categoriser.catalog.tables import Record

_MOST: Final = 50  # the oldest go first


def unwanted(naming: Mapping[str, Any] | None) -> list[str]:
    """The names, in the order in which they were taken back."""
    return list((naming or {}).get("unwanted", ()))


def carried(naming: Mapping[str, Any] | None) -> dict[str, Any]:
    """The part of ``naming`` that outlives a new name."""
    names = unwanted(naming)
    return {"unwanted": names} if names else {}


def renamed(stored: Record, label: str | None, naming: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What ``naming`` is after a person changed a category's label, by a name of theirs or by an undo.

    Args:
        stored: the category before.
        label: its label now; a name that comes back is wanted after all.
        naming: what it would be but for this.
    """
    names = {name.casefold(): name for name in (*unwanted(naming), *unwanted(stored["naming"]))}
    if stored["named_by"] == "machine" and stored["label"]:
        names[stored["label"].casefold()] = stored["label"]
    if label is not None:
        names.pop(label.casefold(), None)
    facts = {key: value for key, value in (naming or {}).items() if key != "unwanted"}
    return (facts | ({"unwanted": list(names.values())[-_MOST:]} if names else {})) or None
