"""Which picture formats are read, told by their first bytes and never by a name or a header somebody sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Final, TypeAlias

from pi_heif import HeifImageFile
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

Reader: TypeAlias = Callable[[BytesIO], ImageFile.ImageFile]

# The readers are called directly and not through Image.open: its size check is a process-wide setting that we would
# have to change under the feet of other threads, and it tries forty formats, some of which run programs.
READERS: Final[dict[str, Reader]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,  # not the factory: of a multi-picture file the first is wanted
    "png": PngImagePlugin.PngImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "heif": HeifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
}

EXTENSIONS: Final = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
        *(".heic", ".heif", ".hif", ".avif"),
    )
)

_HEIF_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # others have no content or lie inside compressed data
_STRANGERS: Final = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
    (b"{", "JSON or text"),
)


def picture_format(data: bytes) -> str | None:
    """Key of `READERS` for these bytes, or None when they are no picture of a known format."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _box_format(data)
    return next((name for signature, name in _SIGNATURES if data.startswith(signature)), None)


def stranger(data: bytes) -> str:
    """What bytes without a picture signature look like, for a sentence."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = next((name for signature, name in _STRANGERS if start.startswith(signature.lower())), None)
    return known or ("a video" if data[4:8] == b"ftyp" or data[:4] == b"\x1aE\xdf\xa3" else "no known picture format")


def jpeg_scans(data: bytes, most: int) -> int:
    """Number of passes in which a JPEG is coded, counted up to ``most`` and not beyond the end of the first picture."""
    scans, at = 0, 2
    while scans < most:
        found = _MARKER.search(data, at)
        if found is None or found[0] == b"\xff\xd9":
            break
        scans += found[0] == b"\xff\xda"
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])  # metadata may hold a preview: skip it
    return scans


def _box_format(data: bytes) -> str | None:
    """HEIF and AVIF share a container; the major brand may be the neutral one, then the compatible brands decide."""
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4]), 512), 4))]
    if brands[0] in (b"avif", b"avis"):
        return "avif"
    if brands[0] in _HEIF_BRANDS:
        return "heif"
    if brands[0] in (b"mif1", b"msf1"):
        return "avif" if {b"avif", b"avis"}.intersection(brands) else "heif"
    return None
