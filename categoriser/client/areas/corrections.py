"""What people change.

Each correction makes a version of the categories. ``if_match``: the version that the person was looking at
(``taxonomy_version`` of ``info()``, or ``version`` of the correction before); where there is a newer one,
nothing is done and OutdatedError raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from categoriser.api.models.curation import EditDone, Halves
from categoriser.client.description import Call
from categoriser.client.place import Place, ask


class Corrections(Place):
    """Moves, merges, splits, names, locks, and taking them back."""

    @ask
    def move(
        self,
        image_ids: Sequence[str],
        category_id: str | None = None,
        *,
        label: str | None = None,
        if_match: int | None = None,
    ) -> Call[EditDone]:
        """Put images into a category, or into a new one."""
        body = {"image_ids": list(image_ids), "category": category_id, "label": label}
        return self._edit("moves", body, if_match)

    @ask
    def reject(self, image_ids: Sequence[str], *, if_match: int | None = None) -> Call[EditDone]:
        """Say that images are not what their category is: they go to Unsorted and never come back there."""
        return self._edit("rejections", {"image_ids": list(image_ids)}, if_match)

    @ask
    def merge(self, winner: str, losers: Sequence[str], *, if_match: int | None = None) -> Call[EditDone]:
        """Make categories one; the ids of the losers lead to the winner for ever."""
        return self._edit("merges", {"winner": winner, "losers": list(losers)}, if_match)

    @ask
    def split(
        self,
        category_id: str,
        image_ids: Sequence[str] | None = None,
        *,
        label: str | None = None,
        if_match: int | None = None,
    ) -> Call[EditDone]:
        """Take images out of a category into a new one; without ids it is cut in two."""
        ids = None if image_ids is None else list(image_ids)
        return self._edit("splits", {"category": category_id, "image_ids": ids, "label": label}, if_match)

    @ask
    def split_preview(self, category_id: str) -> Call[Halves]:
        """How a category would be cut in two."""
        return self._get(Halves, "categories", category_id, "halves")

    @ask
    def rename(self, category_id: str, label: str | None, *, if_match: int | None = None) -> Call[EditDone]:
        """Give a category a name that no machine overwrites, or with None take it back."""
        return self._of_category(category_id, {"label": label}, if_match)

    @ask
    def lock(self, category_id: str, locked: bool = True, *, if_match: int | None = None) -> Call[EditDone]:
        """Keep runs from changing a category."""
        return self._of_category(category_id, {"locked": locked}, if_match)

    @ask
    def hide(self, category_id: str, hidden: bool = True, *, if_match: int | None = None) -> Call[EditDone]:
        """Mark a category as not to be shown."""
        return self._of_category(category_id, {"hidden": hidden}, if_match)

    @ask
    def never_merge(self, one: str, other: str, *, if_match: int | None = None) -> Call[EditDone]:
        """Keep two categories from ever being merged by a run."""
        return self._edit("apart", {"one": one, "other": other}, if_match)

    @ask
    def set_granularity(
        self, value: Literal["broad", "balanced", "fine"], *, if_match: int | None = None
    ) -> Call[EditDone]:
        """Turn the dial; the next run follows it."""
        return self._send("PATCH", EditDone, json={"granularity": value}, if_match=if_match)

    @ask
    def undo(self, version: int) -> Call[EditDone]:
        """Take a run or a correction back."""
        return self._send("POST", EditDone, "versions", version, "undo")

    @ask
    def undo_last(self) -> Call[EditDone]:
        """Take back the last run or correction that was not; asked for again it goes further back."""
        return self._send("POST", EditDone, "undo")

    @ask
    def undo_event(self, cursor: int) -> Call[EditDone]:
        """Take back only what one event says."""
        return self._send("POST", EditDone, "events", cursor, "undo")

    @ask
    def accept(self, suggestion: int, *, if_match: int | None = None) -> Call[EditDone]:
        """Do what a suggestion of a run says."""
        return self._send("POST", EditDone, "suggestions", suggestion, "accept", if_match=if_match)

    def _edit(self, where: str, body: dict[str, Any], if_match: int | None) -> Call[EditDone]:
        return self._send("POST", EditDone, where, json=body, if_match=if_match)

    def _of_category(self, category_id: str, body: dict[str, Any], if_match: int | None) -> Call[EditDone]:
        return self._send("PATCH", EditDone, "categories", category_id, json=body, if_match=if_match)
