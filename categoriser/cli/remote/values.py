"""What comes over the wire as the plain values that the same call gives on a library."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")


def as_plain(kind: type[T], model: BaseModel) -> T:
    """A plain value with the fields of a model that it knows, and all below it."""
    adapter: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type] # classes are hashable
    return adapter.validate_python(model.model_dump())


def some(found: Iterable[T], limit: int | None) -> list[T]:
    """The first of a list that comes page by page; no page is asked for that is not needed."""
    return list(found) if limit is None else [one for _, one in zip(range(limit), found, strict=False)]


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
