"""The two facts taken from a picture's metadata: which way is up, and when it was taken. Places are never read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from PIL import ExifTags, Image

_STAMP: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")


def read_exif(image: Image.Image) -> Image.Exif:
    """The metadata of a loaded picture; empty when it is damaged, for a broken date must not cost the picture."""
    try:
        return image.getexif()
    except Exception:
        return Image.Exif()


def orientation(exif: Image.Exif) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) when absent or out of range."""
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def taken_at(exif: Image.Exif) -> float | None:
    """When the shutter was released, in seconds since the epoch, or None; without a recorded zone UTC is assumed."""
    try:
        camera = exif.get_ifd(ExifTags.IFD.Exif)
        stamp = _STAMP.match(str(camera.get(ExifTags.Base.DateTimeOriginal, "")))
        if stamp is None:
            return None
        zone = _zone(str(camera.get(ExifTags.Base.OffsetTimeOriginal, "")))
        year, month, day, hour, minute, second = map(int, stamp.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    except Exception:
        return None


def _zone(text: str) -> timezone:
    match = _OFFSET.match(text)
    if match is None:
        return UTC
    sign, hours, minutes = match.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))
