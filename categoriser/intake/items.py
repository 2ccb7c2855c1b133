"""One input on its way in: where its bytes are to be had and what is known about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from categoriser.domain import FloatVector
from categoriser.errors import ConfigurationError, RejectedError, UnreadablePictureError
from categoriser.intake.decode import DEFAULT, Limits
from categoriser.intake.fetch import Fetcher, safe_url

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was made of a file's bytes elsewhere. ``vector``: of unit length, by the encoder of that id."""

    encoder_id: str
    vector: FloatVector = field(repr=False)
    thumbnail: bytes = field(repr=False)  # JPEG
    sha256: str
    format: str
    width: int
    height: int
    taken_at: float | None
    fingerprint: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One input. Exactly one of ``path``, ``url``, ``data`` and ``problem`` is set.

    Beside a path there may be ``encoded``, if its bytes were read elsewhere, or a problem that they had.
    """

    name: str  # for people: relative path, last part of the URL, or row number
    path: Path | None = None
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    image_id: str | None = None  # the caller's; None: the content decides
    metadata: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None  # why there is nothing to read, as a sentence
    encoded: Encoded | None = None
    inside: bool = False  # a setting named the address: it may lead into our own network

    @property
    def source(self) -> str | None:
        """The path, or the URL without secrets."""
        if self.url is not None:
            return safe_url(self.url)
        return None if self.path is None else str(self.path)


def read(item: Item, fetcher: Fetcher | None = None, limits: Limits = DEFAULT) -> bytes:
    """The bytes of an item.

    Raises:
        RejectedError: they cannot be had: missing or unreadable file, URL refused or failing, empty row.
        ConfigurationError: the item is a URL and there is no fetcher.
    """
    if item.problem is not None:
        raise RejectedError(item.problem)
    if item.data is not None:
        return item.data
    if item.url is not None:
        if fetcher is None:
            raise ConfigurationError(f"{item.name} is a URL and nothing was given to fetch it with; pass a Fetcher.")
        return fetcher.fetch(item.url)
    if item.path is None:
        raise RejectedError(f"{item.name} has neither a path nor a URL nor data; give one of them.")
    return _read_file(item.path, limits)


def item_of(value: Any, folder: Path, *, row: str, image_id: str | None, metadata: Mapping[str, Any]) -> Item:
    """The item a table's cell stands for: a URL, a path relative to ``folder``, bytes, or nothing."""
    if isinstance(value, Mapping):  # how the datasets library stores pictures: {"bytes": …, "path": …}
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes) and value:
        return Item(row, data=value, image_id=image_id, metadata=metadata)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        kind = "is empty" if value in (None, "", b"") or isinstance(value, str) else "is neither text nor a picture"
        problem = f"{row}: the image column {kind}; give a URL or a path."
        return Item(row, image_id=image_id, metadata=metadata, problem=problem)
    if _URL.match(text):
        name = safe_url(text).rstrip("/").rpartition("/")[2] or row
        return Item(name, url=text, image_id=image_id, metadata=metadata)
    return Item(text, path=folder / text, image_id=image_id, metadata=metadata)


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        if not path.is_file():  # also a pipe or a device, which could be read for ever
            state = "does not exist"
            if path.exists():
                state = "is not a file"
            elif path.is_symlink():
                state = "is a link to a file that does not exist"
            raise RejectedError(f"{path} {state}; correct the path.")
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise UnreadablePictureError(
                f"{path} has {size:,} bytes and the limit is {limits.max_bytes:,}; give a smaller version."
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise RejectedError(f"{path} cannot be read ({reason}); check the path and its permissions.") from error
