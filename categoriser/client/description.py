"""What a call is: everything that both kinds of client need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

Answer = TypeVar("Answer")
AnyPage = TypeVar("AnyPage")
One = TypeVar("One")
AnyModel = TypeVar("AnyModel", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request and how its answer is read. ``repeatable``: done twice it does no more than done once."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Sequence[tuple[str, tuple[str, bytes]]] | None = None
    form: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False

    def arguments(self) -> dict[str, Any]:
        """As httpx wants them."""
        query = {name: value for name, value in self.query.items() if value is not None}
        told: dict[str, Any] = {"params": query, "headers": dict(self.headers)}
        if self.json is not None:
            told["json"] = self.json
        if self.files is not None:
            told |= {"files": list(self.files), "data": dict(self.form or {})}
        return told


@dataclass(frozen=True, slots=True)
class Pages(Generic[One]):
    """A list that comes page by page. ``at``: a cursor (None at first) → the call for the page behind it."""

    at: Callable[[Any], Call[tuple[Sequence[One], Any]]]


def pages(
    at: Callable[[Any], Call[AnyPage]], items: Callable[[AnyPage], Sequence[One]], following: Callable[[AnyPage], Any]
) -> Pages[One]:
    """A list of which each page says what comes next; None at the end."""

    def describe(cursor: Any) -> Call[tuple[Sequence[One], Any]]:
        call = at(cursor)

        def read(answer: httpx.Response) -> tuple[Sequence[One], Any]:
            page = call.read(answer)
            return items(page), following(page)

        return Call(call.method, call.path, read, call.query, repeatable=call.repeatable)

    return Pages(describe)


def get(path: str, model: type[AnyModel], **query: Any) -> Call[AnyModel]:
    """A call that only looks."""
    return Call("GET", path, as_model(model), query, repeatable=True)


def as_model(model: type[AnyModel]) -> Callable[[httpx.Response], AnyModel]:
    """Reads an answer as a model; fields that a newer service adds are left out."""
    return lambda answer: model.model_validate_json(answer.content)


def below(collection: str, *parts: str | int) -> str:
    """A path below a collection; names may hold anything."""
    return "/".join(("/v1/collections", quote(collection, safe=""), *(quote(str(part), safe="") for part in parts)))
