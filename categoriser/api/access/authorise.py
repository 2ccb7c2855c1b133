"""Decides for every route whether its caller may do what it does; a dependency of the whole app."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from categoriser.api.access.rights import Need, need_of
from categoriser.api.access.visit import Visit
from categoriser.api.errors import code_of
from categoriser.api.paths import restored
from categoriser.errors import ForbiddenError, UnauthenticatedError
from categoriser.library.access import Principal, Right, Scope


async def authorise(request: Request) -> None:
    """Stop whoever may not do this; a route that is not in the table of rights is for admins.

    Raises:
        UnauthenticatedError: nobody showed a valid key or token.
        ForbiddenError: it may not do this. Decided by the name of the collection alone, so that the answer is the same
            whether or not there is one.
    """
    visit = _visit(request)
    endpoint = request.scope["endpoint"]
    visit.operation = getattr(endpoint, "__name__", "")
    visit.need = need_of(visit.operation)
    named = request.path_params.get("collection")
    collection = visit.collection = None if named is None else restored(str(named))
    if visit.need in {Need.NOTHING, Need.ANYBODY}:
        return
    principal = _caller(request)
    if visit.need is Need.KEY:
        return
    right: Right = "admin" if collection is None or visit.need is Need.ADMIN else visit.need.value  # type: ignore[assignment]
    if not principal.may(right, collection):
        error = _forbidden(right, collection)
        visit.denied = code_of(error)
        raise error


async def still_may(visit: Visit) -> bool:
    """Whether what was begun may go on: the key or token counts, and has the right that was asked for."""
    principal = None if visit.again is None else await visit.again()
    if principal is None or visit.need is None:
        return False
    right: Right = "admin" if visit.collection is None else visit.need.value  # type: ignore[assignment]
    return principal.may(right, visit.collection)


def _visit(request: Request) -> Visit:
    return cast("Visit", request.state.visit)


def _caller(request: Request) -> Principal:
    visit = _visit(request)
    if visit.principal is None:
        error = visit.problem or UnauthenticatedError("This needs a key.", shown=False)
        visit.denied = code_of(error)
        raise error
    return visit.principal


TheVisit = Annotated[Visit, Depends(_visit)]
Caller = Annotated[Principal, Depends(_caller)]


def _forbidden(right: Right, collection: str | None) -> ForbiddenError:
    if right == "admin" or collection is None:
        return ForbiddenError("This is for admins: send a key with the scope admin.")
    return ForbiddenError(
        f"This key may not {right} collection {collection!r}; ask for one with the scope {Scope(right, collection)}."
    )
