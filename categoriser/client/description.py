"""What a call is: everything that both kinds of client need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

import httpx
from pydantic import BaseModel

Answer = TypeVar("Answer")
Other = TypeVar("Other")
AnyPage = TypeVar("AnyPage")
One = TypeVar("One")
AnyModel = TypeVar("AnyModel", bound=BaseModel)

PAGE: Final = 1000  # as long as a service lets a page be


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request and how its answer is read.

    ``repeatable``: done twice it does no more than done once. ``also``: statuses that are answers beside the successes.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Sequence[tuple[str, tuple[str, bytes]]] | None = None
    form: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    also: frozenset[int] = frozenset()

    def arguments(self) -> dict[str, Any]:
        """As httpx wants them."""
        query = {name: value for name, value in self.query.items() if value is not None}
        told: dict[str, Any] = {"params": query, "headers": dict(self.headers)}
        if self.json is not None:
            told["json"] = self.json
        if self.files is not None:
            told |= {"files": list(self.files), "data": dict(self.form or {})}
        return told

    def then(self, make: Callable[[Answer], Other]) -> Call[Other]:
        """The same call with something made of its answer."""
        read = self.read
        return replace(self, read=lambda answer: make(read(answer)))  # type: ignore[arg-type,return-value] # another Answer


@dataclass(frozen=True, slots=True)
class Pages(Generic[One]):
    """A list that comes page by page. ``at``: a cursor (None at first) → the call for the page behind it."""

    at: Callable[[Any], Call[tuple[Sequence[One], Any]]]


def pages(
    at: Callable[[Any], Call[AnyPage]], items: Callable[[AnyPage], Sequence[One]], following: Callable[[AnyPage], Any]
) -> Pages[One]:
    """A list of which each page says what comes next; None at the end."""
    return Pages(lambda cursor: at(cursor).then(lambda page: (items(page), following(page))))


def as_model(model: type[AnyModel]) -> Callable[[httpx.Response], AnyModel]:
    """Reads an answer as a model; fields that a newer service adds are left out."""
    return lambda answer: model.model_validate_json(answer.content)


def content(answer: httpx.Response) -> bytes:
    """An answer that is a file."""
    return answer.content


def given(**fields: Any) -> dict[str, Any]:
    """The fields of a body that were given."""
    return {name: value for name, value in fields.items() if value is not None}
