"""Uploads of single requests; of folders and tables, ``add`` and ``leave`` of the client."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from categoriser.api.models.objects import ObjectsTaken
from categoriser.api.models.uploads import UploadAccepted, UploadInfo, UploadPage, UploadReport
from categoriser.client.description import PAGE, Call, Pages, as_model, pages
from categoriser.client.place import Place, ask, each

Model = TypeVar("Model", bound=BaseModel)


class Uploading(Place):
    """Pictures, waited for or not. Each request carries an ``Idempotency-Key``, so it may be repeated."""

    @ask
    def upload(
        self,
        pictures: Sequence[tuple[str, bytes]],
        *,
        ids: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> Call[UploadReport]:
        """Upload pictures (name, bytes), at most 100, and wait for their categories.

        Args:
            pictures: names and bytes.
            ids: yours, one per picture; None where the content decides.
            metadata: JSON objects, one per picture.
        """
        return self._files(UploadReport, pictures, ids, metadata)

    @ask
    def upload_urls(
        self,
        urls: Sequence[str],
        *,
        ids: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> Call[UploadReport]:
        """Have the service fetch pictures, at most 100, and wait for their categories."""
        return self._addresses(UploadReport, urls, ids, metadata)

    @ask
    def hand_in(
        self,
        pictures: Sequence[tuple[str, bytes]],
        *,
        ids: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> Call[UploadAccepted]:
        """Like ``upload``, answered as soon as nothing can be lost any more; ``wait`` waits for the rest."""
        return self._files(UploadAccepted, pictures, ids, metadata)

    @ask
    def hand_in_urls(
        self,
        urls: Sequence[str],
        *,
        ids: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> Call[UploadAccepted]:
        """Like ``upload_urls``, answered before anything is fetched."""
        return self._addresses(UploadAccepted, urls, ids, metadata)

    @ask
    def upload_state(self, upload_id: str) -> Call[UploadInfo]:
        """What became of pictures that were handed in, as of now."""
        return self._owner()._get(UploadInfo, "uploads", upload_id)

    @each
    def uploads(self) -> Pages[UploadInfo]:
        """Uploads that were handed in, newest first, as long as they are remembered."""
        here = self._owner()
        return pages(
            lambda after: here._get(UploadPage, "uploads", after=after, limit=PAGE),
            lambda page: page.uploads,
            lambda page: page.next,
        )

    @ask
    def object_events(self, notification: Mapping[str, Any]) -> Call[ObjectsTaken]:
        """Hand on a notification of an object store, S3's or MinIO's JSON."""
        body = dict(notification)
        return self._owner()._send("POST", ObjectsTaken, "object-events", json=body, repeatable=True)

    def _files(
        self,
        model: type[Model],
        pictures: Sequence[tuple[str, bytes]],
        ids: Sequence[str | None] | None,
        metadata: Sequence[Mapping[str, Any]] | None,
    ) -> Call[Model]:
        form: dict[str, Any] = {}
        if ids is not None:
            form["id"] = [one or "" for one in ids]
        if metadata is not None:
            form["metadata"] = [json.dumps(dict(one)) for one in metadata]
        files = [("files", (_sendable(name), data)) for name, data in pictures]
        path = self._owner()._path("images")
        return Call("POST", path, as_model(model), files=files, form=form, headers=_headers(model), repeatable=True)

    def _addresses(
        self,
        model: type[Model],
        urls: Sequence[str],
        ids: Sequence[str | None] | None,
        metadata: Sequence[Mapping[str, Any]] | None,
    ) -> Call[Model]:
        facts = metadata or [{}] * len(urls)
        images = [
            {"url": url, "id": image_id, "metadata": dict(one)}
            for url, image_id, one in zip(urls, ids or [None] * len(urls), facts, strict=True)
        ]
        path = self._owner()._path("images")
        body = {"images": images}
        return Call("POST", path, as_model(model), json=body, headers=_headers(model), repeatable=True)


def _headers(model: type[BaseModel]) -> dict[str, str]:
    prefer = {"Prefer": "respond-async"} if model is UploadAccepted else {}
    return {"Idempotency-Key": uuid.uuid4().hex, **prefer}


def _sendable(name: str) -> str:
    """Old file systems hold names that are no Unicode."""
    return name.encode(errors="replace").decode()
