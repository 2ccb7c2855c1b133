"""The part of a collection that tells what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from categoriser.catalog import collections, events, images, storable_text, taxonomy
from categoriser.domain import (
    Category,
    Event,
    Failure,
    Group,
    Image,
    Membership,
    Tag,
)
from categoriser.errors import NotFoundError
from categoriser.library.given import check_page
from categoriser.library.hierarchy import all_groups, group_now, memberships_of
from categoriser.library.naming import Naming
from categoriser.library.shown import category_from, event_from, event_kinds, image_from
from categoriser.library.uploads import Failures

if TYPE_CHECKING:
    from categoriser.library.library import Library


class Looking(Naming):
    """Categories, groups, images, files and the log."""

    files_key: str
    _library: Library

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
        return [category_from(row, one) for one in found]

    def category(self, category: str) -> Category:
        """One category; an id that was merged away leads to its survivor.

        Raises:
            NotFoundError: there never was such a category, or it ended without a successor.
        """
        return category_from(*self._category_now(category))

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
        check_page(limit)
        row = self.row
        number = None if category in {None, "unsorted"} else self.category(str(category)).number
        start = -1 if after is None else int(self._stored(after)["row"])
        with self._storage.database.read() as connection:
            page = images.page(
                connection, self._id, after=start, limit=limit, category=number, unsorted=category == "unsorted"
            )
        return [image_from(row, one) for one in page]

    def image(self, image_id: str, *, tags: bool = False) -> Image:
        """One image; with its tags where they can be had at once.

        Raises:
            NotFoundError: there is none with this id.
        """
        row = self.row
        found = image_from(row, self._stored(image_id))
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
        with self._storage.database.read() as connection:
            row = self._row(connection)
            found = images.describe(connection, self._id, image_ids)
        return {image_id: image_from(row, stored) for image_id, stored in found.items()}

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
        return self.failures().page(after=after, limit=limit)

    def failures(self) -> Failures:
        """The same list, to try them again or to discard them."""
        return Failures(self._library, self.row)

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

    def cursor(self) -> int:
        """Cursor of the newest event, 0 before the first."""
        with self._storage.database.read() as connection:
            return events.last(connection, self._id)

    def events_and_next(
        self, *, after: int = 0, types: Iterable[str] = (), limit: int = 100
    ) -> tuple[list[Event], int]:
        """As ``events``, and the cursor to go on from: behind all that was looked at, whether or not it was wanted."""
        row, kinds = self.row, event_kinds(types)
        with self._storage.database.read() as connection:
            last = events.last(connection, self._id)
            page = events.page(connection, self._id, after=after, kinds=kinds, limit=limit)
        following = page[-1]["cursor"] if len(page) == limit else max(after, last)
        return [event_from(row, one) for one in page], following

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
