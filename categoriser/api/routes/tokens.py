"""Tokens: what an app hands to its own user."""

from __future__ import annotations

from fastapi import APIRouter, Response

from categoriser.api.access import Caller
from categoriser.api.models.access import RenewalRequest, TokenRequest, TokenView
from categoriser.api.models.base import ErrorBody
from categoriser.api.needs import TheLibrary
from categoriser.errors import ConfigurationError
from categoriser.library.access import LOCAL

router = APIRouter(prefix="/tokens", tags=["access"])


@router.post(
    "",
    summary="Make a token for one collection",
    status_code=201,
    responses={400: {"model": ErrorBody, "description": "No key is needed here, or the name cannot be one"}},
)
def create_token(library: TheLibrary, caller: Caller, wanted: TokenRequest, answer: Response) -> TokenView:
    """With a key that may do the same; it ends with its key."""
    if caller is LOCAL:
        raise ConfigurationError("No key is needed here, so there is nothing to make a token of; make a key first.")
    made = library.access.tokens.issue(caller, wanted.collection, wanted.scope, wanted.seconds)
    answer.headers["Cache-Control"] = "no-store"
    return TokenView(token=made.token, scopes=list(made.scopes), expires_at=made.expires_at)


@router.post("/rotation", summary="Sign tokens with another secret", status_code=204)
def renew_token_secret(library: TheLibrary, wanted: RenewalRequest) -> None:
    """With 0 seconds all tokens and browser sessions end at once."""
    library.access.renew_secret(grace=wanted.grace_seconds)
