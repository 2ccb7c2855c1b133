"""Names in paths may hold anything, slashes too: ``%2F`` in a path belongs to the name and separates nothing."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Path
from pydantic import AfterValidator
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from categoriser.api.errors import error_body
from categoriser.domain import LARGEST_NUMBER

_SLASH = "\x00"  # stands for an encoded slash between decoding the path and reading a parameter


class EncodedSlashes:
    """Decodes the path segment by segment. Servers decode it as a whole, and a/b could no longer be told from a%2Fb."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        raw: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and "\x00" in unquote(raw.partition(b"?")[0].decode("latin-1")):
            message = "The path holds a NUL character (%00), which no name can have."
            await JSONResponse(error_body("bad_request", message), 400)(scope, receive, send)
            return
        if scope["type"] == "http" and b"%2f" in raw.lower():
            segments = raw.partition(b"?")[0].decode("latin-1").split("/")
            path = "/".join(unquote(segment).replace("/", _SLASH) for segment in segments)
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def restored(name: str) -> str:
    """A part of the path as its sender wrote it."""
    return name.replace(_SLASH, "/")


CollectionName = Annotated[
    str,
    Path(alias="collection", description="name of the collection, percent-encoded", examples=["anna"]),
    AfterValidator(restored),
]
ImageId = Annotated[str, Path(description="id of the image, percent-encoded"), AfterValidator(restored)]
GroupId = Annotated[str, Path(description="id of the group"), AfterValidator(restored)]
CategoryId = Annotated[str, Path(description="id of the category"), AfterValidator(restored)]
Version = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="version of the taxonomy")]
EventCursor = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="cursor of the event")]
SuggestionId = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="id of the suggestion")]
