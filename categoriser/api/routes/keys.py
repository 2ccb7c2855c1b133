"""Keys: for admins."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path

from categoriser.api.models.access import KeyPage, KeyRequest, KeyView, NewKeyView, RotationRequest
from categoriser.api.models.base import ErrorBody
from categoriser.api.needs import Cursor, PageLength, TheLibrary
from categoriser.library.access import KeyInfo, NewKey

router = APIRouter(prefix="/keys", tags=["access"])

KeyId = Annotated[str, Path(max_length=40, description="public part of the key")]
_SENSELESS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorBody, "description": "A scope or the state of the key makes no sense"}
}


@router.get("", summary="List keys")
def list_keys(library: TheLibrary, after: Cursor = 0, limit: PageLength = 100) -> KeyPage:
    """In the order they were made, revoked ones too; without their secrets, which nobody can read."""
    page = library.access.page(after=after, limit=limit)
    return KeyPage(keys=[_shown(one) for one in page], next=page[-1].cursor if len(page) == limit else None)


@router.post("", summary="Make a key", status_code=201, responses=_SENSELESS)
def create_key(library: TheLibrary, wanted: KeyRequest) -> NewKeyView:
    """The answer shows it, this one time. From the first key on the service asks everybody for one."""
    return _new(
        library.access.create(wanted.scopes, label=wanted.label, seconds=wanted.seconds, per_second=wanted.per_second)
    )


@router.get("/{key}", summary="Look at a key")
def get_key(library: TheLibrary, key: KeyId) -> KeyView:
    """Without its secret."""
    return _shown(library.access.get(key))


@router.post("/{key}/rotation", summary="Give a key another secret", responses=_SENSELESS)
def rotate_key(library: TheLibrary, key: KeyId, wanted: RotationRequest) -> NewKeyView:
    """The answer shows it, this one time; the old one and its tokens count as long as you say, by default no more."""
    return _new(library.access.rotate(key, grace=wanted.grace_seconds))


@router.delete("/{key}", summary="Revoke a key")
def revoke_key(library: TheLibrary, key: KeyId) -> KeyView:
    """For good, with all its tokens; it stays in the list."""
    return _shown(library.access.revoke(key))


def _shown(info: KeyInfo) -> KeyView:
    return KeyView.model_validate(dataclasses.asdict(info))


def _new(made: NewKey) -> NewKeyView:
    return NewKeyView(key=made.key, **_shown(made.info).model_dump())
