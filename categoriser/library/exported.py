"""The part of a collection that gives everything out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from categoriser.catalog import groups as group_rows
from categoriser.library.adding import Progress
from categoriser.library.exporting import FileStyle, Style, export, write
from categoriser.library.exports import Exporter, ExportReport, Selection
from categoriser.library.exports.personal import Manifest, everything
from categoriser.library.looking import Looking


class Exported(Looking):
    """As folders, tables, archives; all images, those of a category, or some."""

    def export(
        self,
        target: str | Path,
        style: Style | None = None,
        *,
        files: FileStyle = "link",
        tags: bool = False,
        nested: bool = False,
        selection: Selection | Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Write images with their categories.

        Args:
            target: a folder for style "folders", else a file.
            style: "folders" or "zip" (a folder per category), "csv", "jsonl", "parquet" (with vectors) or "fiftyone"
                (an archive that FiftyOne reads); by default from the ending of ``target``.
            files: in folders, put symbolic links to the originals or copies of them.
            tags: with a column of the words that fit each image.
            nested: in folders and zip, put the folders of categories into folders of their groups.
            selection: only these images: ``category`` (an id, or "unsorted"), ``added_from``, ``added_before``.
            progress: called with the number of images done and of all.

        Raises:
            ConfigurationError: the style is unknown, the target cannot be written, or there are no words for tags.
            NotFoundError: there is no such category.
        """
        exporter = self.exporter(tags=tags, nested=nested, selection=selection, progress=progress)
        return export(exporter, Path(target), style, files=files)

    def exporter(
        self,
        *,
        tags: bool = False,
        nested: bool = False,
        selection: Selection | Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Exporter:
        """An export as a stream of bytes: see ``export``."""
        row = self.row
        chosen = selection if isinstance(selection, Selection) else Selection(**(selection or {}))
        if chosen.category not in {None, "unsorted"}:  # an id that was merged away leads to its survivor
            chosen = Selection(self.category(str(chosen.category)).id, chosen.added_from, chosen.added_before)
        tagged = None
        if tags:
            tagger = self._namers.tagger
            tagged = partial(tagger.with_tags, row, tagger.open(row))
        return Exporter(self._storage, row, chosen, tagged, self._nesting() if nested else None, progress)

    def export_everything(self, target: str | Path) -> Manifest:
        """Write all that is known about this collection into one ZIP archive, with a manifest of counts and SHA-256.

        Raises:
            ConfigurationError: the target cannot be written.
        """
        manifest = Manifest()
        write(Path(target), self.everything(manifest))
        return manifest

    def save_everything(self, target: str | Path) -> dict[str, int]:
        """As ``export_everything``; the counts of its manifest."""
        return self.export_everything(target).counts

    def everything(self, manifest: Manifest | None = None) -> Iterator[bytes]:
        """That archive as a stream of bytes; ``manifest`` is complete once all were read."""
        return everything(self._storage, self.row, Manifest() if manifest is None else manifest)

    def _nesting(self) -> dict[int, tuple[str, str]]:
        row = self.row
        with self._storage.database.read() as connection:
            of = group_rows.of_categories(connection, row.id)
        shown = {group.id: group for group in self.groups()}
        return {
            category: (group.id, group.label)
            for category, number in of.items()
            if (group := shown.get(row.group_id(number))) is not None and len(group.categories) > 1
        }
