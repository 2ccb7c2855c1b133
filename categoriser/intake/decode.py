"""Bytes to an upright, opaque, modestly sized RGB picture, or one sentence why not."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from PIL import Image, ImageFile

from categoriser.errors import UnreadablePictureError
from categoriser.intake.exif import orientation, read_exif, taken_at
from categoriser.intake.formats import READERS, jpeg_scans, picture_format, stranger
from categoriser.intake.pixels import reduced_rgb, upright
from categoriser.intake.similarity import HASH_BYTES, fingerprint


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it can hurt."""

    max_bytes: int = 100_000_000
    max_pixels: int = 200_000_000  # width × height as the header says
    max_scans: int = 200  # of a progressive JPEG; each visits every pixel, and a few bytes are enough to ask for one


DEFAULT: Final = Limits()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    ``image`` is RGB without any metadata; where the original allows, its shorter side is at least twice the side asked
    for, and it never has more than ``64 · side²`` pixels. ``width`` and ``height`` are those of the original after
    EXIF orientation. ``taken_at`` is in seconds since the epoch; a camera without a time zone is taken to be on UTC.
    ``fingerprint`` is what `near_duplicate` compares.
    """

    image: Image.Image
    width: int
    height: int
    format: str  # jpeg, png, gif, webp, bmp, tiff, heif, avif
    taken_at: float | None
    fingerprint: bytes = field(repr=False)

    @property
    def phash(self) -> bytes:
        """The 256-bit perceptual hash alone, 32 bytes; all zero when the picture has too little structure."""
        return self.fingerprint[:HASH_BYTES]


def decode(data: bytes, *, side: int, limits: Limits = DEFAULT) -> Picture:
    """Decode the first frame of a picture for an encoder that looks at ``side`` × ``side`` pixels.

    Raises:
        UnreadablePictureError: the bytes are empty, no picture, damaged or too large; no other error leaves.
    """
    name = _accepted_format(data, limits)
    try:
        with READERS[name](BytesIO(data)) as source:
            return _decode(source, name, side, limits)
    except UnreadablePictureError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError(
            f"The {name.upper()} picture claims too many pixels to be opened safely; send a smaller version."
        ) from error
    except MemoryError as error:
        raise UnreadablePictureError(
            f"The {name.upper()} picture needs more memory than there is; send a smaller version."
        ) from error
    except Exception as error:  # codecs raise whatever they like on damaged input
        raise UnreadablePictureError(
            f"The {name.upper()} picture is damaged, incomplete or of a rare kind ({_brief(error)}); "
            "send the complete file, or save it again as JPEG or PNG."
        ) from error


def check_format(data: bytes, limits: Limits = DEFAULT) -> None:
    """Refuse what is certainly no acceptable picture, without decoding it.

    Raises:
        UnreadablePictureError: the bytes are empty, too many, or of no known format.
    """
    _accepted_format(data, limits)


def sha256(data: bytes) -> str:
    """The content's identity, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def thumbnail(image: Image.Image, side: int = 256) -> bytes:
    """JPEG (quality 80) of an RGB image whose longer side is at most ``side`` pixels; never enlarged."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image if size == image.size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    out = BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()


def _accepted_format(data: bytes, limits: Limits) -> str:
    if not data:
        raise UnreadablePictureError("The file is empty; send it again.")
    if len(data) > limits.max_bytes:
        raise UnreadablePictureError(
            f"The file has {len(data):,} bytes and the limit is {limits.max_bytes:,}; send a smaller version."
        )
    name = picture_format(data)
    if name is None:
        raise UnreadablePictureError(
            f"The file is no picture (it looks like {stranger(data)}); "
            "send JPEG, PNG, GIF, WebP, TIFF, BMP, HEIC or AVIF."
        )
    if name == "jpeg" and jpeg_scans(data, limits.max_scans + 1) > limits.max_scans:
        raise UnreadablePictureError(
            f"The JPEG picture is coded in more than {limits.max_scans} passes; save it again as a normal JPEG."
        )
    return name


def _decode(source: ImageFile.ImageFile, name: str, side: int, limits: Limits) -> Picture:
    size = source.size
    _check_size(size, limits)
    if name == "jpeg":  # decodes at 1/2, 1/4 or 1/8 for a fraction of the time
        source.draft(None, (2 * side, 2 * side))
    source.load()
    exif = read_exif(source)
    turned = orientation(exif)
    image = upright(reduced_rgb(source, _reduction(source.size, side)), turned)
    width, height = reversed(size) if turned >= 5 else size
    return Picture(image, width, height, name, taken_at(exif), fingerprint(image))


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise UnreadablePictureError(f"The picture measures {width} × {height} pixels; send one that shows something.")
    if width * height > limits.max_pixels:
        raise UnreadablePictureError(
            f"The picture measures {width} × {height} pixels and the limit is {limits.max_pixels:,} in all; "
            "send a smaller version."
        )


def _reduction(size: tuple[int, int], side: int) -> int:
    """By how much to shrink: keep twice the side, but never more than 64 · side² pixels of a very long picture."""
    wanted = min(size) // (2 * side)
    needed = math.ceil(math.sqrt(size[0] * size[1] / (64 * side * side)))
    return max(1, wanted, needed)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
