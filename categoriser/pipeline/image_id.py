"""What can be the id of an image, wherever it comes from."""

from __future__ import annotations

import re

from categoriser.catalog import storable_text
from categoriser.errors import RejectedError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_ID = 1024  # bytes in UTF-8: what every database can index


def check_id(image_id: str) -> None:
    """Refuse what cannot be an image id.

    Raises:
        RejectedError: it is empty, too long, no valid text, or holds control characters such as line breaks.
    """
    if (
        not image_id
        or image_id != storable_text(image_id)
        or _CONTROL.search(image_id)
        or len(image_id.encode()) > _LONGEST_ID
    ):
        raise RejectedError(
            f"{image_id[:80]!r} cannot be an image id: use 1 to {_LONGEST_ID} bytes of valid text without control "
            "characters such as line breaks."
        )
