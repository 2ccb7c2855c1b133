"""One user's images: add, look, search, export, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from categoriser.catalog import collections
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.views import shown_name
from categoriser.domain import (
    Filed,
    Refused,
    ScheduleEntry,
)
from categoriser.errors import CategoriserError, ConfigurationError, InvalidVectorError
from categoriser.intake import FolderScan, Item, from_path
from categoriser.library.adding import AddReport, Progress, add_items
from categoriser.library.browsing import Browsed
from categoriser.library.bulk import Engine, Work, encoded_by_ray
from categoriser.library.exported import Exported
from categoriser.library.given import (
    ADDABLE,
    arrivals,
    as_item,
    as_vectors,
)
from categoriser.library.mapping import Mapped
from categoriser.library.naming_state import Costed
from categoriser.library.outgoing import Outgoing
from categoriser.library.overview import Overview
from categoriser.library.viewing import Viewed
from categoriser.maintenance.agenda import agenda
from categoriser.pipeline import file_arrivals, remove_images

if TYPE_CHECKING:
    from categoriser.library.library import Library


class Collection(Viewed, Overview, Exported, Outgoing, Browsed, Mapped, Costed):
    """A named collection of a library. Cheap to make; all state is in the library."""

    def __init__(self, library: Library, row: CollectionRow) -> None:
        super().__init__(library.storage, row.id, library.namers)
        self._library = library
        self.name = shown_name(row.name)
        self.key = row.key
        self.files_key = row.files_key

    def __repr__(self) -> str:
        return f"Collection({self.name!r})"

    # ---- adding --------------------------------------------------------------------------------------------------

    def add(
        self,
        source: str | Path | bytes | Item | Iterable[Item | str | Path | bytes],
        *,
        recursive: bool = True,
        image_column: str | Sequence[str] | None = None,
        id_column: str | None = None,
        start: int = 0,
        end: int | None = None,
        limit: int | None = None,
        progress: Progress | None = None,
        engine: Engine = "here",
    ) -> AddReport:
        """Add pictures and wait until each is filed or refused.

        Args:
            source: a picture file, a folder, a .csv, .tsv or .parquet file, a URL, the bytes of one picture, or an
                iterable of single pictures in any of these forms.
            recursive: look into sub-folders.
            image_column: of a table: where paths or URLs are; found by its name when not given.
            id_column: of a table: where ids are; else the content decides.
            start: first row of a table.
            end: row of a table to stop before.
            limit: most rows of a table.
            progress: called with the number done and, when known, of all.
            engine: "ray" decodes and encodes files by Ray, on as many processors and machines as it has; they are
                filed here, in their order, as ever.

        Raises:
            ConfigurationError: there is no such file, folder or column.
            MissingWeightsError: the encoder cannot be opened.
            MissingExtraError: Ray is wanted and not installed.
        """
        items: Iterable[Item]
        if isinstance(source, bytes | Item) or (isinstance(source, str) and "://" in source):
            items = [as_item(source)]
        elif isinstance(source, str | Path):
            items = from_path(
                Path(source).expanduser().absolute(),
                recursive=recursive,
                image_column=image_column,
                id_column=id_column,
                start=start,
                end=end,
                limit=limit,
            )
        elif not isinstance(source, Iterable):
            raise ConfigurationError(f"{source!r} cannot be added: give {ADDABLE}, or several of them.")
        else:
            whole = isinstance(source, Sized) and not isinstance(source, FolderScan)
            items = source if isinstance(source, FolderScan) else map(as_item, source)
            items = list(items) if whole else items  # so that the number of all is known
        encoder = self._library.encoder_of(self.row)  # fails once and clearly, not per picture
        if engine == "ray":
            spec = self._library.encoders.spec_of(self.row)
            items = encoded_by_ray(items, Work.of(self._library.settings, spec, encoder.id))
        report = add_items(self._library.pipeline, self.row, items, progress)
        self._library.settle(self.row)
        return report

    def add_vectors(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        *,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        progress: Progress | None = None,
    ) -> list[Filed | Refused]:
        """Add ready vectors in their order; they are scaled to unit length.

        Args:
            ids: one id per vector.
            vectors: [n, dimension].
            metadata: one mapping per vector.
            progress: called with the number done and of all.

        Returns:
            One answer per vector: NaN, infinite and zero vectors, and ids of other vectors, are refused and the
            others filed.

        Raises:
            InvalidVectorError: the array has another shape than [len(ids), dimension], or metadata another length.
        """
        array = as_vectors(vectors)
        row = self.row
        if isinstance(ids, str):
            raise InvalidVectorError(f"The ids are one text ({ids[:80]!r}) and not one for each vector.")
        if array.shape != (len(ids), row.dimension):
            raise InvalidVectorError(
                f"Vectors of shape {array.shape} do not fit {len(ids)} ids and the dimension {row.dimension} of "
                f"collection {self.name!r}."
            )
        if metadata is not None and len(metadata) != len(ids):
            raise InvalidVectorError(f"{len(metadata)} mappings of metadata do not fit {len(ids)} ids.")
        answers: list[Filed | Refused] = []
        for outcomes in file_arrivals(
            self._storage,
            self._id,
            arrivals(ids, array, metadata),
            automatic_runs=self._library.settings.automatic_runs,
        ):
            for outcome in outcomes:
                if isinstance(outcome, CategoriserError):
                    answers.append(Refused(str(ids[len(answers)]), str(outcome)))
                else:
                    answers.append(outcome)
            self._library.follow(self._id)
            if progress is not None:
                progress(len(answers), len(ids))
        self._library.settle(self.row)
        return answers

    # ---- changing ------------------------------------------------------------------------------------------------

    def delete(self, image_ids: str | Iterable[str]) -> int:
        """Delete images and everything known about them; returns how many there were. Files of yours stay."""
        wanted = [image_ids] if isinstance(image_ids, str) else list(image_ids)
        self._delete_in_views(wanted)  # first: a crash must not leave there what is gone here
        count = remove_images(self._storage, self._id, wanted)
        self._delete_in_views(wanted)  # what a view took over meanwhile
        return count

    def schedule(self) -> ScheduleEntry:
        """When the job runs, and what came of its last slot."""
        return agenda(self._storage.database, self._library.timetable, [self.row])[0]

    def set_schedule(self, schedule: str | None) -> None:
        """Have the service run the job at other times than the deployment's.

        Args:
            schedule: "every 6h", a cron expression such as "0 3 * * *", "" for never, None for the deployment's.

        Raises:
            ConfigurationError: it makes no sense.
            NotFoundError: the collection was deleted.
        """
        self._library.timetable.timing(schedule)
        with self._storage.database.write() as connection:
            collections.set_schedule(connection, self.row.id, None if schedule is None else schedule.strip())
