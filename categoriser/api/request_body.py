"""What bodies that FastAPI does not read itself have in common."""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from categoriser.api.errors import InvalidRequestError, TooLargeError, invalid

FIELD_BYTES: Final = 128 * 1024

AnyModel = TypeVar("AnyModel", bound=BaseModel)


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


def json_of(body: bytes) -> Any:
    """The value of a JSON body.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not JSON.") from None


def validated(model: type[AnyModel], body: bytes | str) -> AnyModel:
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
