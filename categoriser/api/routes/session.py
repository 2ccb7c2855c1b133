"""Browser sessions: a key or token is exchanged for a cookie that no script can read."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from categoriser.api.access import Caller, TheVisit
from categoriser.api.access.credentials import cookie_name
from categoriser.api.access.visit import Visit
from categoriser.api.models.access import SessionView
from categoriser.api.needs import TheLibrary
from categoriser.library import Library

router = APIRouter(prefix="/session", tags=["access"])


@router.get("", summary="Ask who one is and what one may do")
def get_session(library: TheLibrary, visit: TheVisit, answer: Response) -> SessionView:
    """Answered to everybody."""
    answer.headers["Cache-Control"] = "no-store"
    return _told(visit, library)


@router.post("", summary="Sign a browser in")
def create_session(
    request: Request, library: TheLibrary, visit: TheVisit, caller: Caller, answer: Response
) -> SessionView:
    """Send a key or token as ``Authorization: Bearer``; the answer sets a cookie with the same rights."""
    answer.headers["Cache-Control"] = "no-store"
    if not visit.keys_needed:
        return _told(visit, library)
    made = library.access.tokens.session(caller, library.settings.access.session_hours * 3600)
    secure = request.url.scheme == "https"
    answer.set_cookie(
        cookie_name(secure=secure),
        made.token,
        max_age=max(1, int(made.expires_at - library.access.clock())),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return _told(visit, library).model_copy(update={"expires_at": made.expires_at, "kind": "session"})


@router.delete("", summary="Sign a browser out", status_code=204)
def end_session(request: Request, library: TheLibrary, visit: TheVisit, answer: Response) -> None:
    """The session counts no more, wherever its cookie may be."""
    if visit.principal is not None and visit.principal.kind == "session":
        library.access.end(visit.principal)
    secure = request.url.scheme == "https"
    answer.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="strict")


def _told(visit: Visit, library: Library) -> SessionView:
    who = visit.principal
    return SessionView(
        access="keys" if visit.keys_needed else "open",
        setting=library.access.settings.keys,
        signed_in=who is not None,
        kind=None if who is None else who.kind,
        key=None if who is None else who.key_id,
        label="" if who is None else who.label,
        scopes=[] if who is None else [str(scope) for scope in who.scopes],
        expires_at=None if who is None else who.expires_at,
    )
