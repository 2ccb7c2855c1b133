"""Images: list them, look at one, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from categoriser.api.models.access import ErasureView
from categoriser.api.models.browse import MapColumns, MemberColumns
from categoriser.api.models.collections import CollectionInfo
from categoriser.api.models.curation import WhyInfo
from categoriser.api.models.images import Deleted, ImageDetails, ImageInfo, ImagePage, TagInfo, TagList
from categoriser.client.description import PAGE, Call, Pages, content, given, pages
from categoriser.client.place import Place, ask, each


class Images(Place):
    """What there is, and why it is there."""

    @ask
    def info(self) -> Call[CollectionInfo]:
        """Size, encoder, and the version of the categories."""
        return self._get(CollectionInfo)

    @ask
    def delete_collection(self) -> Call[int]:
        """Delete the collection with all its images; answers with their number."""
        here = self._owner()
        return here._send("DELETE", Deleted, confirm=here._name).then(lambda done: done.deleted)

    @ask
    def erase(self, *, confirm: str | None = None) -> Call[ErasureView]:
        """Delete all that there is about a user, with proof; without ``confirm``, its name, only count."""
        body = given(preview=confirm is None, confirm=confirm)
        return self._owner()._send("POST", ErasureView, "erasure", json=body)

    @each
    def images(self, *, category: str | None = None, after: str | None = None) -> Pages[ImageInfo]:
        """Images in order of arrival: all, those of a category, or those in "unsorted"."""
        return pages(
            lambda cursor: self._get(ImagePage, "images", category=category, after=cursor or after, limit=PAGE),
            lambda page: page.images,
            lambda page: page.next,
        )

    @ask
    def image_page(self, *, category: str | None = None, after: str | None = None, limit: int = 100) -> Call[ImagePage]:
        """One page of images."""
        return self._get(ImagePage, "images", category=category, after=after, limit=limit)

    @ask
    def image(self, image_id: str) -> Call[ImageDetails]:
        """One image with what it is near to."""
        return self._get(ImageDetails, "images", image_id)

    @ask
    def tags(self, image_id: str) -> Call[list[TagInfo]]:
        """Words that fit an image, best first; waits until the vocabulary is ready."""
        return self._get(TagList, "images", image_id, "tags").then(lambda found: found.tags)

    @ask
    def why(self, image_id: str) -> Call[WhyInfo]:
        """Why an image is where it is."""
        return self._get(WhyInfo, "images", image_id, "why")

    @ask
    def thumbnail(self, image_id: str) -> Call[bytes]:
        """The JPEG thumbnail of an image."""
        path = self._path("images", image_id, "thumbnail")
        return Call("GET", path, content, self._asked({}), repeatable=True)

    @ask
    def original(self, image_id: str) -> Call[bytes]:
        """The original file of an image."""
        return Call("GET", self._path("images", image_id, "original"), content, self._asked({}), repeatable=True)

    @ask
    def delete(self, image_id: str) -> Call[int]:
        """Delete an image; answers 1."""
        return self._send("DELETE", Deleted, "images", image_id).then(lambda done: done.deleted)

    @ask
    def delete_images(self, image_ids: Sequence[str]) -> Call[int]:
        """Delete up to 10,000 images for good; answers with how many of them were there."""
        body = {"image_ids": list(image_ids)}
        call = self._send("POST", Deleted, "deletions", json=body, repeatable=True)
        return call.then(lambda done: done.deleted)

    @ask
    def members(
        self, category: str, *, order: Literal["typical", "newest"] = "typical", offset: int = 0, limit: int = 1000
    ) -> Call[MemberColumns]:
        """Ids of a category's images in columns, the most typical first, with doubtful ones marked."""
        return self._get(MemberColumns, "members", category=category, order=order, offset=offset, limit=limit)

    @ask
    def map_page(self, *, after: int | None = None, limit: int | None = None) -> Call[MapColumns]:
        """A page of places of images, flat and in space, in columns."""
        return self._get(MapColumns, "map", after=after, limit=limit)
