"""A search as JSON, or as multipart with pictures, in the one form that a collection takes."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from categoriser.api.errors import InvalidRequestError, TooLargeError, UnsupportedMediaError, invalid
from categoriser.api.models.search import ClueInfo, SearchFilter, SearchRequest
from categoriser.api.request_body import FIELD_BYTES, media_type, too_large, validated
from categoriser.library import Clue, Filter, SearchQuery

MOST_PICTURES: Final = 10  # sent as files
_WANTED: Final = ("file", "positive")
_UNWANTED: Final = "negative"
_NARROWING: Final = ("category", "added_from", "added_before")


async def search_query(request: Request, max_bytes: int) -> SearchQuery:
    """What is searched for.

    Raises:
        InvalidRequestError: the body has not the form it must have.
        TooLargeError: a picture is larger than ``max_bytes``.
    """
    kind = media_type(request)
    if kind == "application/json":
        return _query(validated(SearchRequest, await request.body()), [], [], max_bytes)
    if kind != "multipart/form-data":
        raise UnsupportedMediaError("Search with application/json, or with pictures as multipart/form-data.")
    async with request.form(max_files=MOST_PICTURES, max_fields=40, max_part_size=FIELD_BYTES) as form:
        files = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
        strange = [name for name, _ in files if name not in {*_WANTED, _UNWANTED}]
        if strange or not files:
            raise InvalidRequestError(
                "The body holds no picture; send one as a file part called file, and further ones as positive or "
                "negative."
            )
        for _, part in files:
            problem = too_large(part, max_bytes)
            if problem is not None:
                raise problem
        wanted = [await part.read() for name, part in files if name != _UNWANTED]
        unwanted = [await part.read() for name, part in files if name == _UNWANTED]
        return _query(_fields(form), wanted, unwanted, max_bytes)


def filter_of(told: SearchFilter) -> Filter:
    """The filter of a request."""
    return Filter(**told.model_dump())


def _fields(form: FormData) -> SearchRequest:
    """The request that the fields of a form make: one called query holds all of it as JSON, or each has its own."""
    fields: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
    whole = fields.pop("query", None)
    try:
        if whole is not None:
            if fields:
                raise InvalidRequestError("Send the search as one field called query or as fields of their own.")
            return validated(_WithPictures, whole)
        narrowing: dict[str, Any] = {name: fields.pop(name) for name in _NARROWING if name in fields}
        narrowing["tags"] = [value for value in form.getlist("tags") if isinstance(value, str)]
        fields.pop("tags", None)
        return _WithPictures.model_validate({**fields, "filter": narrowing})
    except ValidationError as error:
        raise invalid(error) from None


class _WithPictures(SearchRequest):
    """A search whose pictures come beside it."""

    needs_query = False


def _query(told: SearchRequest, wanted: list[bytes], unwanted: list[bytes], max_bytes: int) -> SearchQuery:
    first = ClueInfo.model_construct(
        text=told.text,
        image_id=told.image_id,
        image=told.image,
        vector=told.vector,
        category=told.category,
        vector_of=told.vector_of,
    )
    return SearchQuery(
        wanted=[
            *(Clue(image=data) for data in wanted),
            *_clues(first, max_bytes),
            *(clue for one in told.positives for clue in _clues(one, max_bytes)),
        ],
        unwanted=[
            *(Clue(image=data) for data in unwanted),
            *(clue for one in told.negatives for clue in _clues(one, max_bytes)),
        ],
        filter=filter_of(told.filter),
        limit=told.limit,
        offset=told.offset,
        cursor=told.cursor,
        min_score=told.min_score,
        min_relevance=told.min_relevance,
        diversity=told.diversity,
        group_by=told.group_by,
        group_size=told.group_size,
    )


def _clues(told: ClueInfo, max_bytes: int) -> list[Clue]:
    found = [] if told.image is None else [Clue(image=_from_base64(told.image, max_bytes))]
    found += [] if told.vector is None else [Clue(vector=told.vector, vector_of=told.vector_of)]
    found += [] if told.text is None else [Clue(text=told.text)]
    found += [] if told.image_id is None else [Clue(image_id=told.image_id)]
    return found + ([] if told.category is None else [Clue(category=told.category)])


def _from_base64(text: str, max_bytes: int) -> bytes:
    try:
        data = base64.b64decode(text.rpartition("base64,")[2], validate=True)  # a data URL is fine too
    except (binascii.Error, ValueError):
        raise InvalidRequestError("image: this is not base64; send the bytes of a picture file in base64.") from None
    if len(data) > max_bytes:
        raise TooLargeError(f"The picture has {len(data):,} bytes and the limit is {max_bytes:,}; send a smaller one.")
    return data
