"""The part of a collection that is about names."""

from __future__ import annotations

from categoriser.catalog import images
from categoriser.domain import NamingReport, WhyName
from categoriser.library.curation import Curation
from categoriser.library.namers import Namers
from categoriser.library.searching import label_of
from categoriser.maintenance.evidence import is_provisional
from categoriser.state import Storage


class Naming(Curation):
    """Categories name themselves; a person's name is never changed."""

    def __init__(self, storage: Storage, collection_id: int, namers: Namers) -> None:
        super().__init__(storage, collection_id)
        self._namers = namers

    def name_categories(self) -> NamingReport:
        """Name what needs a name now: categories without one, with a provisional one, or whose name failed its test."""
        return self._namers.name_categories(self.row)

    def why_name(self, category: str) -> WhyName:
        """Why a category is called what it is.

        Raises:
            NotFoundError: there is no such category.
        """
        row, found = self._category_now(category)
        noted = found["naming"] or {}
        machine = found["named_by"] == "machine"
        exemplars = list(found["exemplars"] or ())
        with self._storage.database.read() as connection:
            stored = images.describe(connection, self._id, exemplars)
        pictures = self._namers.pictures(row, [stored[one] for one in exemplars if one in stored])
        told = {one.id: text for one in pictures if (text := self._namers.describer(row).text_of(one)) is not None}
        return WhyName(
            category=str(row.category_id(found["number"])),
            label=str(label_of(found["number"], found["label"])),
            source=str(noted.get("source")) if machine and noted else found["named_by"],
            provisional=is_provisional(found),
            because=noted.get("because") if machine else None,
            at=noted.get("named_at") if machine else None,
            model=noted.get("model") if machine else None,
            prompt=noted.get("prompt") if machine else None,
            evidence=noted.get("evidence", {}) if machine else {},
            exemplars=exemplars,
            captions=told,
            suggestion=(noted.get("suggestion") or {}).get("name"),
        )

    def _after_run(self) -> None:
        self._namers.after_run(self._id)
