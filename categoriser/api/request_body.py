"""What bodies that FastAPI does not read itself have in common, and a search as JSON or with a picture."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from categoriser.api.errors import InvalidRequestError, TooLargeError, UnsupportedMediaError, invalid
from categoriser.api.models.search import SearchRequest

_NARROWING: Final = ("category", "added_from", "added_before")
FIELD_BYTES: Final = 128 * 1024

AnyModel = TypeVar("AnyModel", bound=BaseModel)


async def search_request(request: Request, max_bytes: int) -> tuple[SearchRequest, bytes | None]:
    """What is searched for, and the picture to search with if there is one.

    Raises:
        InvalidRequestError: the body has not the form it must have.
        TooLargeError: the picture is larger than ``max_bytes``.
    """
    kind = media_type(request)
    if kind == "application/json":
        wanted = validated(SearchRequest, await request.body())
        return wanted, None if wanted.image is None else _from_base64(wanted.image, max_bytes)
    if kind != "multipart/form-data":
        raise UnsupportedMediaError("Search with application/json, or with a picture as multipart/form-data.")
    async with request.form(max_files=1, max_fields=20, max_part_size=FIELD_BYTES) as form:
        picture = form.get("file")
        if not isinstance(picture, UploadFile):
            raise InvalidRequestError("The body holds no picture; send one as a file part called file.")
        problem = too_large(picture, max_bytes)
        if problem is not None:
            raise problem
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        narrowing: dict[str, Any] = {name: fields.pop(name) for name in _NARROWING if name in fields}
        narrowing["tags"] = [value for value in form.getlist("tags") if isinstance(value, str)]
        fields.pop("tags", None)
        try:
            wanted = SearchRequest.model_validate({**fields, "filter": narrowing, "image": "sent as a file"})
        except ValidationError as error:
            raise invalid(error) from None
        return wanted, await picture.read()


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


def too_large(file: UploadFile, max_bytes: int) -> TooLargeError | None:
    """Why a file is refused by its size alone."""
    size = file.size or 0
    if size <= max_bytes:
        return None
    return TooLargeError(
        f"{file.filename or 'The file'} has {size:,} bytes and the limit is {max_bytes:,}; send a smaller version."
    )


def _from_base64(text: str, max_bytes: int) -> bytes:
    try:
        data = base64.b64decode(text.rpartition("base64,")[2], validate=True)  # a data URL is fine too
    except (binascii.Error, ValueError):
        raise InvalidRequestError("image: this is not base64; send the bytes of a picture file in base64.") from None
    if len(data) > max_bytes:
        raise TooLargeError(f"The picture has {len(data):,} bytes and the limit is {max_bytes:,}; send a smaller one.")
    return data


def json_of(body: bytes) -> Any:
    """The value of a JSON body.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not JSON.") from None


def validated(model: type[AnyModel], body: bytes) -> AnyModel:
    """A JSON body as a model.

    Raises:
        InvalidRequestError: it does not fit.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None


def media_type(request: Request) -> str:
    """What a body says it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
