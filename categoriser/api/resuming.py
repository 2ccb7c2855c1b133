"""Downloads that are made as they are sent, and go on where they broke.

The same export makes the same bytes, which its ETag says. Who comes back with ``Range: bytes=N-`` and that ETag in
``If-Range`` gets the rest: the export is made again and its beginning is left out. Its length, which such an answer has
to name, is found by making it once more; so a first download need not wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from fastapi.responses import JSONResponse, Response, StreamingResponse

from categoriser.api.errors import error_body

_FROM = re.compile(r"bytes=(\d{1,18})-(\d{0,18})$")


def resumable(
    make: Callable[[], Iterator[bytes]],
    *,
    mark: str,
    media_type: str,
    file_name: str,
    wanted: str | None,
    if_range: str | None,
) -> Response:
    """An answer with a stream of bytes, or with the rest of it.

    Args:
        make: begins the stream; every time the same for the same mark.
        mark: what tells it from others.
        media_type: of the stream.
        file_name: to save it as.
        wanted: the header Range.
        if_range: the header If-Range; without it, or with another mark, all is sent.
    """
    tag = f'"{mark}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": attachment(file_name),
    }
    asked = None if if_range != tag else _FROM.match(wanted or "")
    if asked is None:
        return StreamingResponse(make(), media_type=media_type, headers=headers)
    first, length = int(asked[1]), sum(len(chunk) for chunk in make())
    last = min(int(asked[2] or length), length - 1)
    if first > last:
        refusal = error_body("range_not_satisfiable", f"The export has {length} bytes; ask for some of these.")
        return JSONResponse(refusal, 416, {"Content-Range": f"bytes */{length}"})
    headers |= {"Content-Range": f"bytes {first}-{last}/{length}", "Content-Length": str(last - first + 1)}
    return StreamingResponse(_part(make(), first, last + 1), 206, headers, media_type)


def attachment(file_name: str) -> str:
    """The header Content-Disposition of a file to be saved, of any name (RFC 6266, with RFC 8187 for what needs it)."""
    name = file_name.replace("/", "-").replace("\\", "-")
    encoded = quote(name, safe="")
    return f'attachment; filename="{name}"' if encoded == name else f"attachment; filename*=utf-8''{encoded}"


def _part(chunks: Iterator[bytes], first: int, end: int) -> Iterator[bytes]:
    at = 0
    for chunk in chunks:
        piece = chunk[max(0, first - at) : max(0, end - at)]
        at += len(chunk)
        if piece:
            yield piece
        if at >= end:
            return
