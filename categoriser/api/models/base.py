"""What all of it shares: strictness, errors, ids and metadata."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_METADATA_BYTES = 64 * 1024


def _storable(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:  # NaN, infinity, half a surrogate pair
        raise ValueError("must be JSON that can be sent back: no NaN, no infinity, valid Unicode") from None
    if size > _METADATA_BYTES:
        raise ValueError(f"has {size:,} bytes and the limit is {_METADATA_BYTES:,}")
    return metadata


Metadata = Annotated[dict[str, Any], AfterValidator(_storable)]


def _without_controls(image_id: str) -> str:
    if any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in image_id):
        raise ValueError(f"{image_id[:80]!r} holds control characters such as line breaks, which an id must not")
    return image_id


ImageIdText = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_without_controls)]


class Model(BaseModel):
    """Unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(examples=["not_found"])
    message: str = Field(examples=["Collection 'anna' has no image 'x'."])


class ErrorBody(BaseModel):
    """Every failure looks like this."""

    error: ErrorDetail
