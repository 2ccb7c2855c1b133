"""One picture of a category: its most typical image large, four more small beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

HERO: Final = 256  # pixels
MOST: Final = 5
_QUALITY: Final = 82
_GREY: Final = (128, 128, 128)
_HALF: Final = HERO // 2
_FIRST: Final = (0, 0, HERO, HERO)
_BELOW: Final = [(HERO, _HALF, _HALF, _HALF), (HERO + _HALF, _HALF, _HALF, _HALF)]
_PLACES: Final = {  # left, top, width, height, by how many there are
    1: [_FIRST],
    2: [_FIRST, (HERO, 0, HERO, HERO)],
    3: [_FIRST, (HERO, 0, HERO, _HALF), (HERO, _HALF, HERO, _HALF)],
    4: [_FIRST, (HERO, 0, HERO, _HALF), *_BELOW],
    5: [_FIRST, (HERO, 0, _HALF, _HALF), (HERO + _HALF, 0, _HALF, _HALF), *_BELOW],
}


def mosaic(files: Sequence[Path]) -> bytes:
    """A JPEG of up to five thumbnails, the first one large: 512 × 256 pixels, or 256 × 256 of one."""
    return _made(tuple(str(file) for file in files[:MOST]))


@lru_cache(maxsize=1024)  # about 25 kB each; a thumbnail is named after its content and so never changes
def _made(files: tuple[str, ...]) -> bytes:
    whole = Image.new("RGB", (HERO if len(files) == 1 else 2 * HERO, HERO), _GREY)
    for file, (left, top, width, height) in zip(files, _PLACES[len(files)], strict=True):
        try:
            with Image.open(file) as thumbnail:
                thumbnail.draft("RGB", (width, height))
                cut = ImageOps.fit(thumbnail.convert("RGB"), (width, height), Image.Resampling.BILINEAR)
        except OSError:  # a thumbnail that is gone leaves a grey square
            continue
        whole.paste(cut, (left, top))
    written = io.BytesIO()
    whole.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
