"""Bodies that come in more than one form: pictures as multipart or addresses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from categoriser.api.errors import InvalidRequestError, TooLargeError, UnsupportedMediaError, invalid
from categoriser.api.limits import ByteBudget
from categoriser.api.models.base import ImageIdText, Metadata
from categoriser.api.models.uploads import MOST_IMAGES, Address, Addresses
from categoriser.api.receiving import Sent
from categoriser.intake import Item, safe_url

_FILE_FIELDS: Final = ("file", "files")
_LONGEST_NAME: Final = 1024
FIELD_BYTES: Final = 128 * 1024

_ids: Final[TypeAdapter[str]] = TypeAdapter(ImageIdText)
_metadata: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(Metadata)
AnyModel = TypeVar("AnyModel", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of an upload. ``single``: the answer is about one and not a report."""

    single: bool
    sent: AsyncIterator[Sent]


@asynccontextmanager
async def uploaded_pictures(request: Request, budget: ByteBudget, max_bytes: int) -> AsyncIterator[Pictures]:
    """The pictures of a request; files are read into memory one by one as the budget has room for them.

    Raises:
        InvalidRequestError: the body has not the form it must have.
        TooLargeError: its only file is larger than ``max_bytes``; one of several is refused on its own.
    """
    kind = media_type(request)
    if kind == "multipart/form-data":
        async with request.form(max_files=MOST_IMAGES, max_fields=2 * MOST_IMAGES, max_part_size=FIELD_BYTES) as form:
            files = [
                (name, part)
                for name, part in form.multi_items()
                if name in _FILE_FIELDS and isinstance(part, UploadFile)
            ]
            if not files:
                raise InvalidRequestError("The body holds no picture; send one as a file part called file.")
            ids, metadata = _for_each(form, "id", len(files)), _facts(form, len(files))
            parts = [part for _, part in files]
            yield Pictures([name for name, _ in files] == ["file"], _read(parts, ids, metadata, budget, max_bytes))
    elif kind == "application/json":
        body = await request.body()
        asks_many = isinstance(_json(body), dict) and "images" in _json(body)
        addresses = validated(Addresses, body).images if asks_many else [validated(Address, body)]
        yield Pictures(not asks_many, _fetchable(addresses))
    else:
        raise UnsupportedMediaError("Send pictures as multipart/form-data or addresses as application/json.")


def inlined_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON schema without references, for descriptions of bodies that FastAPI does not read itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rpartition("/")[2]])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(value) for value in node] if isinstance(node, list) else node

    resolved: dict[str, Any] = resolve(schema)
    return resolved


async def _read(
    files: list[UploadFile], ids: list[str | None], metadata: list[dict[str, Any]], budget: ByteBudget, max_bytes: int
) -> AsyncIterator[Sent]:
    for file, image_id, facts in zip(files, ids, metadata, strict=True):
        name = (file.filename or "upload")[:_LONGEST_NAME]
        try:
            check_size(file, max_bytes)
        except TooLargeError as error:
            yield Sent(name, error)
            continue
        size = file.size or 0
        await budget.take(size)
        try:
            data = await file.read()
        except BaseException:
            budget.give(size)
            raise
        yield Sent(name, Item(name, data=data, image_id=image_id, metadata=facts), size)


async def _fetchable(addresses: list[Address]) -> AsyncIterator[Sent]:
    for address in addresses:
        name = safe_url(address.url).rstrip("/").rpartition("/")[2][:_LONGEST_NAME] or "picture"
        item = Item(name, url=address.url, image_id=address.id, metadata=address.metadata)
        yield Sent(safe_url(address.url), item)


def _for_each(form: FormData, field: str, count: int) -> list[str | None]:
    values = [value for value in form.getlist(field) if isinstance(value, str)]
    if len(values) not in {0, count}:
        raise InvalidRequestError(f"{len(values)} {field} fields do not fit {count} files; send none or one for each.")
    try:
        return [_ids.validate_python(value) if value else None for value in values] or [None] * count
    except ValidationError as error:
        raise InvalidRequestError(f"{field}: {error.errors()[0]['msg']}.") from None


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


def check_size(file: UploadFile, max_bytes: int) -> None:
    """Refuse a file that is too large.

    Raises:
        TooLargeError: it is.
    """
    size = file.size or 0
    if size > max_bytes:
        raise TooLargeError(
            f"{file.filename or 'The file'} has {size:,} bytes and the limit is {max_bytes:,}; send a smaller version."
        )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not JSON.") from None


def validated(model: type[AnyModel], body: bytes | str) -> AnyModel:
    """A body of JSON as a model.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None


def media_type(request: Request) -> str:
    """What the body is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
