"""The built web page: its files under ``/assets``, and ``index.html`` for every address that the page itself reads."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from categoriser.errors import NotFoundError

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}  # its name has a hash of its content
_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}
_FIRST: Final = {"/categories": {}, "/groups": {}, "": {}, "/suggestions": {"limit": "200"}}  # state/library.svelte.ts
_AS_THE_PAGE_WRITES: Final = "!'()*"  # encodeURIComponent leaves these as they are, and the addresses must be the same
_COMPRESSIBLE: Final = {".html", ".js", ".css", ".svg", ".json"}
_NOT_BUILT: Final = (
    "<!doctype html><html lang='en'><title>categoriser</title><body><p>The web page was not built here: run "
    "<code>make web</code> in the checkout (Node 20.19 or newer), then load this page again. "
    "The interface for programs is described at <a href='/docs'>/docs</a>."
)


def page_folder() -> Path:
    """Where the built page is: in a wheel inside the package, in a checkout in ``web/dist``."""
    package = Path(__file__).parent.parent
    inside = package / "_web"
    return inside if inside.is_dir() else package.parent / "web" / "dist"


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    packed: bytes | None
    kind: str


@dataclass(slots=True)
class Page:
    """The files of the page in memory, a few hundred kilobytes; read again when it was built anew."""

    folder: Path
    _built_at: float = 0.0
    _files: dict[str, _File] = field(default_factory=dict)

    def file(self, path: str) -> _File | None:
        """A built file by its path from the folder."""
        index = self.folder / "index.html"
        built_at = index.stat().st_mtime if index.is_file() else 0.0
        if built_at != self._built_at:
            self._files = _read(self.folder) if built_at else {}
            self._built_at = built_at
        return self._files.get(path)


def serve_page(app: FastAPI, folder: Path | None = None) -> None:
    """Have the app answer ``/`` and the addresses of the page. They are no part of the described interface."""
    page = Page(folder or page_folder())

    async def page_index(request: Request) -> Response:
        found = page.file("index.html")
        if found is None:
            return HTMLResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"})
        return _answer(request, found, {**_ASK_AGAIN, **_asked_first(request)})

    async def page_asset(request: Request, path: str) -> Response:
        found = page.file(f"assets/{path}")
        if found is None:
            raise NotFoundError(f"The page has no file {path!r}; load the page again.")
        return _answer(request, found, _FOR_EVER)

    async def page_icon(request: Request) -> Response:
        found = page.file("icon.svg")
        if found is None:
            raise NotFoundError("The page has no icon.")
        return _answer(request, found, _ASK_AGAIN)

    app.add_api_route("/", page_index, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/c/{path:path}", page_index, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/assets/{path:path}", page_asset, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/icon.svg", page_icon, methods=["GET", "HEAD"], include_in_schema=False)


def _asked_first(request: Request) -> dict[str, str]:
    """What the page asks as soon as its script is there: the browser may ask it while the script is on its way."""
    path: bytes = request.scope.get("raw_path") or b""  # as it came: a slash of the name is not yet decoded
    _, first, name, *_ = [*path.partition(b"?")[0].decode("latin-1").split("/"), "", ""]
    if first != "c" or not name:
        return {}
    base = f"/v1/collections/{quote(unquote(name), safe=_AS_THE_PAGE_WRITES)}"
    view = request.query_params.get("view")
    links = []
    for what, asked in _FIRST.items():
        query = urlencode({**asked, **({} if view is None else {"view": view})})
        links.append(f"<{base}{what}{'?' if query else ''}{query}>; rel=preload; as=fetch; crossorigin")
    return {"Link": ", ".join(links)}


def _answer(request: Request, file: _File, caching: dict[str, str]) -> Response:
    headers = {**_HEADERS, **caching, "Vary": "Accept-Encoding"}
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, media_type=file.kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.data, media_type=file.kind, headers=headers)


def _read(folder: Path) -> dict[str, _File]:
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
            packed = gzip.compress(data, mtime=0) if path.suffix in _COMPRESSIBLE else None
            files[path.relative_to(folder).as_posix()] = _File(data, packed, kind or "application/octet-stream")
    return files
