"""Kinds of events in queries: repeated, or with commas between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Query

from categoriser.api.errors import InvalidRequestError
from categoriser.domain import EVENT_KINDS


def known_kinds(wanted: Iterable[str]) -> list[str]:
    """The kinds that were named.

    Raises:
        InvalidRequestError: one of them is no kind of event.
    """
    kinds = [kind for some in wanted for kind in some.split(",")]
    unknown = [kind for kind in kinds if kind not in EVENT_KINDS]
    if unknown:
        raise InvalidRequestError(f"types: {unknown[0]!r} is no kind of event; there are {', '.join(EVENT_KINDS)}.")
    return kinds


def _kinds(
    types: Annotated[list[str] | None, Query(description="kinds of events, several times or with commas")] = None,
) -> list[str]:
    return known_kinds(types or ())


EventKinds = Annotated[list[str], Depends(_kinds)]
