"""One picture of a category: its most typical image large, four more small beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

WIDTHS: Final = (336, 512)  # pixels: of a card on a plain screen, and on one with finer pixels
MOST: Final = 5
_QUALITY: Final = 82
_GREY: Final = (128, 128, 128)
_FIRST: Final = (0, 0, 2, 2)
_BELOW: Final = [(2, 1, 1, 1), (3, 1, 1, 1)]
_PLACES: Final = {  # left, top, width, height in quarters of the width, by how many there are
    1: [_FIRST],
    2: [_FIRST, (2, 0, 2, 2)],
    3: [_FIRST, (2, 0, 2, 1), (2, 1, 2, 1)],
    4: [_FIRST, (2, 0, 2, 1), *_BELOW],
    5: [_FIRST, (2, 0, 1, 1), (3, 0, 1, 1), *_BELOW],
}


def mosaic(files: Sequence[Path], width: int) -> bytes:
    """A JPEG of up to five thumbnails, the first one large: half as high as wide, or of one a square.

    Args:
        files: thumbnails.
        width: pixels, one of ``WIDTHS``; a square is half as wide.
    """
    return _made(tuple(str(file) for file in files[:MOST]), width)


@lru_cache(maxsize=1024)  # 10 to 25 kB each; a thumbnail is named after its content and so never changes
def _made(files: tuple[str, ...], width: int) -> bytes:
    unit = width // 4
    whole = Image.new("RGB", ((2 if len(files) == 1 else 4) * unit, 2 * unit), _GREY)
    for file, (left, top, across, down) in zip(files, _PLACES[len(files)], strict=True):
        size = (across * unit, down * unit)
        try:
            with Image.open(file) as thumbnail:
                thumbnail.draft("RGB", size)
                cut = ImageOps.fit(thumbnail.convert("RGB"), size, Image.Resampling.BILINEAR)
        except OSError:  # a thumbnail that is gone leaves a grey square
            continue
        whole.paste(cut, (left * unit, top * unit))
    written = io.BytesIO()
    whole.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
