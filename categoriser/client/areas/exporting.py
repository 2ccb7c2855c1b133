"""Everything out, as files."""

from __future__ import annotations

from typing import Literal, TypeAlias

from categoriser.client.description import Call, content
from categoriser.client.place import Place, ask

Style: TypeAlias = Literal["csv", "jsonl", "parquet", "zip", "fiftyone", "everything"]


class Exporting(Place):
    """Exports; to write one to a file without holding it in memory, ``export_to`` of the client."""

    @ask
    def export(
        self,
        style: Style = "jsonl",
        *,
        category: str | None = None,
        added_from: float | None = None,
        added_before: float | None = None,
        tags: bool = False,
        nested: bool = False,
    ) -> Call[bytes]:
        """Images with their categories as a file; "everything" is all that is known about the collection."""
        if style == "everything":
            return Call("GET", self._path("export", "everything"), content, self._asked({}), repeatable=True)
        query = {
            "style": style,
            "category": category,
            "added_from": added_from,
            "added_before": added_before,
            "tags": tags or None,
            "nested": nested or None,
        }
        return Call("GET", self._path("export"), content, self._asked(query), repeatable=True)
