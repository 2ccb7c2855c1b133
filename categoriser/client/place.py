"""Where calls go, and what makes the blocking and the asynchronous client of one description of each call.

A call is a method under ``@ask`` (or, of a list that comes in pages, ``@each``) that says what to request, in the
classes of ``categoriser.client.areas``. On an object of the blocking client it then answers with the result, on one of
the asynchronous client with something to await; type checkers and editors see its signature in both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import update_wrapper, wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload
from urllib.parse import quote

from categoriser.client.description import AnyModel, Call, Pages, as_model
from categoriser.errors import ConfigurationError

P = ParamSpec("P")
T = TypeVar("T")


class Place:
    """The service itself, a collection or one of its views.

    Args:
        name: of the collection; None is the service.
        view: name of a view; calls are about that grouping then.
    """

    def __init__(self, name: str | None = None, view: str | None = None) -> None:
        self._root = "/v1" if name is None else f"/v1/collections/{quote(name, safe='')}"
        self._name = name
        self._view = view

    def _path(self, *parts: str | int) -> str:
        """A path; names may hold anything."""
        return "/".join((self._root, *(quote(str(part), safe="") for part in parts)))

    def _asked(self, query: Mapping[str, Any]) -> dict[str, Any]:
        return dict(query) if self._view is None else {"view": self._view, **query}

    def _get(self, model: type[AnyModel], *parts: str | int, **query: Any) -> Call[AnyModel]:
        """A call that only looks."""
        return Call("GET", self._path(*parts), as_model(model), self._asked(query), repeatable=True)

    def _send(
        self,
        method: str,
        model: type[AnyModel],
        *parts: str | int,
        json: Any = None,
        if_match: int | None = None,
        repeatable: bool = False,
        **query: Any,
    ) -> Call[AnyModel]:
        """A call that does something, or looks with a body."""
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        path, asked = self._path(*parts), self._asked(query)
        return Call(method, path, as_model(model), asked, json=json, headers=headers, repeatable=repeatable)

    def _owner(self) -> Self:
        """This place, for what views have none of.

        Raises:
            ConfigurationError: it is a view.
        """
        if self._view is not None:
            raise ConfigurationError(f"View {self._view!r} has none of that; ask its collection.")
        return self


class Blocking(ABC):
    """Waits for each answer."""

    @abstractmethod
    def do(self, call: Call[T]) -> T:
        """Make a call.

        Raises:
            CategoriserError: of the class that the service raised; ServiceError when there was no answer.
        """

    @abstractmethod
    def each(self, listed: Pages[T]) -> Iterator[T]:
        """All entries of a list, page by page."""


class Asynchronous(ABC):
    """Answers are awaited."""

    @abstractmethod
    async def do(self, call: Call[T]) -> T:
        """Make a call.

        Raises:
            CategoriserError: of the class that the service raised; ServiceError when there was no answer.
        """

    @abstractmethod
    def each(self, listed: Pages[T]) -> AsyncIterator[T]:
        """All entries of a list, page by page."""


class Asked(Generic[P, T]):
    """A call as an attribute of both kinds of client. ``describe``: what it requests."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type] # for help() and signatures

    @overload
    def __get__(self, at: None, kind: type) -> Self: ...
    @overload
    def __get__(self, at: Blocking, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, at: Asynchronous, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, at: Blocking | Asynchronous | None, kind: type) -> Any:
        if at is None:
            return self
        describe = self.describe.__get__(at, kind)
        return wraps(describe)(lambda *args, **told: at.do(describe(*args, **told)))


class Listed(Generic[P, T]):
    """A list that comes in pages as an attribute of both kinds of client: an iterator, blocking or asynchronous."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        self.describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type] # for help() and signatures

    @overload
    def __get__(self, at: None, kind: type) -> Self: ...
    @overload
    def __get__(self, at: Blocking, kind: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, at: Asynchronous, kind: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, at: Blocking | Asynchronous | None, kind: type) -> Any:
        if at is None:
            return self
        describe = self.describe.__get__(at, kind)
        return wraps(describe)(lambda *args, **told: at.each(describe(*args, **told)))


def ask(describe: Callable[Concatenate[Any, P], Call[T]]) -> Asked[P, T]:
    """A method that describes a call becomes the call."""
    return Asked(describe)


def each(describe: Callable[Concatenate[Any, P], Pages[T]]) -> Listed[P, T]:
    """A method that describes a list becomes the list."""
    return Listed(describe)
