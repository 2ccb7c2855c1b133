"""One user's images: add, look, search, export, delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from categoriser.catalog import collections, events, images, inbox, storable_text, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.views import shown_name
from categoriser.domain import (
    EVENT_KINDS,
    Category,
    Event,
    Failure,
    Filed,
    FloatVector,
    Found,
    Group,
    Image,
    Membership,
    Refused,
    ScheduleEntry,
    Tag,
)
from categoriser.encoders import Encoder
from categoriser.errors import CategoriserError, ConfigurationError, InvalidVectorError, NotFoundError
from categoriser.intake import FolderScan, Item, Limits, decode, from_path
from categoriser.library.adding import AddReport, Progress, add_items
from categoriser.library.exporting import ExportReport, Style, export
from categoriser.library.hierarchy import all_groups, group_now, memberships_of
from categoriser.library.naming import Naming
from categoriser.library.outgoing import Outgoing
from categoriser.library.searching import Filter, label_of, micros_of_category, search
from categoriser.library.viewing import Viewed
from categoriser.maintenance.agenda import agenda
from categoriser.maintenance.evidence import is_provisional
from categoriser.pipeline import Arrival, file_arrivals, remove_images
from categoriser.settings import Settings

if TYPE_CHECKING:
    from categoriser.library.library import Library

_VECTOR_BATCH = 1024
_ADDABLE = "a path, a URL, the bytes of a picture or an Item"
Picture = bytes | str | Path | Pillow.Image


class Collection(Viewed, Naming, Outgoing):
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

        Raises:
            ConfigurationError: there is no such file, folder or column.
            MissingWeightsError: the encoder cannot be opened.
        """
        items: Iterable[Item]
        if isinstance(source, bytes | Item) or (isinstance(source, str) and "://" in source):
            items = [_item(source)]
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
            raise ConfigurationError(f"{source!r} cannot be added: give {_ADDABLE}, or several of them.")
        else:
            whole = isinstance(source, Sized) and not isinstance(source, FolderScan)
            items = source if isinstance(source, FolderScan) else map(_item, source)
            items = list(items) if whole else items  # so that the number of all is known
        self._library.encoder_of(self.row)  # fails once and clearly, not per picture
        return add_items(self._library.pipeline, self.row, items, progress)

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
        array = _as_vectors(vectors)
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
            _arrivals(ids, array, metadata),
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
        return answers

    # ---- looking -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        with self._storage.database.read() as connection:
            return collections.size(connection, self._id)

    def assignments(self) -> dict[str, str | None]:
        """Image id → category id, None for Unsorted; in order of arrival."""
        row = self.row
        with self._storage.database.read() as connection:
            pairs = images.assignments(connection, self._id)
        return {image_id: row.category_id(number) for image_id, number in pairs}

    def categories(self, *, group: str | None = None, offset: int = 0, limit: int | None = None) -> list[Category]:
        """Categories, largest first; all, or those of a group."""
        row = self.row
        number = None if group is None else group_now(self._storage, row, group)
        with self._storage.database.read() as connection:
            found = taxonomy.page(connection, self._id, offset=offset, limit=limit, group=number)
        return [_category(row, one) for one in found]

    def category(self, category: str) -> Category:
        """One category; an id that was merged away leads to its survivor.

        Raises:
            NotFoundError: there never was such a category, or it ended without a successor.
        """
        return _category(self.row, self._category_now(category))

    def groups(self) -> list[Group]:
        """Broad groups, largest first. Every category is in exactly one; one that goes with no other is its own.

        A group is called what its categories are kinds of, as far as the vocabulary says so, else after the oldest two.
        """
        return all_groups(self._storage, self.row, self._namers.group_labels)

    def group(self, group: str) -> Group:
        """One group; an id that was merged away leads to its survivor.

        Raises:
            NotFoundError: there never was such a group, or it ended with its last category.
        """
        row = self.row
        wanted = row.group_id(group_now(self._storage, row, group))
        found = next((one for one in self.groups() if one.id == wanted), None)
        if found is None:
            raise NotFoundError(f"Collection {self.name!r} has no group {group!r} any more.")
        return found

    def memberships(self, image_id: str) -> list[Membership]:
        """The category of an image and up to two others that it is near to, with scores; for Unsorted only those.

        Raises:
            NotFoundError: there is no such image.
        """
        row, stored = self.row, self._stored(image_id)
        with self._storage.states.reading(self._id) as state:
            return memberships_of(self._storage, row, state, int(stored["row"]))

    def unsorted(self) -> int:
        """Number of images in no category."""
        with self._storage.database.read() as connection:
            return taxonomy.unsorted(connection, self._id)

    def images(self, *, category: str | None = None, after: str | None = None, limit: int = 100) -> list[Image]:
        """Images in order of arrival.

        Args:
            category: a category id, or "unsorted".
            after: id of the image before the page.
            limit: length of the page, at least 1.
        """
        _check_page(limit)
        row = self.row
        number = None if category in {None, "unsorted"} else self.category(str(category)).number
        start = -1 if after is None else int(self._stored(after)["row"])
        with self._storage.database.read() as connection:
            page = images.page(
                connection, self._id, after=start, limit=limit, category=number, unsorted=category == "unsorted"
            )
        return [_image(row, one) for one in page]

    def image(self, image_id: str, *, tags: bool = False) -> Image:
        """One image; with its tags where they can be had at once.

        Raises:
            NotFoundError: there is none with this id.
        """
        row = self.row
        found = _image(row, self._stored(image_id))
        return replace(found, tags=self._namers.tagger.at_once(row, image_id)) if tags else found

    def tags(self, image_id: str) -> list[Tag]:
        """The words that fit an image best, best first, computed from its vector.

        The first time for an encoder its text tower reads the whole vocabulary.

        Raises:
            NotFoundError: there is no such image.
            ConfigurationError: pictures of this collection cannot be compared with words.
        """
        row, tagger = self.row, self._namers.tagger
        self._stored(image_id)
        return tagger.of_image(row, tagger.open(row), image_id)

    def images_by_id(self, image_ids: Sequence[str]) -> dict[str, Image]:
        """Those of the images that exist."""
        row = self.row
        with self._storage.database.read() as connection:
            found = images.describe(connection, self._id, image_ids)
        return {image_id: _image(row, stored) for image_id, stored in found.items()}

    def thumbnail(self, image_id: str) -> Path:
        """The JPEG thumbnail of an image.

        Raises:
            NotFoundError: no such image, or it came as a ready vector.
        """
        return self._file(image_id, "thumbnail")

    def original(self, image_id: str) -> Path:
        """The original file of an image.

        Raises:
            NotFoundError: no such image, it came as a ready vector, or its file was moved away.
        """
        return self._file(image_id, "original")

    def failed(self, *, after: int = 0, limit: int = 100) -> list[Failure]:
        """Pictures, files and URLs that could not be filed, with the reasons; one added again leaves the list.

        Args:
            after: cursor of the entry before the page.
            limit: length of the page.
        """
        with self._storage.database.read() as connection:
            rows = inbox.failed(connection, self._id, after=after, limit=limit)
        return [Failure(row["source"] or row["name"], row["reason"], row["id"]) for row in rows]

    def events(self, *, after: int = 0, types: Iterable[str] = (), limit: int = 100) -> list[Event]:
        """The log after a cursor, oldest first; category numbers are given as ids.

        Args:
            after: cursor to start behind.
            types: only events of these kinds (``EVENT_KINDS``); by default all.
            limit: length of the page.

        Raises:
            ConfigurationError: there is no such kind.
        """
        return self.events_and_next(after=after, types=types, limit=limit)[0]

    def events_and_next(
        self, *, after: int = 0, types: Iterable[str] = (), limit: int = 100
    ) -> tuple[list[Event], int]:
        """As ``events``, and the cursor to go on from: behind all that was looked at, whether or not it was wanted."""
        row, kinds = self.row, _kinds(types)
        with self._storage.database.read() as connection:
            last = events.last(connection, self._id)
            page = events.page(connection, self._id, after=after, kinds=kinds, limit=limit)
        following = page[-1]["cursor"] if len(page) == limit else max(after, last)
        return [_event(row, one) for one in page], following

    # ---- searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        *,
        text: str | None = None,
        image: Picture | None = None,
        image_id: str | None = None,
        vector: npt.ArrayLike | None = None,
        filter: Filter | Mapping[str, Any] | None = None,  # noqa: A002
        limit: int = 10,
        offset: int = 0,
        min_score: float | None = None,
    ) -> list[Found]:
        """Images nearest to words, to a picture, to a stored image (itself left out) or to a vector; best first.

        Scores are cosines in [-1, 1]. With tags in the filter none of the four is needed: then scores are those of the
        tags. Images are compared with the words of the vocabulary then and there, so this reads the whole collection.

        Raises:
            ConfigurationError: not exactly one of the four was given, the encoder has no text tower, or the vocabulary
                has no such word.
            NotFoundError: no such image or category.
        """
        limits, queries = Filter.of(filter), sum(query is not None for query in (text, image, image_id, vector))
        if queries != 1 and (queries or not limits.words):
            raise ConfigurationError("Search for exactly one of text, image, image_id and vector, or for tags alone.")
        _check_page(limit, offset)
        row = self.row
        micros = None
        if limits.category is not None:
            number = None if limits.category == "unsorted" else self.category(limits.category).number
            micros = micros_of_category(self._storage, row, number)
        return search(
            self._storage,
            row,
            self._query(row, text, image, image_id, vector) if queries else None,
            micros=micros,
            limits=limits,
            limit=limit,
            offset=offset,
            min_score=min_score,
            exclude_ids=[image_id] if image_id is not None else (),
            tags=self._namers.tagger.open(row) if limits.words else None,
        )

    # ---- changing ------------------------------------------------------------------------------------------------

    def delete(self, image_ids: str | Iterable[str]) -> int:
        """Delete images and everything known about them; returns how many there were. Files of yours stay."""
        wanted = [image_ids] if isinstance(image_ids, str) else list(image_ids)
        self._delete_in_views(wanted)  # first: a crash must not leave there what is gone here
        count = remove_images(self._storage, self._id, wanted)
        self._delete_in_views(wanted)  # what a view took over meanwhile
        return count

    def export(
        self,
        target: str | Path,
        style: Style | None = None,
        *,
        files: Literal["link", "copy"] = "link",
        tags: bool = False,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Write all images with their categories.

        Args:
            target: a folder for style "folders", else a file.
            style: "folders" (one per category), "csv" or "jsonl"; by default from the ending of ``target``.
            files: in folders, put symbolic links to the originals or copies of them.
            tags: with a column of the words that fit each image.
            progress: called with the number of images done and of all.

        Raises:
            ConfigurationError: the style is unknown, the target cannot be written, or there are no words for tags.
        """
        row = self.row
        tagged = None
        if tags:
            tagger = self._namers.tagger
            tagged = partial(tagger.with_tags, row, tagger.open(row))
        return export(self._storage, row, Path(target), style, files=files, tagged=tagged, progress=progress)

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

    # ---- helpers of the above ------------------------------------------------------------------------------------

    def _query(
        self,
        row: CollectionRow,
        text: str | None,
        image: Picture | None,
        image_id: str | None,
        vector: npt.ArrayLike | None,
    ) -> FloatVector:
        if image_id is not None:
            self._stored(image_id)
            points = self._storage.store(row).fetch(row.key, [image_id])
            if not len(points):
                raise NotFoundError(f"The vector of image {image_id!r} is not there yet or not any more; try again.")
            stored: FloatVector = points.vectors[0]
            return stored
        if vector is not None:
            array = _as_numbers(vector).ravel()
            with np.errstate(all="ignore"):
                norm = float(np.linalg.norm(array))
            if array.shape != (row.dimension,) or not np.isfinite(norm) or norm == 0:
                raise InvalidVectorError(f"The query must be {row.dimension} finite numbers that are not all zero.")
            unit: FloatVector = (array / norm).astype(np.float32)
            return unit
        encoder = self._library.encoder_of(row)
        if text is not None:
            vectors = encoder.encode_texts([text])
            if vectors is None:
                raise ConfigurationError(
                    f"The encoder {encoder.id} of collection {self.name!r} does not read text; search by picture, or "
                    "use an encoder with a text tower such as laion-clip-b32."
                )
        else:
            vectors = encoder.encode_images([_picture(image, encoder, self._library.settings)])
        query: FloatVector = vectors[0]
        return query

    def _stored(self, image_id: str) -> Mapping[str, Any]:
        with self._storage.database.read() as connection:
            found = images.describe(connection, self._id, [storable_text(image_id)]).get(image_id)
        if found is None:
            raise NotFoundError(f"Collection {self.name!r} has no image {image_id!r}.")
        return found

    def _file(self, image_id: str, kind: Literal["thumbnail", "original"]) -> Path:
        stored = self._stored(image_id)
        media = self._storage.media
        path: Path | None = None
        if stored["sha256"]:
            path = (
                media.thumbnail(self.files_key, stored["sha256"])
                if kind == "thumbnail"
                else media.locate(self.files_key, stored)
            )
        if path is None or not path.is_file():
            raise NotFoundError(f"There is no {kind} of image {image_id!r}: it came as a vector, or its file is gone.")
        return path


def _picture(image: Picture | None, encoder: Encoder, settings: Settings) -> Pillow.Image:
    if isinstance(image, Pillow.Image):
        return image.convert("RGB")
    if isinstance(image, str | Path):
        try:
            image = Path(image).expanduser().read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{error.filename} cannot be read: {error.strerror}.") from None
    limits = Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    return decode(image or b"", side=encoder.image_side, limits=limits).image


def _as_numbers(given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InvalidVectorError("Vectors must be numbers, all with the same dimension.") from None


def _arrivals(
    ids: Sequence[str], array: npt.NDArray[np.float32], metadata: Sequence[Mapping[str, Any] | None] | None
) -> Iterator[list[Arrival]]:
    """Ready vectors [n, d], scaled to unit length, in batches."""
    for start in range(0, len(ids), _VECTOR_BATCH):
        part = slice(start, start + _VECTOR_BATCH)
        with np.errstate(all="ignore"):  # what cannot be scaled is refused one by one
            unit = array[part] / np.linalg.norm(array[part].astype(np.float64), axis=1, keepdims=True)
        extra = metadata[part] if metadata is not None else [None] * len(unit)
        yield [
            Arrival(str(name), vector, {"metadata": dict(facts)} if facts else {})
            for name, vector, facts in zip(ids[part], unit.astype(np.float32), extra, strict=True)
        ]


def _as_vectors(given: npt.ArrayLike) -> npt.NDArray[np.float32]:
    if isinstance(given, np.ndarray) and given.dtype == np.float32:
        return given
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused one by one
        return _as_numbers(given).astype(np.float32)


def _check_page(limit: int, offset: int = 0) -> None:
    for name, value, least in (("limit", limit, 1), ("offset", offset, 0)):
        if not isinstance(value, int) or value < least:
            raise ConfigurationError(f"The {name} is {value!r}; it must be a whole number from {least} on.")


def _item(source: Item | str | Path | bytes) -> Item:
    if isinstance(source, Item):
        return source
    if isinstance(source, bytes):
        return Item("upload", data=source)
    if not isinstance(source, str | Path):
        raise ConfigurationError(f"{source!r} cannot be added: give {_ADDABLE}.")
    if isinstance(source, str) and "://" in source:
        return Item(source.rstrip("/").rpartition("/")[2] or "picture", url=source)
    path = Path(source).expanduser().absolute()
    return Item(path.name, path=path)


def _category(row: CollectionRow, stored: Mapping[str, Any]) -> Category:
    number = int(stored["number"])
    return Category(
        id=str(row.category_id(number)),
        number=number,
        label=str(label_of(number, stored["label"])),
        size=int(stored["size"]),
        cohesion=stored["cohesion"],
        created_at=stored["created_at"],
        exemplars=stored["exemplars"] or (),
        named_by=stored["named_by"],
        locked=bool(stored["locked"]),
        hidden=bool(stored["hidden"]),
        group=row.group_id(stored["group_number"]),
        provisional=is_provisional(stored),
    )


def _image(row: CollectionRow, stored: Mapping[str, Any]) -> Image:
    return Image(
        id=stored["image_id"],
        category=row.category_id(stored["category"]),
        label=label_of(stored["category"], stored["label"]),
        added_at=stored["added_at"],
        name=stored["name"],
        source=stored["source"],
        width=stored["width"],
        height=stored["height"],
        sha256=stored["sha256"],
        stacked_on=stored["head_id"],
        metadata=stored["metadata"] or {},
    )


def _kinds(types: Iterable[str]) -> set[str]:
    wanted = {types} if isinstance(types, str) else set(types)
    unknown = sorted(wanted - set(EVENT_KINDS))
    if unknown:
        raise ConfigurationError(f"{unknown[0]!r} is no kind of event; there are {', '.join(EVENT_KINDS)}.")
    return wanted


def _event(row: CollectionRow, stored: Mapping[str, Any]) -> Event:
    detail = dict(stored["detail"] or {})
    for name in ("parent", "from"):
        if name in detail:
            detail[name] = row.category_id(detail[name])
    if "losers" in detail:
        detail["losers"] = [row.category_id(number) for number in detail["losers"]]
    if "group" in detail:
        detail["group"] = row.group_id(detail["group"])
    if "categories" in detail:
        detail["categories"] = [row.category_id(number) for number in detail["categories"]]
    if "ended" in detail:
        detail["ended"] = [row.group_id(number) for number in detail["ended"]]
    if stored["image_id"] is not None:
        detail["image_id"] = stored["image_id"]
    detail["category"] = row.category_id(stored["category"])
    return Event(cursor=stored["cursor"], kind=stored["kind"], at=stored["at"], detail=detail)
