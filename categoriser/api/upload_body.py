"""The pictures of an upload request, whichever way they come: multipart, one raw picture, or addresses as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast
from urllib.parse import unquote

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from categoriser.api.errors import InvalidRequestError, TooLargeError, UnsupportedMediaError
from categoriser.api.models.base import ImageIdText, Metadata
from categoriser.api.models.uploads import MOST_IMAGES, Address, Addresses
from categoriser.api.request_body import FIELD_BYTES, json_of, media_type, too_large, validated
from categoriser.errors import CategoriserError
from categoriser.intake import Item, safe_url

_FILE_FIELDS: Final = ("file", "files")
_LONGEST_NAME: Final = 1024
_CHUNK: Final = 1024 * 1024
_RAW: Final = "application/octet-stream"
_DRAWINGS: Final = ("image/svg+xml",)  # no pictures: programs that draw one

_ids: Final[TypeAdapter[str]] = TypeAdapter(ImageIdText)
_metadata: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(Metadata)


@dataclass(slots=True)
class Part:
    """One picture of a request: a file that was spooled, an address, or why it is refused."""

    name: str
    file: UploadFile | None = None
    url: str | None = None
    image_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    refused: CategoriserError | None = None

    @property
    def size(self) -> int:
        """Bytes in memory once it is read."""
        return 0 if self.file is None or self.refused is not None else self.file.size or 0

    async def item(self) -> Item:
        """What is filed; reads the file into memory."""
        if self.file is None:
            return Item(self._short_name(), url=self.url, image_id=self.image_id, metadata=self.metadata)
        await self.file.seek(0)
        data = await self.file.read()
        return Item(self.name, data=data, image_id=self.image_id, metadata=self.metadata)

    async def digest(self) -> str:
        """Of what was sent, in pieces and not in memory."""
        if self.file is None:
            return hashlib.sha256((self.url or "").encode()).hexdigest()
        total = hashlib.sha256()
        await self.file.seek(0)
        while chunk := await self.file.read(_CHUNK):
            if len(chunk) == _CHUNK:
                await run_in_threadpool(total.update, chunk)
            else:
                total.update(chunk)
        return total.hexdigest()

    def _short_name(self) -> str:
        return self.name.rstrip("/").rpartition("/")[2][:_LONGEST_NAME] or "picture"


@dataclass(frozen=True, slots=True)
class Upload:
    """The pictures of a request. ``single``: the answer is about one and not a report."""

    single: bool
    parts: Sequence[Part]

    async def fingerprint(self) -> str:
        """Equal for requests that ask for the same, however they are written."""
        asked = [[one.name, one.image_id, one.metadata, await one.digest()] for one in self.parts]
        told = json.dumps([self.single, asked], sort_keys=True, default=str)
        return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()


@asynccontextmanager
async def uploaded(request: Request, max_bytes: int) -> AsyncIterator[Upload]:
    """The pictures of a request; files of more than a megabyte lie on disk, as long as the context lasts.

    Raises:
        InvalidRequestError: the body has not the form it must have.
        UnsupportedMediaError: it is of a kind that holds no pictures.
        TooLargeError: its only picture is larger than ``max_bytes``; one of several is refused on its own.
    """
    kind = media_type(request)
    if kind == "multipart/form-data":
        async with request.form(max_files=MOST_IMAGES, max_fields=2 * MOST_IMAGES, max_part_size=FIELD_BYTES) as form:
            yield _of_form(form, max_bytes)
    elif kind == "application/json":
        yield _of_json(await request.body())
    elif (kind.startswith("image/") and kind not in _DRAWINGS) or kind == _RAW:
        with SpooledTemporaryFile(max_size=_CHUNK) as spool:
            yield Upload(
                single=True, parts=[await _raw(request, UploadFile(cast("BinaryIO", spool), size=0), max_bytes)]
            )
    else:
        raise UnsupportedMediaError(
            f"A body of type {kind[:100]!r} is not taken: send pictures as multipart/form-data, one picture as it is "
            "with its type such as image/jpeg, or addresses as application/json."
        )


def _of_form(form: FormData, max_bytes: int) -> Upload:
    files = [(name, part) for name, part in form.multi_items() if name in _FILE_FIELDS and isinstance(part, UploadFile)]
    if not files:
        raise InvalidRequestError("The body holds no picture; send one as a file part called file.")
    ids, metadata = _for_each(form, "id", len(files)), _facts(form, len(files))
    parts = [
        Part((file.filename or "upload")[:_LONGEST_NAME], file, None, image_id, facts, too_large(file, max_bytes))
        for (_, file), image_id, facts in zip(files, ids, metadata, strict=True)
    ]
    return Upload([name for name, _ in files] == ["file"], parts)


def _of_json(body: bytes) -> Upload:
    told = json_of(body)
    many = isinstance(told, dict) and "images" in told
    addresses = validated(Addresses, body).images if many else [validated(Address, body)]
    parts = [Part(safe_url(one.url), None, one.url, one.id, one.metadata) for one in addresses]
    return Upload(not many, parts)


async def _raw(request: Request, file: UploadFile, max_bytes: int) -> Part:
    """One picture that is the whole body; id, name and metadata come beside it."""
    asked = request.query_params
    name = asked.get("name") or "upload"
    image_id = asked.get("id") or _header(request, "x-image-id")
    facts = asked.get("metadata") or _header(request, "x-image-metadata")
    part = Part(name[:_LONGEST_NAME], file)
    try:
        part.image_id = _ids.validate_python(image_id) if image_id else None
        part.metadata = _metadata.validate_json(facts) if facts else {}
    except ValidationError as error:
        raise InvalidRequestError(f"{'metadata' if part.image_id else 'id'}: {error.errors()[0]['msg']}.") from None
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise TooLargeError(f"The picture has more than {max_bytes:,} bytes; send a smaller version.")
        await file.write(chunk)
    return part


def _header(request: Request, name: str) -> str | None:
    """A header's text, percent-encoded where it is not ASCII."""
    value = request.headers.get(name)
    return None if value is None else unquote(value)


def _for_each(form: FormData, name: str, count: int) -> list[str | None]:
    values = [value for value in form.getlist(name) if isinstance(value, str)]
    if len(values) not in {0, count}:
        raise InvalidRequestError(f"{len(values)} {name} fields do not fit {count} files; send none or one for each.")
    try:
        return [_ids.validate_python(value) if value else None for value in values] or [None] * count
    except ValidationError as error:
        raise InvalidRequestError(f"{name}: {error.errors()[0]['msg']}.") from None


def _facts(form: FormData, count: int) -> list[dict[str, Any]]:
    values = [value for value in form.getlist("metadata") if isinstance(value, str) and value]
    if len(values) not in {0, 1, count}:
        raise InvalidRequestError(
            f"{len(values)} metadata fields do not fit {count} files; send none, one for all, or one for each."
        )
    try:
        facts = [_metadata.validate_json(value) for value in values]
    except ValidationError as error:
        raise InvalidRequestError(f"metadata: {error.errors()[0]['msg']}.") from None
    return facts * count if len(facts) == 1 else facts or [{} for _ in range(count)]
